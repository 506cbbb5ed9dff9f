"""Move the segments of a table between Pinot's servers, so that no query of a view silently lacks the rows that move.

While a segment moves, no server has it, and Trino leaves its rows out without an error. Therefore every query of the
views fails during the move: a query that succeeds was run before or after it. Read this before you schedule
`Platform.rebalance`.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reference.realtime_data_platform.clients.retry import wait_until
from reference.realtime_data_platform.errors import BadInput
from reference.realtime_data_platform.source.description import in_pinot, pipeline, quoted
from reference.realtime_data_platform.stream.tiers import Tier, configs
from reference.realtime_data_platform.view import base

from .ownership import require_ours

if TYPE_CHECKING:
    from reference.realtime_data_platform.platform import Platform


def apply_tiers(platform: Platform, name: str, schema: str, tiers: Sequence[Tier]) -> None:
    """Give the Pinot table of a pipeline these tiers and no others; `rebalance` then moves the segments.

    Raises:
        BadInput: Two tiers have the same name, no server has a tier's tag, or the table has no pipeline; nothing was
            changed.
        NotOurs: Somebody else made an object with a name of the pipeline; nothing was changed.
    """
    wanted = configs(tiers)
    require_ours(platform, name, schema)
    table = in_pinot(pipeline(name, schema))
    found = platform.pinot.config(table)
    if found is None:
        raise BadInput(f"{schema}.{name} has no table in Pinot: apply its pipeline first")
    tags = platform.pinot.tags()
    if lacking := sorted({tier.tag for tier in tiers} - tags):
        raise BadInput(f"no server of Pinot has the tag {lacking[0]}; the servers have {', '.join(sorted(tags))}")
    platform.pinot.apply_table({**found, "tableName": table, "tierConfigs": wanted})


def rebalance(platform: Platform, name: str, schema: str) -> dict[str, str]:
    """Move each segment of a table to a server of its tier; every query of the table's views fails during the move.

    Let a scheduler run it regularly, at a time without long queries: it first waits for running queries to end.

    Returns:
        The new server of each segment that was moved, by the segment's name.

    Raises:
        NotInTime: A query that was running before did not end within the timeout; nothing was moved.
        Refused: Pinot refused to move segments; the message is Pinot's.
    """
    require_ours(platform, name, schema)
    table = in_pinot(pipeline(name, schema))
    if not platform.pinot.rebalance(table, dry_run=True):
        return {}
    before = platform.pinot.servers(table)
    with _closed(platform, pipeline(name, schema)):
        platform.pinot.rebalance(table)
    after = platform.pinot.servers(table)
    return {segment: server for segment, server in after.items() if before.get(segment, server) != server}


@contextmanager
def _closed(platform: Platform, own: str) -> Generator[None]:
    """Make every query of a pipeline's views fail in the block, and wait until earlier queries have ended."""
    trino = platform.trino
    views = base.readers(own, trino.views("hive", "views"))
    try:
        closed = {view: base.closed(text) for view, text in views.items()}
    except ValueError as error:
        raise BadInput(f"a view of {own} is {error}: run apply again") from error
    try:
        for view, text in closed.items():
            trino.query(f"CREATE OR REPLACE VIEW hive.views.{quoted(view)} AS {text}")
        [(since,)] = trino.query("SELECT CAST(current_timestamp AS varchar)")
        earlier = (
            "SELECT count(*) FROM system.runtime.queries WHERE state NOT IN ('FINISHED', 'FAILED') "  # noqa: S608  # Trino's
            f"AND created < CAST('{since}' AS timestamp(3) with time zone)"
        )
        wait_until(
            lambda: trino.query(earlier) == [(0,)],
            "queries that began before the move have not ended",
            within=platform.patience,
        )
        yield
    finally:
        for view, text in views.items():
            trino.query(f"CREATE OR REPLACE VIEW hive.views.{quoted(view)} AS {text}")
