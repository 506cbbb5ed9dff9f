"""Insert rows of a table over several servers so that a retry is safe, and find them in their one partition.

Open it to see how an application reads and writes a described table through the base.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import errors, sql
from psycopg.rows import dict_row

from reference.foreign_partitions.description import Description, Table
from reference.foreign_partitions.errors import (
    BadDescription,
    BadRow,
    KeyTaken,
    PartitionUnavailable,
    WithoutPartitionKey,
)

# SQLSTATE class 08: the base could not connect to the server of a partition, or lost the connection.
CONNECTION_LOST = (
    errors.ConnectionException,
    errors.ConnectionFailure,
    errors.ConnectionDoesNotExist,
    errors.SqlclientUnableToEstablishSqlconnection,
)
# Up to this distance a sequence is advanced by nextval, which concurrent sessions cannot undo, instead of setval.
DRAWN = 10_000


class Rows:
    """Reads and writes the rows of a described table, through a connection to the base.

    Args:
        connection: A connection to the base, whose transactions the caller controls. Each server commits by itself, so
            a transaction is atomic only within one partition; use the outbox for rows of several partitions.
        description: Description of the table.
    """

    def __init__(self, connection: psycopg.Connection[Any], description: Description) -> None:
        self.connection = connection
        self.description = description
        self.table = description.table
        self._name = sql.Identifier(self.table.schema, self.table.name)
        self._highest = 0  # of the numbers that the sequence is known to have passed

    def reserve(self, number: int = 1) -> list[int]:
        """Draw numbers from the base's sequence, for rows that may have to be inserted more than once.

        Raises:
            BadDescription: The description has no identity, or the table has none yet.
        """
        query = "SELECT nextval(%s) FROM generate_series(1, %s)"
        found: list[int] = [row[0] for row in self.connection.execute(query, [self._sequence(), number])]
        self._highest = max([self._highest, *found])
        return found

    def insert(self, row: Mapping[str, Any]) -> bool:
        """Insert a row. If the row contains its whole key, the call may be repeated after any error.

        An explicit number for the identity column advances the base's sequence past it, so that the sequence does not
        generate the number again.

        Returns:
            Whether the row is new; False if the same row exists already.

        Raises:
            BadRow: A column is not part of the description.
            KeyTaken: A different row with the same key exists.
            PartitionUnavailable: The partition's server does not answer. The row may have been inserted: repeat the
                call.
        """
        check_columns(self.table, row)
        statement = sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({}) ON CONFLICT DO NOTHING").format(
            self._name, column_list(row), sql.SQL(", ").join(sql.Placeholder() * len(row))
        )
        with translate_connection_loss():
            self._advance_sequence(row)
            for _ in range(2):
                if self.connection.execute(statement, list(row.values())).rowcount == 1:
                    return True
                same = self._same_is_there(row)
                if same is not None:
                    break
                # It was deleted in between, or what is there differs in its partition key.
        if same:
            return False
        key = ", ".join(f"{name} {row[name]}" for name in self.table.key if name in row)
        raise KeyTaken(
            f"another row of {self.table.name} has {key or 'the number that was drawn'}: nothing was inserted; choose "
            f"another key, or update the row that is there"
        )

    def find(self, **columns: Any) -> list[dict[str, Any]]:
        """Find rows by equal columns (None: by NULL), in the one partition that has them.

        Raises:
            WithoutPartitionKey: The hash column is not among the columns.
            PartitionUnavailable: The partition's server does not answer.
        """
        statement, parameters = self.lookup(**columns)
        with translate_connection_loss(), self.connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement, parameters).fetchall()

    def lookup(self, **columns: Any) -> tuple[sql.Composed, list[Any]]:
        """Return the statement of `find` with its parameters, for EXPLAIN or as a part of another statement.

        Raises:
            WithoutPartitionKey: The hash column is not among the columns.
        """
        require_partition_key(self.table, columns)
        return lookup(self.table, self._name, conditions(columns)), compared(columns)

    def move(self, to: Any, **columns: Any) -> int:
        """Change the partition key of rows: a delete and an insert in one statement.

        Two partitions of one server commit together. Two servers commit one after the other, and a crash between the
        commits can lose or duplicate the rows: move such rows while nothing else runs, or through an outbox.

        Args:
            to: The new value of the hash column.
            columns: The rows to move, by equal columns; the hash column must be among them.

        Returns:
            Number of rows moved.

        Raises:
            WithoutPartitionKey: The hash column is not among the columns.
            PartitionUnavailable: A partition's server does not answer.
        """
        if self.table.hash not in columns:
            raise WithoutPartitionKey(f"name the {self.table.hash} that the rows have now")
        kept = [name for name in self.table.columns if name != self.table.hash]
        statement = sql.SQL(
            """WITH moved AS (DELETE FROM {table} WHERE {rows} RETURNING {kept})
            INSERT INTO {table} ({hash}, {kept}) OVERRIDING SYSTEM VALUE SELECT %s, {kept} FROM moved"""
        ).format(
            table=self._name,
            rows=_equal(self.table, conditions(columns)),
            kept=column_list(kept),
            hash=sql.Identifier(self.table.hash),
        )
        with translate_connection_loss():
            return self.connection.execute(statement, [*compared(columns), to]).rowcount

    def _sequence(self) -> str:
        if self.table.identity is None:
            raise BadDescription(f"{self.table.name} has no identity to reserve numbers of: describe one")
        query = "SELECT pg_get_serial_sequence(%s, %s)"
        found = self.connection.execute(query, [self._name.as_string(), self.table.identity]).fetchone()
        if found is None or found[0] is None:
            raise BadDescription(
                f"{self.table.identity} of {self.table.name} has no sequence yet: apply the description"
            )
        sequence: str = found[0]
        return sequence

    def _advance_sequence(self, row: Mapping[str, Any]) -> None:
        identity = self.table.identity
        number = row.get(identity) if identity is not None else None
        if identity is None or number is None or isinstance(number, bool):
            return
        if not isinstance(number, int):  # a text, a Decimal: the number that the insert makes of it
            ((number,),) = self.connection.execute(
                sql.SQL("SELECT {}").format(self._typed(identity)), [number]
            ).fetchall()
        if number <= self._highest:
            return
        sequence = self._sequence()
        query = "SELECT COALESCE(pg_sequence_last_value(%s::regclass), 0)"
        ((last,),) = self.connection.execute(query, [sequence]).fetchall()
        if last < number <= last + DRAWN:
            self.connection.execute("SELECT nextval(%s) FROM generate_series(1, %s)", [sequence, number - last])
        elif last < number:
            query = "SELECT setval(%(s)s, greatest(%(n)s, pg_sequence_last_value(%(s)s::regclass)))"
            self.connection.execute(query, {"s": sequence, "n": number})
        self._highest = max(last, number)

    def _same_is_there(self, row: Mapping[str, Any]) -> bool | None:
        """Return whether the existing row of this key has this content; None if no row has this key."""
        if any(name not in row for name in self.table.key):
            return None
        query = """SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attname = ANY(%s)
            AND NOT atthasdef AND attidentity = ''"""
        omitted = [name for name in self.table.columns if name not in row]
        empty = self.connection.execute(query, [self._name.as_string(), omitted]).fetchall()
        wanted = {**row, **dict.fromkeys(name for (name,) in empty)}
        by = [name for name in dict.fromkeys([self.table.hash, *self.table.key]) if name in row]
        statement = sql.SQL(
            """SELECT to_jsonb(present) = to_jsonb(wanted) FROM
            (SELECT {columns} FROM {table} WHERE {key}) present, (SELECT {values}) wanted"""
        ).format(
            columns=column_list(wanted),
            table=self._name,
            key=sql.SQL(" AND ").join(sql.SQL("{} = {}").format(sql.Identifier(n), self._typed(n)) for n in by),
            values=sql.SQL(", ").join(sql.SQL("{} AS {}").format(self._typed(n), sql.Identifier(n)) for n in wanted),
        )
        found = self.connection.execute(statement, [*(row[name] for name in by), *wanted.values()]).fetchone()
        return None if found is None else bool(found[0])

    def _typed(self, column: str) -> sql.Composed:
        return sql.SQL("%s::{}").format(sql.SQL(self.table.columns[column].base_type))


@contextmanager
def translate_connection_loss() -> Generator[None]:
    """Translate connection errors of the driver to `PartitionUnavailable`, which names the server.

    Raises:
        PartitionUnavailable: The partition's server does not answer.
    """
    try:
        yield
    except CONNECTION_LOST as error:
        # The reason, such as a certificate that is refused, is in the detail.
        reason = ": ".join(each for each in (error.diag.message_primary, error.diag.message_detail) if each)
        raise PartitionUnavailable(" ".join((reason or str(error)).split())) from error


def check_columns(table: Table, row: Mapping[str, Any]) -> None:
    """Refuse a row that has another column than the table.

    Raises:
        BadRow: It has.
    """
    if unknown := [name for name in row if name not in table.columns]:
        raise BadRow(f"{unknown[0]} is no column of {table.name}: it has {', '.join(table.columns)}")


def require_partition_key(table: Table, columns: Mapping[str, Any]) -> Any:
    """Return the partition key among the columns of a lookup.

    Raises:
        WithoutPartitionKey: The partition key is not among the columns.
    """
    if table.hash not in columns:
        raise WithoutPartitionKey(
            f"a lookup by {', '.join(columns) or 'nothing'} visits every partition: add {table.hash}"
        )
    return columns[table.hash]


def conditions(columns: Mapping[str, Any]) -> tuple[tuple[str, bool], ...]:
    """Return for each column whether it is compared with NULL; statements are cached by this value."""
    return tuple((name, value is None) for name, value in columns.items())


def compared(columns: Mapping[str, Any]) -> list[Any]:
    """Return the parameters of a lookup: the values that are not NULL."""
    return [value for value in columns.values() if value is not None]


def lookup(table: Table, name: sql.Identifier, columns: Sequence[tuple[str, bool]]) -> sql.Composed:
    """Return the statement that finds rows by equal columns, in the base table or in one of its leaves."""
    return sql.SQL("SELECT {} FROM {} WHERE {}").format(column_list(table.columns), name, _equal(table, columns))


def column_list(columns: Mapping[str, Any] | Sequence[str]) -> sql.Composed:
    """Return the quoted names of columns, separated by commas."""
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def partition_of(description: Description) -> sql.Composed:
    """Return the query for the remainder of a value of the partition key, as the base itself computes it."""
    table, modulus = description.table, description.modulus
    return sql.SQL(
        """SELECT remainder FROM generate_series(0, {modulus} - 1) remainder
        WHERE satisfies_hash_partition({base}::regclass, {modulus}, remainder, %s::{kind})"""
    ).format(
        modulus=sql.Literal(modulus),
        base=sql.Literal(sql.Identifier(table.schema, table.name).as_string()),
        kind=sql.SQL(table.columns[table.hash].base_type),
    )


# Types of 32-bit floats: the driver sends a Python float with 64 bits, and hardly any of those equals one of 32.
_SHORT_FLOAT = re.compile(r"real|(pg_catalog\.)?float4|float ?\((1?\d|2[0-4])\)", re.IGNORECASE)


def _equal(table: Table, columns: Sequence[tuple[str, bool]]) -> sql.Composed:
    def condition(name: str, *, null: bool) -> sql.Composed:
        column = table.columns.get(name)
        short = column is not None and _SHORT_FLOAT.fullmatch(column.base_type)
        compared_with = "{} IS NULL" if null else "{} = %s::real" if short else "{} = %s"
        return sql.SQL(compared_with).format(sql.Identifier(name))

    return sql.SQL(" AND ").join(condition(name, null=null) for name, null in columns)
