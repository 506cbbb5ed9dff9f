"""Rows looked up past the base: on the server that their partition lives on, in one round trip.

Through the base a row of a foreign partition takes one round trip to the base and five from there to its server:
postgres_fdw reads by a cursor in a transaction, and opens and closes both for every statement. No option of it spares
them. An application that looks up many rows one by one can ask the servers itself, by the same description.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Self

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from .connecting import connect
from .description import Description, Partition
from .errors import PartitionUnavailable, Unreachable
from .rows import lookup, require_partition_key


class DirectRows:
    """Lookups in the rows of a described table, each asked of the server that has them.

    What it gives is what `rows.Rows.find` gives, apart from transactions: a foreign partition is read as it is
    committed, without what the caller's transaction on the base has written there. It takes that each server enforces
    its partitions' bounds, as `deployment.Deployment.apply` has them do.

    Args:
        base: To the base; asked for the rows beside it, and once for each value of the hash column where its rows are.
        description: Of the table; its servers are reached as those reach them who set the table up.
        remembered: Of how many values of the hash column it is remembered where their rows are.
    """

    def __init__(self, base: psycopg.Connection[Any], description: Description, *, remembered: int = 100_000) -> None:
        self._base = base
        self._description = description
        self._servers = {server.name: server for server in description.servers}
        self._connections: dict[str, psycopg.Connection[Any]] = {}
        self._partition = lru_cache(remembered)(self._asked)
        self._statement = lru_cache(256)(self._composed)

    def __enter__(self) -> Self:
        """Return it; its connections to servers are closed when the block ends, the base's is the caller's."""
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to the servers."""
        while self._connections:
            self._connections.popitem()[1].close()

    def partition(self, value: Any) -> Partition:
        """Return the partition of the rows whose hash column has a value; the base is asked once for each.

        A table that is given another modulus needs a new object.
        """
        return self._partition(value)

    def find(self, **columns: Any) -> list[dict[str, Any]]:
        """Find rows by equal columns, on the server that has them.

        Raises:
            WithoutPartitionKey: The hash column is not among them.
            PartitionUnavailable: The partition's server does not answer.
        """
        key = require_partition_key(self._description.table, columns)
        partition = self._partition(key)
        statement, values = self._statement(partition.name, tuple(columns)), list(columns.values())
        if partition.server is None:
            return _rows(self._base, statement, values)
        return self._rows_on(partition.server, statement, values)

    def connection(self, name: str) -> psycopg.Connection[Any]:
        """Return the connection to a server, made when it is first asked for; each statement on it commits.

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
        return self._connections[name]

    def _rows_on(self, name: str, statement: bytes, values: list[Any]) -> list[dict[str, Any]]:
        fresh = name not in self._connections
        connection = self.connection(name)
        try:
            return _rows(connection, statement, values)
        except psycopg.OperationalError as error:
            if not connection.closed:
                raise
            del self._connections[name]
            if fresh:
                raise PartitionUnavailable(f"{name} was lost: {' '.join(str(error).split())}") from error
        # It was lost since the last lookup, or in this one: to read again does no harm.
        return self._rows_on(name, statement, values)

    def _asked(self, value: Any) -> Partition:
        """Ask the base, whose types and hash functions they are."""
        table, modulus = self._description.table, self._description.modulus
        query = sql.SQL(
            """SELECT place FROM generate_series(0, {modulus} - 1) place
            WHERE satisfies_hash_partition({base}::regclass, {modulus}, place, %s::{kind})"""
        ).format(
            modulus=sql.Literal(modulus),
            base=sql.Literal(sql.Identifier(table.schema, table.name).as_string()),
            kind=sql.SQL(table.columns[table.hash].type),
        )
        found = self._base.execute(query, [value]).fetchone()
        assert found is not None, "every value has a remainder"
        remainder: int = found[0]
        return self._description.partitions[remainder]

    def _composed(self, leaf: str, columns: tuple[str, ...]) -> bytes:
        table = self._description.table
        return lookup(table, sql.Identifier(table.schema, leaf), columns).as_bytes()


def _rows(connection: psycopg.Connection[Any], statement: bytes, values: list[Any]) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, values).fetchall()
