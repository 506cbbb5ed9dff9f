"""The connectors of a set of tables: one that streams the changes of all, and one for the snapshot of those added.

Read this to see how the changes of many tables reach a topic each by one replication slot.
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
        BadInput: It is none.
    """
    if not NAME.fullmatch(name) or "__" in f"{name}_":
        raise BadInput(f"{name!r} is no name of a set: use small letters, digits and single underscores")


def check(name: str, tables: Sequence[Table]) -> None:
    """Check that one connector can follow the tables.

    Raises:
        BadInput: It cannot; the message says why.
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
                f"{each.schema}.{each.name} has a comma in its name and a date among its columns, which Debezium does "
                "not read in a set: follow it by itself"
            )


def _of(what: str, table: Table) -> str:
    return _topic(table) if what == "topic" else table.pipeline


def streaming(name: str, tables: Sequence[Table], peers: Peers, *, poll_ms: int = 20) -> dict[str, Any]:
    """Return the connector that streams the changes of all tables of a set, without a snapshot.

    Args:
        name: The set's name.
        tables: All its tables.
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
    """Return the connector that takes the snapshot of some tables, while the other one is stopped; it has no slot.

    Debezium has snapshots by a signal, too. They would need a table of signals in the database, and read dates before
    1582 as other days, since no query of ours can be set for them.
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
    """Return the part after the prefix of the name that Debezium gives a table's topic.

    For each other letter it writes an underscore, and two for one that UTF-16 writes as two.
    """
    return re.sub(
        r"[^A-Za-z0-9._-]", lambda found: "_" * (len(found[0].encode("utf-16-be")) // 2), f"{table.schema}.{table.name}"
    )
