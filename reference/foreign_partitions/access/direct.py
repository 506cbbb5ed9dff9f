"""Lookups that bypass the base: each query goes directly to the server that has the row, in one round trip.

Through the base a row of a foreign partition takes one round trip to the base and five from there to its server:
postgres_fdw reads by a cursor in a transaction, and opens and closes both for every statement; it has no option to
avoid that. An application that looks up many rows one by one can query the servers itself, by the same description.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Self
from uuid import UUID

import psycopg
from psycopg import sql

from reference.foreign_partitions.connecting import connect
from reference.foreign_partitions.description import Description, Partition
from reference.foreign_partitions.errors import PartitionUnavailable, Unreachable

from .rows import Rows, compared, conditions, lookup, partition_of, require_partition_key

# Settings that affect how values are parsed; they are copied from the base's session to every server's.
SESSION = (b"TimeZone", b"DateStyle", b"IntervalStyle")
# Types whose equal values are equal in PostgreSQL, too; the partition of other values is not cached.
CACHED = frozenset({int, str, bytes, UUID, Decimal, date, datetime})


class DirectRows:
    """Lookups of rows of a described table, each sent to the server that has them.

    The results equal those of `Rows.find`, except for transactions: in a foreign partition only committed rows are
    read, without uncommitted changes of the caller's transaction on the base. Each server must enforce its partitions'
    bounds, as `Deployment.apply` sets them up. Values are parsed with the settings of the base's session: a
    datetime without an offset is in the session's time zone.

    The statement of each lookup also reads the layout of the server's partitions. If it is not the layout of the
    description, the row is looked up through the base, which is slower and has the same result: this happens during a
    rebalance, and after a rebalance with the old description. `bypassed` counts the lookups that did not use the base.

    Args:
        base: A connection to the base. It is queried for rows that the base stores, and once per value of the hash
            column for the value's partition.
        description: Description of the table; servers are reached at operators' addresses. After a rebalance create an
            object with the new description, so that lookups go to the servers again.
        remembered: Maximum number of values of the hash column whose partition is cached.

    Attributes:
        bypassed: Number of lookups that a server answered without the base.
    """

    def __init__(self, base: psycopg.Connection[Any], description: Description, *, remembered: int = 100_000) -> None:
        self._base = base
        self._rows = Rows(base, description)
        self.bypassed = 0
        self._description = description
        self._layout = description.layout
        self._servers = {server.name: server for server in description.servers}
        self._connections: dict[str, psycopg.Connection[Any]] = {}
        self._sessions: dict[str, tuple[bytes | None, ...]] = {}
        self._base_session: tuple[bytes | None, ...] = ()
        self._remainder = partition_of(description)
        self._cached = lru_cache(remembered)(self._ask_base)
        self._statement = lru_cache(256)(self._compose)

    def __enter__(self) -> Self:
        """Return the object; the block closes the connections to servers, but not the connection to the base."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to the servers."""
        while self._connections:
            self._connections.popitem()[1].close()

    def partition(self, value: Any) -> Partition:
        """Return the partition of rows with this value of the hash column; the base is queried once per value."""
        return self._partition(value, self._session())

    def find(self, **columns: Any) -> list[dict[str, Any]]:
        """Find rows by equal columns (None: by NULL), on the server that has them.

        Raises:
            WithoutPartitionKey: The hash column is not among the columns.
            PartitionUnavailable: The partition's server does not answer.
        """
        key = require_partition_key(self._description.table, columns)
        if key is None:
            return []  # the hash column is never NULL
        session = self._session()
        partition = self._partition(key, session)
        found = None
        if partition.server is not None:
            statement, values = self._statement(partition.name, conditions(columns)), compared(columns)
            found = self._rows_on(partition.server, statement, values, session)
        if found is None:
            return self._rows.find(**columns)
        self.bypassed += 1
        return found

    def connection(self, name: str) -> psycopg.Connection[Any]:
        """Return the connection to a server, which is made at the first call; each statement on it commits.

        Raises:
            PartitionUnavailable: The server does not answer.
        """
        if name not in self._connections:
            server = self._servers[name]
            try:
                made = connect(name, server.admin_endpoint, timeout=server.connect_timeout, autocommit=True)
            except Unreachable as error:
                raise PartitionUnavailable(str(error)) from error
            self._connections[name] = made
            self._sessions.pop(name, None)
        return self._connections[name]

    def _session(self) -> tuple[bytes | None, ...]:
        if not self._base.closed:  # else what is cached still holds, as long as it lasts
            self._base_session = tuple(map(self._base.pgconn.parameter_status, SESSION))
        return self._base_session

    def _partition(self, value: Any, session: tuple[bytes | None, ...]) -> Partition:
        # Equal values of different types may mean different values to PostgreSQL.
        name = type(value).__name__
        return self._cached(name, value, session) if type(value) in CACHED else self._ask_base(name, value, ())

    def _rows_on(
        self, name: str, statement: bytes, values: list[Any], session: tuple[bytes | None, ...]
    ) -> list[dict[str, Any]] | None:
        """Return the rows of a leaf; None if the server's partitions are not those of the description."""
        fresh = name not in self._connections
        connection = self.connection(name)
        try:
            if self._sessions.get(name) != session:
                for setting, value in zip(SESSION, session, strict=True):
                    parameters = [setting.decode(), (value or b"").decode()]
                    connection.execute("SELECT set_config(%s, %s, false)", parameters)
                self._sessions[name] = session
            return self._of_this_layout(connection.execute(statement, values).fetchall())
        except psycopg.errors.UndefinedTable:
            return None  # a leaf that was replaced
        except psycopg.OperationalError as error:
            if not connection.closed:
                raise
            del self._connections[name]
            if fresh:
                raise PartitionUnavailable(f"{name} was lost: {' '.join(str(error).split())}") from error
        # It was lost since the last lookup, or in this one: to read again does no harm.
        return self._rows_on(name, statement, values, session)

    def _ask_base(self, _kind: str, value: Any, _session: tuple[bytes | None, ...]) -> Partition:
        """Return the partition of a value, by the types and hash functions of the base.

        The result is cached for the value's type and the session's settings, which may change the result.
        """
        found = self._base.execute(self._remainder, [value]).fetchone()
        assert found is not None, "every value has a remainder"
        remainder: int = found[0]
        return self._description.partitions[remainder]

    def _compose(self, leaf: str, columns: tuple[tuple[str, bool], ...]) -> bytes:
        """Return a statement that reads the rows of a leaf, and the layout that the server has recorded.

        It is one statement, since the leaf may be replaced between two statements.
        """
        table = self._description.table
        return (
            sql.SQL("SELECT layout, leaf.* FROM {} LEFT JOIN (SELECT true, found.* FROM ({}) found) leaf ON true")
            .format(
                sql.Identifier(table.schema, table.layout_table),
                lookup(table, sql.Identifier(table.schema, leaf), columns),
            )
            .as_bytes()
        )

    def _of_this_layout(self, rows: list[tuple[Any, ...]]) -> list[dict[str, Any]] | None:
        if not rows or rows[0][0] != self._layout:
            return None
        names = self._description.table.columns
        return [dict(zip(names, row[2:], strict=True)) for row in rows if row[1]]
