"""Whether what has the names of a pipeline was made by the platform: nothing else is overwritten or deleted.

Each part carries a mark: the connector its producer's client id, Pinot's table a custom configuration, the publication
its comment. A view is the platform's when it reads the base of the pipeline, and a base or a schema of Pinot's when it
has the columns that only the platform makes. A topic can hold no mark: it is somebody else's when another connector
writes to it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reference.realtime_data_platform.errors import NotOurs
from reference.realtime_data_platform.source.description import AFTER_COMMIT, ROW_COLUMNS, in_pinot, pipeline, slot
from reference.realtime_data_platform.source.publication import MADE_BY, Publication
from reference.realtime_data_platform.stream.artifacts import CLIENT, mark
from reference.realtime_data_platform.view import base

if TYPE_CHECKING:
    from reference.realtime_data_platform.platform import Platform

_IN_BASE = {"__source", "__op", "__place", "__step", "__changes"}


@dataclass(frozen=True)
class Inventory:
    """What Connect and Trino have, under whatever name; it is asked once for all tables.

    Attributes:
        topics: The topics that each connector has written to, by its name.
        relations: Names of the tables and views of `hive.views`.
        views: Text of those that are views, by name.
        bases: Names of the columns of each table of `iceberg.base`, by its name.
    """

    topics: Mapping[str, set[str]]
    relations: set[str]
    views: Mapping[str, str]
    bases: Mapping[str, set[str]]


def inventory(platform: Platform) -> Inventory:
    """Return what Connect and Trino have."""
    trino = platform.trino
    catalogs = {catalog for (catalog,) in trino.query("SHOW CATALOGS")}
    hive, iceberg = "hive" in catalogs, "iceberg" in catalogs
    return Inventory(
        platform.connectors.written(),
        trino.relations("hive", "views") if hive else set(),
        trino.views("hive", "views") if hive else {},
        trino.tables("iceberg", "base") if iceberg else {},
    )


def require_ours(platform: Platform, name: str, schema: str) -> None:
    """Check everything that has a name of a table's pipeline.

    Raises:
        NotOurs: Some of it was made by somebody else, or for another table; the message lists all of it.
    """
    if found := list(foreign(platform, name, schema, inventory(platform))):
        verb = "was" if len(found) == 1 else "were"
        raise NotOurs(
            f"{' and '.join(found)} {verb} not made by data-platform for {schema}.{name} of database "
            f"{platform.peers.database}; nothing was changed: rename the table, or remove what has its name"
        )


def foreign(
    platform: Platform, name: str, schema: str, known: Inventory, *, shared: str = "", writers: Collection[str] = ()
) -> Iterator[str]:
    """Return what has a name of a table's pipeline and was made by somebody else, or for another table.

    Args:
        platform: The client of all services.
        name: The table's name.
        schema: Its schema.
        known: What Connect and Trino have.
        shared: Name of the set that the table is in; then a connector or a slot of its own is another's, too.
        writers: Names of the connectors that may write to its topic besides its own.
    """
    own = pipeline(name, schema)
    mark_of_ours = (f"{MADE_BY}.{own}", platform.peers.database)
    config = platform.connectors.config(own)
    if config is not None and (shared or (config.get(CLIENT), config.get("database.dbname")) != mark_of_ours):
        yield f"connector {own}"
    for writer, topics in known.topics.items():
        if own in topics and writer not in {own, *writers}:
            yield f"topic {own}, to which connector {writer} writes,"
    yield from _in_pinot(platform, name, schema, shared)
    if own in known.relations - base.readers(own, known.views).keys():
        yield f"hive.views.{own} of Trino"
    if not known.bases.get(own, _IN_BASE) >= _IN_BASE:
        yield f"{base.base(own)} of Trino"
    if not shared and (found := Publication(platform.addresses.postgres, slot(own)).foreign()):
        yield found


def _in_pinot(platform: Platform, name: str, schema: str, shared: str) -> Iterator[str]:
    own = in_pinot(pipeline(name, schema))
    table = platform.pinot.config(own)
    if table is not None and (table.get("metadata") or {}).get("customConfigs") != mark(
        name, schema, platform.peers, shared
    ):
        yield f"table {own} of Pinot"
    columns = platform.pinot.columns(own)
    if table is None and columns and not {*ROW_COLUMNS, AFTER_COMMIT} <= columns:
        yield f"schema {own} of Pinot"
