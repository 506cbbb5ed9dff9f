"""What the platform changes in PostgreSQL: a publication, a replication slot, and each table's replica identity.

The comment of the publication marks it as the platform's, and stores the replica identity that each table had before.
A replication slot cannot have a comment: it is the platform's if the publication of the same name has the mark. Read
this to see which locks are taken while a table is added, and how `remove` restores a table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql

from reference.realtime_data_platform.errors import BadInput, NotOurs, Refused

from .description import Table
from .postgres import connected

MADE_BY = "data-platform"
"""The value that marks an object as created by the platform."""

LOCK_WITHIN = 10
"""Timeout in seconds for the lock of a table; writers of the table wait as long."""

_WHOLE_ROWS = "FULL"
_IDENTITY = re.compile(r'DEFAULT|NOTHING|FULL|USING INDEX "([^"]|"")+"')
_BEFORE = """
SELECT CASE relreplident WHEN 'd' THEN 'DEFAULT' WHEN 'n' THEN 'NOTHING' WHEN 'f' THEN 'FULL'
  ELSE (SELECT 'USING INDEX "' || replace(i.relname, '"', '""') || '"'
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = c.oid AND x.indisreplident) END
FROM pg_class c WHERE oid = to_regclass(%s)
"""
_MEMBERS = (
    "SELECT format('%%I.%%I', schemaname, tablename)::regclass::oid FROM pg_publication_tables WHERE pubname = %s"
)

Connection = psycopg.Connection[tuple[Any, ...]]


class Publication:
    """The publication of one connector, and the replication slot of the same name.

    Args:
        dsn: Connection string of PostgreSQL.
        name: The name of the publication and of the slot.
    """

    def __init__(self, dsn: str, name: str) -> None:
        self.dsn = dsn
        self.name = name

    def foreign(self) -> str | None:
        """Return which object of this name somebody else made, or None."""
        with connected(self.dsn) as connection:
            exists, marked = self._mark(connection)
            slot = connection.execute("SELECT FROM pg_replication_slots WHERE slot_name = %s", [self.name]).fetchone()
        if exists and marked is None:
            return f"publication {self.name} of PostgreSQL"
        return f"replication slot {self.name} of PostgreSQL" if slot is not None and not exists else None

    def followed(self) -> Mapping[str, str]:
        """Return the replica identity that each followed table had before, by the table's quoted name.

        Tables that were dropped are left out.
        """
        with connected(self.dsn) as connection:
            marked = self._mark(connection)[1] or {}
            return {name: before for name, before in marked.items() if connection.execute(_BEFORE, [name]).fetchone()}

    def follow(self, tables: Sequence[Table]) -> None:
        """Add tables to the publication, and set REPLICA IDENTITY FULL on each; idempotent.

        Without REPLICA IDENTITY FULL an update event leaves out long values that the update did not change.

        Each table is locked until no transaction that has written to it is open. Otherwise the changes that such a
        transaction made before the table was added would be missing from the stream, although it commits afterwards.

        Raises:
            BadInput: PostgreSQL has no such table; the tables before it in the list are published.
            NotOurs: The publication was made by somebody else.
            Refused: A transaction that uses a table does not end in time; the tables before it are published.
        """
        with connected(self.dsn) as connection:
            for table in tables:
                try:
                    with connection.transaction():
                        connection.execute(f"SET LOCAL lock_timeout = '{LOCK_WITHIN}s'")
                        self._follow(connection, table)
                except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
                    raise Refused(
                        f"a transaction has locked {table.quoted} for {LOCK_WITHIN} s; try again after it has ended"
                    ) from error

    def _follow(self, connection: Connection, table: Table) -> None:
        exists, marked = self._mark(connection)
        if exists and marked is None:
            raise NotOurs(f"publication {self.name} of PostgreSQL was made by somebody else")
        name, origin = sql.Identifier(self.name), sql.Identifier(table.schema, table.name)
        before = dict(marked or {})
        found = connection.execute(_BEFORE, [table.quoted]).fetchone()
        if found is None:
            raise BadInput(f"PostgreSQL has no table {table.schema}.{table.name}")
        if not exists:
            connection.execute(sql.SQL("CREATE PUBLICATION {}").format(name))
        whole = found[0] == _WHOLE_ROWS
        if not self._publishes(connection, table.quoted):
            mode = sql.SQL("SHARE ROW EXCLUSIVE" if whole else "ACCESS EXCLUSIVE")
            connection.execute(sql.SQL("LOCK TABLE {} IN {} MODE").format(origin, mode))
            connection.execute(sql.SQL("ALTER PUBLICATION {} ADD TABLE {}").format(name, origin))
            before.pop(table.quoted, None)
        if not whole:
            connection.execute(sql.SQL("ALTER TABLE {} REPLICA IDENTITY FULL").format(origin))
        before.setdefault(table.quoted, found[0])
        if before != marked:
            self._write_mark(connection, before)

    def _publishes(self, connection: Connection, table: str) -> bool:
        [oid] = connection.execute("SELECT to_regclass(%s)::oid", [table]).fetchone() or [None]
        return oid in {member for (member,) in connection.execute(_MEMBERS, [self.name])}

    def leave(self, tables: Collection[str] | None = None) -> None:
        """Remove tables from the publication, and restore the replica identity that they had before; idempotent.

        Args:
            tables: Quoted names of the tables. By default all; the publication and the slot are then removed, too.
        """
        with connected(self.dsn) as connection:
            exists, marked = self._mark(connection)
            before = dict(marked or {})
            for table in list(before) if tables is None else tables:
                self._restore(connection, table, before.pop(table, None))
            if tables is not None:
                self._write_mark(connection, before)
                return
            connection.execute(
                "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s",
                [self.name],
            )
            if exists:
                connection.execute(sql.SQL("DROP PUBLICATION {}").format(sql.Identifier(self.name)))

    def _restore(self, connection: Connection, table: str, identity: str | None) -> None:
        found = connection.execute(_BEFORE, [table]).fetchone()
        if found is None or identity is None:
            return
        origin = sql.SQL(table)  # quoted by `Table.quoted`, and found by PostgreSQL
        if self._publishes(connection, table):
            name = sql.Identifier(self.name)
            connection.execute(sql.SQL("ALTER PUBLICATION {} DROP TABLE {}").format(name, origin))
        if found[0] == _WHOLE_ROWS != identity and _IDENTITY.fullmatch(identity):
            keyword = sql.SQL(identity)  # one of four forms
            connection.execute(sql.SQL("ALTER TABLE {} REPLICA IDENTITY {}").format(origin, keyword))

    def _mark(self, connection: Connection) -> tuple[bool, dict[str, str] | None]:
        """Return whether the publication exists, and the replica identities in its comment if it has our mark."""
        query = "SELECT obj_description(oid, 'pg_publication') FROM pg_publication WHERE pubname = %s"
        row = connection.execute(query, [self.name]).fetchone()
        if row is None:
            return False, None
        try:
            mark = json.loads(row[0] or "")
        except ValueError:
            return True, None
        ours = isinstance(mark, dict) and mark.get("made by") == MADE_BY and isinstance(mark.get("before"), dict)
        return True, {str(table): str(identity) for table, identity in mark["before"].items()} if ours else None

    def _write_mark(self, connection: Connection, before: Mapping[str, str]) -> None:
        comment = sql.Literal(json.dumps({"made by": MADE_BY, "before": dict(before)}))
        statement = sql.SQL("COMMENT ON PUBLICATION {} IS {}").format(sql.Identifier(self.name), comment)
        connection.execute(statement)
