"""Rows of a table over several servers, written and found so that faults and partitions do no harm."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import errors, sql
from psycopg.rows import dict_row

from .description import Description, Table
from .errors import PartitionUnavailable, WithoutPartitionKey

# SQLSTATE class 08: the base could not reach the server of a partition, or lost it.
CONNECTION_LOST = (
    errors.ConnectionException,
    errors.ConnectionFailure,
    errors.ConnectionDoesNotExist,
    errors.SqlclientUnableToEstablishSqlconnection,
)


class Rows:
    """The rows of a described table, through a connection to the base.

    Args:
        connection: To the base; its transactions are the caller's. What is safe across servers: one partition a
            transaction, for each server commits by itself. More than that takes the outbox.
        description: Of the table.
    """

    def __init__(self, connection: psycopg.Connection[Any], description: Description) -> None:
        self.connection = connection
        self.table = description.table
        self._name = sql.Identifier(self.table.schema, self.table.name)

    def reserve(self, number: int = 1) -> list[int]:
        """Take numbers from the base's sequence, for rows that may have to be inserted more than once.

        Raises:
            ValueError: The table has no identity.
        """
        if self.table.identity is None:
            raise ValueError(f"{self.table.name} has no identity to reserve numbers of")
        query = "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)"
        found = self.connection.execute(query, [self._name.as_string(), self.table.identity, number])
        return [row[0] for row in found]

    def insert(self, row: Mapping[str, Any]) -> bool:
        """Insert a row; one that brings its whole key may be inserted again, and is there once.

        Returns:
            Whether it was not there before. Of an earlier row with the same key nothing is changed.

        Raises:
            PartitionUnavailable: Its server does not answer. Whether the row is there is then not known: insert again.
        """
        statement = sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({}) ON CONFLICT DO NOTHING").format(
            self._name, _list(row), sql.SQL(", ").join(sql.Placeholder() * len(row))
        )
        with translate_connection_loss():
            return self.connection.execute(statement, list(row.values())).rowcount == 1

    def find(self, **columns: Any) -> list[dict[str, Any]]:
        """Find rows by equal columns, in the one partition that has them.

        Raises:
            WithoutPartitionKey: The hash column is not among them.
            PartitionUnavailable: The partition's server does not answer.
        """
        statement, parameters = self.lookup(**columns)
        with translate_connection_loss(), self.connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement, parameters).fetchall()

    def lookup(self, **columns: Any) -> tuple[sql.Composed, list[Any]]:
        """Return the statement of `find` with its parameters, to be explained or made part of another.

        Raises:
            WithoutPartitionKey: The hash column is not among them.
        """
        require_partition_key(self.table, columns)
        return lookup(self.table, self._name, tuple(columns)), list(columns.values())

    def move(self, to: Any, **columns: Any) -> int:
        """Give rows another partition key: a delete and an insert in one statement.

        Two partitions of one server commit together. Between two servers there are two commits: a crash between them
        can lose the rows or double them, so that such a move belongs into quiet hours, or through an outbox.

        Args:
            to: The new value of the hash column.
            columns: The rows to move, by equal columns; the hash column must be among them.

        Returns:
            How many were moved.

        Raises:
            WithoutPartitionKey: The hash column is not among them.
            PartitionUnavailable: A partition's server does not answer.
        """
        if self.table.hash not in columns:
            raise WithoutPartitionKey(f"name the {self.table.hash} that the rows have now")
        kept = [name for name in self.table.columns if name != self.table.hash]
        statement = sql.SQL(
            """WITH moved AS (DELETE FROM {table} WHERE {rows} RETURNING {kept})
            INSERT INTO {table} ({hash}, {kept}) OVERRIDING SYSTEM VALUE SELECT %s, {kept} FROM moved"""
        ).format(table=self._name, rows=_equal(columns), kept=_list(kept), hash=sql.Identifier(self.table.hash))
        with translate_connection_loss():
            return self.connection.execute(statement, [*columns.values(), to]).rowcount


@contextmanager
def translate_connection_loss() -> Generator[None]:
    """Say which server does not answer where a partition cannot be reached.

    Raises:
        PartitionUnavailable: In the place of what the driver raises.
    """
    try:
        yield
    except CONNECTION_LOST as error:
        raise PartitionUnavailable(error.diag.message_primary or str(error)) from error


def require_partition_key(table: Table, columns: Mapping[str, Any]) -> Any:
    """Return the partition key among the columns of a lookup.

    Raises:
        WithoutPartitionKey: It is not among them.
    """
    if table.hash not in columns:
        raise WithoutPartitionKey(
            f"a lookup by {', '.join(columns) or 'nothing'} visits every partition: add {table.hash}"
        )
    return columns[table.hash]


def lookup(table: Table, name: sql.Identifier, columns: Sequence[str]) -> sql.Composed:
    """Return the statement that finds rows by equal columns, in the base table or in a leaf of it."""
    return sql.SQL("SELECT {} FROM {} WHERE {}").format(_list(table.columns), name, _equal(columns))


def _list(columns: Mapping[str, Any] | Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _equal(columns: Mapping[str, Any] | Sequence[str]) -> sql.Composed:
    return sql.SQL(" AND ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in columns)
