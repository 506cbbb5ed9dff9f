"""A set of tables that share one connector, one replication slot and one publication.

Read this to see how a table is added without a new snapshot of the others. While the shared connector is stopped, the
table is added to the publication, and a second connector takes its snapshot. Then the shared connector continues at its
stored position, with the table in its list. A change that was made before the snapshot is in the snapshot's rows, and
a later change comes from the log.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from psycopg import sql

from reference.realtime_data_platform.clients.retry import wait_until
from reference.realtime_data_platform.errors import BadInput, NotOurs
from reference.realtime_data_platform.source.description import Table, in_pinot, quoted, slot
from reference.realtime_data_platform.source.postgres import connected
from reference.realtime_data_platform.source.publication import Publication
from reference.realtime_data_platform.stream import artifacts, shared_connector
from reference.realtime_data_platform.view import base

from .columns import require_same_encoding
from .health import ANEW, Health, health, require_slot
from .ownership import foreign, inventory

if TYPE_CHECKING:
    from reference.realtime_data_platform.platform import Platform

SNAPSHOT_WITHIN = 6 * 3600
"""Timeout in seconds for the snapshot of added tables."""

RELEASED_WITHIN = 120
"""Seconds until a stopped connector has released its slot: Debezium gives the thread that reads it ninety."""

AT_ONCE = 4
"""How many tables are created or removed in Pinot and Trino at the same time."""

_ACTIVE = "SELECT active FROM pg_replication_slots WHERE slot_name = %s"


@dataclass(frozen=True)
class Member:
    """A table of a set.

    Attributes:
        table: The table's definition.
        views: Condition in SQL, by the view's name. A view of the table's own name always exists; unless it is listed
            here, it has all rows.
    """

    table: Table
    views: dict[str, str] = field(default_factory=dict)

    def all_views(self) -> dict[str, str | None]:
        """Return the condition of each view, by the view's name; the view of the table's own name comes first."""
        return {self.table.pipeline: None, **self.views}


class TableSet:
    """A set of tables.

    Args:
        platform: The client of all services.
        name: The set's name.

    Raises:
        BadInput: The name is not a valid name of a set.
    """

    def __init__(self, platform: Platform, name: str) -> None:
        shared_connector.check_name(name)
        self.platform = platform
        self.name = name
        self.connector = shared_connector.streaming_name(name)
        self.publication = Publication(platform.addresses.postgres, slot(self.connector))

    def apply(self, members: Sequence[Member]) -> list[str]:
        """Follow all tables of the set; idempotent. Tables that are followed already get no new snapshot.

        When a step fails, the changes to the tables that were to be added are undone.

        Args:
            members: All tables of the set.

        Returns:
            Names of the pipelines that were added.

        Raises:
            NotOurs: Somebody else made an object with a name of the set or of a pipeline; nothing was changed.
            PlatformError: A step failed; the error message includes that of the server.
        """
        members = in_set(members, self.name)
        tables = [each.table for each in members]
        shared_connector.check(self.name, tables)
        self.platform.require_reference()
        self.require_ours(tables, {view for each in members for view in each.views})
        self.platform.pinot.check()
        followed = self.publication.followed()
        if missing := followed.keys() - {table.quoted for table in tables}:
            raise BadInput(f"set {self.name} also follows {', '.join(sorted(missing))}: list it, or remove it first")
        require_slot(self.platform, self.connector, ANEW)
        known = self._views()
        new = [table for table in tables if table.pipeline not in base.readers(table.pipeline, known)]
        for table in tables:
            if table.pipeline in known:
                require_same_encoding(self.platform, table)
        before = self.platform.connectors.config(self.connector)
        try:
            self._follow(tables, new)
            self.platform.apply_catalogs()
            for each in members:
                self._apply_views(each)
        except BaseException:
            self._undo(new, before, followed)
            raise
        return [table.pipeline for table in new]

    def remove(self, tables: Sequence[Table], rest: Sequence[Table] = (), *, topics: bool = False) -> None:
        """Stop following tables, and restore their replica identity; the catalogs stay.

        Args:
            tables: The tables to remove from the set.
            rest: The tables that the set continues to follow. By default none: the connector and the slot are then
                removed, too.
            topics: Whether to delete the tables' topics in Kafka, too. If the connector is removed, the topic of its
                heartbeats is also deleted.

        Raises:
            NotOurs: Somebody else made an object with a name of the set or of a pipeline; nothing was changed.
        """
        self.require_ours([replace(table, shared=self.name) for table in (*tables, *rest)], set())
        if topics:
            self.platform.topics().check()
        if rest:
            shared_connector.check(self.name, rest)
            self.platform.connectors.apply(shared_connector.streaming(self.name, rest, self.platform.peers))
        _each(self._remove_table, tables)
        unused = [table.pipeline for table in tables]
        if rest:
            self.publication.leave([table.quoted for table in tables])
        else:
            for connector in (shared_connector.snapshot_name(self.name), self.connector):
                self.platform.connectors.remove(connector)
            self.publication.leave()
            unused.append(artifacts.heartbeats(self.connector))
        if topics:
            self.platform.topics().delete(unused)

    def health(self, table: Table) -> Health:
        """Return the lag of each hop of a table of the set, and which parts have stopped (`health.health`)."""
        return health(self.platform, table.name, table.schema, self.connector)

    def require_ours(self, tables: Sequence[Table], views: Collection[str]) -> None:
        """Check every object that has a name of the set, of a table's pipeline or of a view.

        Raises:
            NotOurs: An object was made by somebody else; the message lists all such objects.
        """
        found = list(self._foreign(tables, views))
        if found:
            verb = "was" if len(found) == 1 else "were"
            raise NotOurs(
                f"{' and '.join(found)} {verb} not made by data-platform for set {self.name} of database "
                f"{self.platform.peers.database}; nothing was changed: remove it, or use another name"
            )

    def _foreign(self, tables: Sequence[Table], views: Collection[str]) -> Iterator[str]:
        database = self.platform.peers.database
        own = (shared_connector.snapshot_name(self.name), self.connector)
        for name in own:
            config = self.platform.connectors.config(name)
            mark = (shared_connector.client(self.name), database)
            if config is not None and (config.get(artifacts.CLIENT), config.get("database.dbname")) != mark:
                yield f"connector {name}"
        if found := self.publication.foreign():
            yield found
        known = inventory(self.platform)
        for table in tables:
            yield from foreign(self.platform, table.name, table.schema, known, shared=self.name, writers=own)
        ours = {view for table in tables for view in base.readers(table.pipeline, known.views)}
        for view in sorted(set(views) & known.relations - ours):
            yield f"hive.views.{view} of Trino"

    def _views(self) -> dict[str, str]:
        catalogs = self.platform.trino.query("SHOW CATALOGS")
        return self.platform.trino.views("hive", "views") if ("hive",) in catalogs else {}

    def _follow(self, tables: Sequence[Table], new: Sequence[Table]) -> None:
        """Add tables to the publication, and take the snapshot of new tables while the connector is stopped."""
        connectors, pinot = self.platform.connectors, self.platform.pinot

        def make(table: Table) -> None:
            pinot.remove(in_pinot(table.pipeline))  # an earlier attempt that failed may have left a table
            pinot.apply(artifacts.schema(table), artifacts.table(table, self.platform.peers))

        _each(make, new)
        self.publication.follow(tables)
        streaming = shared_connector.streaming(self.name, tables, self.platform.peers)
        if new:
            if connectors.config(self.connector) is None:
                connectors.apply(streaming)
                self._wait_until_slot_is(active=True)
            connectors.stop(self.connector)
            self._wait_until_slot_is(active=False)
            self._take_snapshot([table for table in new if self._has_rows(table)])
        connectors.apply(streaming)
        self._wait_until_slot_is(active=True)

    def _take_snapshot(self, tables: Sequence[Table]) -> None:
        connectors = self.platform.connectors
        name = shared_connector.snapshot_name(self.name)
        connectors.remove(name)  # an earlier attempt that was killed may have left one
        if not tables:
            return
        try:
            connectors.apply(shared_connector.taking_snapshot(self.name, tables, self.platform.peers))

            def complete() -> bool:
                if (state := connectors.status(name)).startswith("FAILED"):
                    raise BadInput(f"connector {name} {state}")
                offsets = connectors.offsets(name)
                done = any(each.get("last_snapshot_record") or each.get("snapshot_completed") for each in offsets)
                # A table that has been emptied meanwhile sends no row; the log has the deletion of its rows.
                return done or not any(map(self._has_rows, tables))

            wait_until(complete, f"connector {name} does not complete the snapshot", within=SNAPSHOT_WITHIN)
        finally:
            connectors.remove(name)

    def _has_rows(self, table: Table) -> bool:
        with connected(self.platform.addresses.postgres) as connection:
            origin = sql.Identifier(table.schema, table.name)
            return connection.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(origin)).fetchone() is not None

    def _wait_until_slot_is(self, *, active: bool) -> None:
        def is_so() -> bool:
            with connected(self.platform.addresses.postgres) as connection:
                return connection.execute(_ACTIVE, [self.publication.name]).fetchone() == (active,)

        message = f"replication slot {self.publication.name} is {'not read' if active else 'still read'}"
        patience = self.platform.patience
        wait_until(is_so, message, within=patience if active else max(patience, RELEASED_WITHIN))

    def _apply_views(self, member: Member) -> None:
        trino, table = self.platform.trino, member.table
        for name, where in member.all_views().items():
            trino.apply_view(self.platform.view_sql(table, where, name))
        trino.query(f"EXPLAIN (TYPE VALIDATE) TABLE hive.views.{quoted(table.pipeline)}")

    def _remove_table(self, table: Table) -> None:
        self.platform.remove_views(table.pipeline)
        self.platform.pinot.remove(in_pinot(table.pipeline))

    def _undo(self, new: Sequence[Table], before: dict[str, str] | None, followed: Collection[str]) -> None:
        """Remove everything created for new tables, and let the connector continue with the other tables."""
        connectors = self.platform.connectors
        _each(self._remove_table, new)
        if before is None:
            connectors.remove(self.connector)
            self.publication.leave()
            return
        connectors.apply({"name": self.connector, "config": before})
        self.publication.leave([name for table in new if (name := table.quoted) not in followed])


def _each(step: Callable[[Table], None], tables: Sequence[Table]) -> None:
    """Run a step for each table, `AT_ONCE` at a time, since a step mostly waits for servers; raise the first error."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(step, tables))


def in_set(members: Sequence[Member], name: str) -> list[Member]:
    """Return tables as members of the set of this name; with an empty name, as tables with their own connectors."""
    return [replace(each, table=replace(each.table, shared=name)) for each in members]
