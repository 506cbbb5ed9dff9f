"""Move the segments of a table between Pinot's servers, so that no read of a view lacks the rows that move.

While a segment moves, no server has it, and Trino passes over it without an error. The views are therefore an error for
as long: a read is of the time before or of the time after.
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
    """Give the Pinot table of a pipeline these tiers and no others; its segments move with `rebalance`.

    Raises:
        BadInput: Two tiers have one name, no server has the tag of one, or the table has no pipeline; nothing was
            changed.
        NotOurs: Something that has the name of a part was made by somebody else; nothing was changed.
    """
    wanted = configs(tiers)
    require_ours(platform, name, schema)
    table = in_pinot(pipeline(name, schema))
    found = platform.pinot.config(table)
    if found is None:
        raise BadInput(f"{schema}.{name} has no table in Pinot: apply its pipeline first")
    tags = platform.pinot.tags()
    if lacking := sorted({tier.tag for tier in tiers} - tags):
        raise BadInput(f"no server of Pinot has the tag {lacking[0]}; its servers have {', '.join(sorted(tags))}")
    platform.pinot.apply_table({**found, "tableName": table, "tierConfigs": wanted})


def rebalance(platform: Platform, name: str, schema: str) -> dict[str, str]:
    """Move each segment of a table to a server of its tier; a read of its views is an error meanwhile.

    Run it from time to time, from a scheduler, when no long queries run: it waits for those that have begun.

    Returns:
        The new server of each segment that was moved, by the segment's name.

    Raises:
        NotInTime: A query that had begun before goes on; nothing was moved.
        Refused: Pinot refused; the message is Pinot's.
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
    """Make the views of a pipeline an error, and wait until no query reads them that has begun before."""
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
