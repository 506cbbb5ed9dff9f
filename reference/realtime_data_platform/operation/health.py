"""The state of a table's pipeline: the lag of each hop, which parts have stopped, and how to start them again.

Read this to see what `data-platform status` checks, and what each of its sentences means.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reference.realtime_data_platform.errors import Refused, Unreachable
from reference.realtime_data_platform.source.description import AFTER_COMMIT, in_pinot, pipeline, slot
from reference.realtime_data_platform.source.postgres import connected
from reference.realtime_data_platform.view import base

from .columns import changed_columns

if TYPE_CHECKING:
    from reference.realtime_data_platform.platform import Platform

MOST_RETAINED = 1 << 30
"""Limit on the bytes of log that the replication slot keeps PostgreSQL from removing; more counts as stopped."""

RECOVER = "run recover"
"""Advice after the slot of a single table was lost."""

ANEW = "run remove, then apply"
"""Advice after the slot of a set was lost."""

_SLOT = """
SELECT wal_status, active, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint,
  pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint
FROM pg_replication_slots WHERE slot_name = %s
"""
_LOST = "PostgreSQL has removed changes that the connector had not read"
_UNRESERVED = "PostgreSQL removes changes that the connector has not read at its next checkpoint"
_STRANGE = "lsn <= 0 OR op NOT IN ('r', 'c', 'u', 'd', 't')"
"""The condition on a row of Pinot's that no connector of a table has sent."""

_Slot = tuple[str | None, bool, int | None, int | None]


@dataclass(frozen=True)
class Health:
    """The state of a table's pipeline.

    Attributes:
        parts: State of each part, by the part's name.
        behind: Lag of each hop, by the two ends of the hop.
        stopped: A sentence for each part that has stopped, which also says how to start it again.
    """

    parts: dict[str, str]
    behind: dict[str, str]
    stopped: tuple[str, ...]

    def __bool__(self) -> bool:
        """Return whether no part has stopped."""
        return not self.stopped


def health(platform: Platform, table: str, schema: str, connector: str = "") -> Health:
    """Return the state of a table's pipeline; if no part of it exists, none counts as stopped.

    Args:
        platform: The client of all services.
        table: The table's name.
        schema: The table's schema.
        connector: Name of the connector that follows the table; by default the table's own.
    """
    own = pipeline(table, schema)
    connector = connector or own
    parts = platform.status(table, schema) | {"connector": platform.connectors.status(connector)}
    behind: dict[str, str] = {}
    found = _slot(platform, connector)
    parts["slot"] = "absent" if found is None else str(found[0])
    if set(parts.values()) == {"absent"}:
        return Health(parts, behind, ())
    if found is not None and found[2] is not None:
        behind["PostgreSQL to Connect"] = f"{found[3]:,} bytes of log not confirmed, {found[2]:,} bytes kept"
    if parts["pinot"] == "answers":
        behind["Kafka to Pinot"] = _not_read(platform, own)
    there = parts["pinot"] == "answers" and parts["view"] == "there"
    if there and (view := platform.trino.view("hive", "views", own)) is not None:
        changes = f"SELECT count(*) FROM {in_pinot(own)} WHERE {AFTER_COMMIT} >= {base.mark_of(view).watermark}"  # noqa: S608  # a plain name
        behind["Pinot to base"] = f"{platform.pinot.query(changes)[0][0]:,} changes not folded"
    stopped = list(_stopped(platform, own, connector, parts, found))
    if parts["view"] == "there":
        stopped += changed_columns(platform, table, schema, connector)
    return Health(parts, behind, tuple(stopped))


def lost_slot(platform: Platform, connector: str) -> str | None:
    """Return a sentence that tells how the replication slot of a connector has lost changes, or None if it has not."""
    return _lost(connector, _slot(platform, connector))


def require_slot(platform: Platform, connector: str, back: str) -> None:
    """Check that the replication slot of a connector, if the connector exists, has lost no changes.

    Raises:
        Refused: The slot has lost changes; the message ends with the advice in `back`.
    """
    if platform.connectors.config(connector) is not None and (lost := lost_slot(platform, connector)):
        raise Refused(f"{lost}; {back}")


def _slot(platform: Platform, connector: str) -> _Slot | None:
    with connected(platform.addresses.postgres) as connection:
        return connection.execute(_SLOT, [slot(connector)]).fetchone()


def _lost(connector: str, found: _Slot | None) -> str | None:
    if found is None:
        return f"replication slot {slot(connector)} is absent, and changes since are lost"
    return f"replication slot {slot(connector)} is lost: {_LOST}" if found[0] == "lost" else None


def _not_read(platform: Platform, own: str) -> str:
    """Return how many messages of a topic Pinot has not read, or that this is unknown if Kafka is not reachable."""
    try:
        ends, offsets = platform.topics(patience=15).ends(own), platform.pinot.offsets(in_pinot(own))
    except Unreachable as error:
        return f"unknown: {error}"
    if not ends:
        return f"unknown: Kafka shows this user no topic {own}"
    lag = sum(max(0, end - offsets.get(partition, 0)) for partition, end in ends.items())
    return f"{lag:,} messages not read"


def _stopped(platform: Platform, own: str, connector: str, parts: dict[str, str], found: _Slot | None) -> Iterator[str]:
    lost = _lost(connector, found)
    if not parts["connector"].startswith("RUNNING"):
        yield f"connector {connector} is {parts['connector']}" + (
            "" if lost else "; fix the cause, and run apply again"
        )
    if lost or found is None:
        yield f"{lost}; {RECOVER if connector == own else ANEW}"
    elif found[0] == "unreserved":
        yield f"replication slot {slot(connector)} is unreserved: {_UNRESERVED}; run apply at once"
    elif not found[1]:
        yield f"nothing reads replication slot {slot(connector)}; run apply again"
    elif found[2] is not None and found[2] > MOST_RETAINED:
        yield (
            f"replication slot {slot(connector)} keeps {found[2]:,} bytes of log, more than {MOST_RETAINED:,}; "
            "find out why Kafka Connect does not read them"
        )
    if parts["pinot"] != "answers":
        yield f"Pinot's table {in_pinot(own)} is {parts['pinot']}; start Pinot's servers, or run apply again"
    elif not platform.pinot.consuming(in_pinot(own)):
        yield f"no server of Pinot reads every partition of topic {own}; start Pinot's servers"
    if parts["pinot"] == "answers":
        strange = platform.pinot.query(f"SELECT count(*) FROM {in_pinot(own)} WHERE {_STRANGE}")[0][0]  # noqa: S608  # a plain name
        if strange:
            yield (
                f"topic {own} has messages of another producer, which are no changes of the table ({strange:,}); stop "
                "it, run remove --topic, then apply"
            )
