"""Check that the objects with a pipeline's names were made by the platform: no others are overwritten or deleted.

Read this to see how the platform recognizes its own objects. Three have a mark: the connector in its producer's client
id, Pinot's table in its custom configuration, the publication in its comment. A view is the platform's if it reads the
base of the pipeline. A base, and a schema in Pinot, is the platform's if it has the columns that only the platform
creates. A topic cannot have a mark: it counts as somebody else's if another connector writes to it.
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
    """All topics, relations and bases in Kafka Connect and Trino; it is queried once for all tables of a set.

    Attributes:
        topics: The topics that each connector has written to, by the connector's name.
        relations: Names of the tables and views in `hive.views`.
        views: Text of each view in `hive.views`, by the view's name.
        bases: Names of the columns of each table in `iceberg.base`, by the table's name.
    """

    topics: Mapping[str, set[str]]
    relations: set[str]
    views: Mapping[str, str]
    bases: Mapping[str, set[str]]


def inventory(platform: Platform) -> Inventory:
    """Query Kafka Connect and Trino for all their topics, relations and bases."""
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
    """Check every object that has a name of a table's pipeline.

    Raises:
        NotOurs: An object was made by somebody else, or for another table; the message lists all such objects.
    """
    if found := list(foreign(platform, name, schema, inventory(platform))):
        verb = "was" if len(found) == 1 else "were"
        raise NotOurs(
            f"{' and '.join(found)} {verb} not made by data-platform for {schema}.{name} of database "
            f"{platform.peers.database}; nothing was changed: rename the table, or remove the objects"
        )


def foreign(
    platform: Platform, name: str, schema: str, known: Inventory, *, shared: str = "", writers: Collection[str] = ()
) -> Iterator[str]:
    """Yield each object that has a name of a table's pipeline, but was made by somebody else or for another table.

    Args:
        platform: The client of all services.
        name: The table's name.
        schema: The table's schema.
        known: All objects of Kafka Connect and Trino.
        shared: Name of the set that the table is in. In a set, a connector of the table's own name is foreign, too.
        writers: Names of further connectors that may write to the table's topic.
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
