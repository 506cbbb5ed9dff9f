"""The two connectors of a set of tables: one streams the changes of all tables, one takes the snapshot of added tables.

Read this to see how one replication slot delivers the changes of many tables, each to a topic of its own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from reference.realtime_data_platform.errors import BadInput
from reference.realtime_data_platform.source.description import NAME, Table, slot
from reference.realtime_data_platform.source.publication import MADE_BY

from .artifacts import CLIENT, PREFIX, ROUTER, Peers, left_out, pattern, snapshot, source


def streaming_name(name: str) -> str:
    """Return the name of the connector, slot and publication of a set."""
    return f"{name}_tables"


def snapshot_name(name: str) -> str:
    """Return the name of the connector that takes the snapshot of added tables, and is removed afterwards."""
    return f"{name}_snapshot"


def client(name: str) -> str:
    """Return the value that marks a set's connectors as the platform's."""
    return f"{MADE_BY}.tables.{name}"


def check_name(name: str) -> None:
    """Check the name of a set.

    Raises:
        BadInput: The name has other characters than the message lists.
    """
    if not NAME.fullmatch(name) or "__" in f"{name}_":
        raise BadInput(f"{name!r} is not a valid name of a set: use small letters, digits and single underscores")


def check(name: str, tables: Sequence[Table]) -> None:
    """Check that one connector can follow all tables.

    Raises:
        BadInput: One connector cannot; the message says why.
    """
    check_name(name)
    if not tables:
        raise BadInput(f"set {name} has no table")
    for count, what in ((Counter(map(_topic, tables)), "topic"), (Counter(each.pipeline for each in tables), "name")):
        if same := [f"{each.schema}.{each.name}" for each in tables if count[_of(what, each)] > 1]:
            raise BadInput(f"{' and '.join(same)} would have one {what}: put them into different sets")
    for each in tables:
        if "," in f"{each.schema}{each.name}" and snapshot([each]):
            raise BadInput(
                f"{each.schema}.{each.name} has a comma in its name and a column of dates; Debezium cannot read its "
                "dates in a set: apply the table by itself"
            )


def _of(what: str, table: Table) -> str:
    return _topic(table) if what == "topic" else table.pipeline


def streaming(name: str, tables: Sequence[Table], peers: Peers, *, poll_ms: int = 20) -> dict[str, Any]:
    """Return the connector that streams the changes of all tables of a set, without a snapshot.

    Args:
        name: The set's name.
        tables: All tables of the set.
        peers: Addresses of the services.
        poll_ms: Milliseconds between two polls for changes.
    """
    own = streaming_name(name)
    return {
        "name": own,
        "config": {
            **_shared(name, own, tables, peers),
            "snapshot.mode": "no_data",
            "slot.name": slot(own),
            "poll.interval.ms": str(poll_ms),
        },
    }


def taking_snapshot(name: str, tables: Sequence[Table], peers: Peers) -> dict[str, Any]:
    """Return the connector that takes the snapshot of some tables while the streaming connector is stopped.

    It creates no replication slot. Debezium can also take a snapshot on a signal; that would need a table of signals in
    the database, and would read dates before 1582 as other days, since such a snapshot ignores the query that reads
    dates as numbers (`artifacts.snapshot`).
    """
    own = snapshot_name(name)
    return {
        "name": own,
        "config": {
            **_shared(name, own, tables, peers),
            **snapshot(tables),
            "heartbeat.interval.ms": "0",
            "snapshot.mode": "initial_only",
            "slot.name": slot(own),
        },
    }


def _shared(name: str, own: str, tables: Sequence[Table], peers: Peers) -> dict[str, str]:
    aliases = [f"route{number}" for number in range(1, len(tables) + 1)]
    routes: dict[str, str] = {}
    for alias, table in zip(aliases, tables, strict=True):
        topic = f"{PREFIX}{own}.{_topic(table)}".replace(".", r"\.")
        routes |= {
            f"transforms.{alias}.type": ROUTER,
            f"transforms.{alias}.regex": topic,
            f"transforms.{alias}.replacement": table.pipeline,
        }
    return {
        **source(peers),
        "table.include.list": ",".join(pattern(table.schema, table.name) for table in tables),
        "publication.autocreate.mode": "disabled",
        "publication.name": slot(streaming_name(name)),
        "transforms": ",".join(aliases),
        **routes,
        CLIENT: client(name),
        "topic.prefix": f"{PREFIX}{own}",
        **left_out(tables),
    }


def _topic(table: Table) -> str:
    """Return Debezium's name of a table's topic, without the prefix.

    Debezium replaces each character that Kafka does not allow by an underscore, and one that takes two units in UTF-16
    by two underscores.
    """
    return re.sub(
        r"[^A-Za-z0-9._-]", lambda found: "_" * (len(found[0].encode("utf-16-be")) // 2), f"{table.schema}.{table.name}"
    )
