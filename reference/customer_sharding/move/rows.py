"""A customer's rows in a database: read, written, counted and deleted, in a transaction of the caller's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from reference.customer_sharding.credentials import Flavor
from reference.customer_sharding.errors import Conflict

from .protocol import Key, Row
from .tables import Table, quoted, read_tables

AT_ONCE = 500  # keys in one statement


class Rows:
    """The rows of customers, in any of their tables.

    Args:
        place: What the database is called in messages.
        flavor: The server's.
        identifier_field: The column that names the customer.
    """

    def __init__(self, place: str, flavor: Flavor, identifier_field: str) -> None:
        self._place = place
        self._flavor = flavor
        self._field = identifier_field
        self._tables: Sequence[Table] | None = None

    def tables(self, cursor: Any, *, anew: bool = False) -> Sequence[Table]:
        """Return the customers' tables, parents first: read once, or `anew`.

        Raises:
            Conflict: A table cannot be moved row by row: see `tables.read_tables`.
        """
        if self._tables is None or anew:
            self._tables = read_tables(cursor, self._flavor, self._field)
        return self._tables

    def summary(self, cursor: Any, table: Table, customer: str) -> Sequence[str]:
        """Return number and digest of the customer's rows in a table."""
        columns = self._texts(table)
        if self._flavor is Flavor.POSTGRES:
            digest = f"sum(hashtextextended(ROW({', '.join(columns)})::text, 0)::numeric)"
        else:
            each = ", ".join(f"COALESCE(HEX({column}), '-')" for column in columns)
            digest = f"SUM(CONV(SUBSTR(MD5(CONCAT_WS(',', {each})), 1, 15), 16, 10))"
        cursor.execute(
            f"SELECT count(*), {digest} FROM {self._quote(table.name)} WHERE {self._quote(self._field)} = %s",
            (customer,),
        )
        return tuple(map(str, cursor.fetchone()))

    def of(self, cursor: Any, table: Table, customer: str, keys: Sequence[Key]) -> list[Row]:
        """Return the rows that have these keys; those that are gone are missing."""
        rows: list[Row] = []
        for some in chunks(keys):
            self._select(cursor, table, customer, f"AND {self._among(table, some)}", _flat(some))
            rows += map(tuple, cursor.fetchall())
        return rows

    def after(self, cursor: Any, table: Table, customer: str, last: Key | None, limit: int) -> list[Row]:
        """Return up to `limit` rows in the key's order, from after the key `last` (None: from the first)."""
        key = ", ".join(map(self._quote, table.key))
        after = "" if last is None else f"AND ({key}) > ({placeholders(last)})"
        self._select(cursor, table, customer, f"{after} ORDER BY {key} LIMIT {limit:d}", list(last or ()))
        return list(map(tuple, cursor.fetchall()))

    def _select(self, cursor: Any, table: Table, customer: str, rest: str, values: Sequence[Any]) -> None:
        statement = (
            f"SELECT {', '.join(self._texts(table))} FROM {self._quote(table.name)} "
            f"WHERE {self._quote(self._field)} = %s {rest}"
        )
        cursor.execute(statement, [customer, *values])

    def delete(self, cursor: Any, table: Table, customer: str, keys: Sequence[Key]) -> None:
        """Delete the rows that have these keys."""
        for some in chunks(keys):
            statement = f"DELETE FROM {self._quote(table.name)} WHERE {self._quote(self._field)} = %s"
            cursor.execute(f"{statement} AND {self._among(table, some)}", [customer, *_flat(some)])

    def upsert(self, cursor: Any, table: Table, customer: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Put rows in, over those of the same key.

        Args:
            cursor: In a transaction.
            table: Where they belong.
            customer: Whose they are.
            columns: What the values of a row are.
            rows: As texts.

        Raises:
            Conflict: A key is another customer's here.
        """
        quote, name = self._quote, self._quote(table.name)
        others = [quote(column) for column in columns if column not in table.key]
        key = ", ".join(map(quote, table.key))
        into = f"INSERT INTO {name} ({', '.join(map(quote, columns))})"
        if self._flavor is Flavor.POSTGRES:
            news = ", ".join(f"{column} = EXCLUDED.{column}" for column in others)
            theirs = f"WHERE {name}.{quote(self._field)} = EXCLUDED.{quote(self._field)}"
            after = f"ON CONFLICT ({key}) DO {f'UPDATE SET {news} {theirs}' if others else 'NOTHING'}"
            into += " OVERRIDING SYSTEM VALUE"
        else:
            news = ", ".join(f"{column} = VALUES({column})" for column in others or map(quote, table.key))
            after = f"ON DUPLICATE KEY UPDATE {news}"
        for some in chunks(rows, AT_ONCE // max(1, len(columns) // 8)):
            keys = self.keys(table, some, columns)
            for part in chunks(keys):
                cursor.execute(
                    f"SELECT {key} FROM {name} WHERE {quote(self._field)} <> %s AND {self._among(table, part)} LIMIT 1",
                    [customer, *_flat(part)],
                )
                if found := cursor.fetchone():
                    raise Conflict(
                        f"key {', '.join(map(str, found))} of table {table.name} is another customer's in "
                        f"{self._place}: keys must differ between databases; make {self._field} a part of the key, "
                        "or prepare databases before their first row"
                    )
            values = ", ".join(f"({placeholders(columns)})" for _ in some)
            cursor.execute(f"{into} VALUES {values} {after}", _flat(some))

    def clear(self, cursor: Any, customer: str) -> None:
        """Delete all rows of a customer, children first, and what is noted of them."""
        for table in reversed(self.tables(cursor)):
            statement = f"DELETE FROM {self._quote(table.name)} WHERE {self._quote(self._field)} = %s"
            cursor.execute(statement, (customer,))
        for own in ("sharding_change", "sharding_copied"):
            cursor.execute(f"DELETE FROM {own} WHERE customer = %s", (customer,))

    def keys(self, table: Table, rows: Iterable[Row], columns: Sequence[str] | None = None) -> list[Key]:
        """Return the keys of rows, whose values are those of `columns` (by default the table's)."""
        places = [list(columns or table.columns).index(column) for column in table.key]
        return [tuple(str(row[place]) for place in places) for row in rows]

    def _among(self, table: Table, keys: Sequence[Key]) -> str:
        return f"({', '.join(map(self._quote, table.key))}) IN ({', '.join(f'({placeholders(key)})' for key in keys)})"

    def _texts(self, table: Table) -> list[str]:
        if self._flavor is Flavor.POSTGRES:
            return [f"{self._quote(column)}::text" for column in table.columns]
        names = {column: self._quote(column) for column in table.columns}
        return [f"CAST({name} AS DOUBLE)" if column in table.inexact else name for column, name in names.items()]

    def _quote(self, name: str) -> str:
        return quoted(self._flavor, name)


def placeholders(values: Sequence[Any]) -> str:
    """Return a placeholder for each value."""
    return ", ".join(["%s"] * len(values))


def _flat(rows: Iterable[Sequence[Any]]) -> list[Any]:
    return [value for row in rows for value in row]


def chunks(values: Sequence[Any], size: int = AT_ONCE) -> Iterable[Sequence[Any]]:
    """Cut values into pieces of a size that one statement takes."""
    return (values[start : start + size] for start in range(0, len(values), size))
