"""Read, write, count and delete a customer's rows, in the caller's transaction.

Open it to see the SQL of the mover, and where PostgreSQL's differs from MySQL's. `side` calls it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from reference.customer_sharding.credentials import Flavor
from reference.customer_sharding.errors import Conflict

from .protocol import Key, Row
from .tables import Table, quoted, read_tables

AT_ONCE = 500  # keys in one statement
LONGEST_STATEMENT = 1 << 20  # characters of values in one statement, unless a single row has more


class Rows:
    """Statements on the rows of one customer at a time.

    Args:
        place: Name of the database in messages.
        flavor: The database system.
        identifier_field: The column that names the customer.
    """

    def __init__(self, place: str, flavor: Flavor, identifier_field: str) -> None:
        self._place = place
        self._flavor = flavor
        self._field = identifier_field
        self._tables: Sequence[Table] | None = None

    def tables(self, cursor: Any, *, anew: bool = False) -> Sequence[Table]:
        """Return the customers' tables, parents first. They are read once, and read again if `anew` is true.

        Raises:
            Conflict: A table cannot be moved row by row: see `tables.read_tables`.
        """
        if self._tables is None or anew:
            self._tables = read_tables(cursor, self._flavor, self._field)
        return self._tables

    def summary(self, cursor: Any, table: Table, customer: str) -> Sequence[str]:
        """Return the number and the digest of the customer's rows in a table."""
        columns = [self._text(table, column) for column in sorted(table.columns)]
        if self._flavor is Flavor.POSTGRES:
            digest = f"sum(hashtextextended(ROW({', '.join(columns)})::text, 0)::numeric)"
        else:
            # Each column has its own digest, since the server returns NULL for a text longer than a packet.
            each = ", ".join(f"COALESCE(MD5(CAST({column} AS BINARY)), '-')" for column in columns)
            digest = f"SUM(CAST(CONV(SUBSTR(MD5(CONCAT_WS(',', {each})), 1, 15), 16, 10) AS UNSIGNED))"
        cursor.execute(
            f"SELECT count(*), {digest} FROM {self._quote(table.name)} AS moved WHERE {self._theirs()}",
            self._who(customer),
        )
        return tuple(map(str, cursor.fetchone()))

    def of(self, cursor: Any, table: Table, customer: str, keys: Sequence[Key]) -> list[Row]:
        """Return the rows that have these keys; keys without a row are skipped."""
        rows: list[Row] = []
        for some in chunks(keys):
            self._select(cursor, table, customer, f"AND {self._among(table, some)}", self._typed(table, some))
            rows += map(tuple, cursor.fetchall())
        return rows

    def after(self, cursor: Any, table: Table, customer: str, last: Key | None, limit: int) -> list[Row]:
        """Return up to `limit` rows in key order, starting after the key `last` (None: from the first row)."""
        # The identifier is the same in all of a customer's rows. `moved.` makes ORDER BY sort by the column, rather
        # than by the selected text of the same name.
        varying = [column for column in table.key if column != self._field] or list(table.key)
        names = [f"moved.{self._quote(column)}" for column in varying]
        after, values = "", list[Any]()
        if last is not None:
            typed = dict(zip(table.key, _typed(table, last), strict=True))
            values = [typed[column] for column in varying]
            if self._flavor is Flavor.POSTGRES:
                after = f"AND ({', '.join(names)}) > ({placeholders(values)})"
            else:  # MySQL may not use the index for a comparison of row values
                after, values = self._beyond(names, values)
        self._select(cursor, table, customer, f"{after} ORDER BY {', '.join(names)} LIMIT {limit:d}", values)
        return list(map(tuple, cursor.fetchall()))

    def _beyond(self, names: Sequence[str], values: Sequence[Any]) -> tuple[str, list[Any]]:
        """Return the condition for keys after a key, and its values.

        MySQL finds the first row in the index by the condition on the first column, which the others imply.
        """
        found, parts = list[Any]([values[0]]), []
        for at in range(len(names)):
            same = [f"{name} = %s AND " for name in names[:at]]
            parts.append(f"({''.join(same)}{names[at]} > %s)")
            found += [*values[:at], values[at]]
        return f"AND {names[0]} >= %s AND ({' OR '.join(parts)})", found

    def _select(self, cursor: Any, table: Table, customer: str, rest: str, values: Sequence[Any]) -> None:
        statement = (
            f"SELECT {', '.join(self._text(table, column) for column in table.columns)} "
            f"FROM {self._quote(table.name)} AS moved WHERE {self._theirs()} {rest}"
        )
        cursor.execute(statement, [*self._who(customer), *values])

    def delete(self, cursor: Any, table: Table, customer: str, keys: Sequence[Key]) -> int:
        """Delete the rows that have these keys, and return the number of deleted rows."""
        deleted = 0
        for some in chunks(keys):
            statement = f"DELETE FROM {self._quote(table.name)} WHERE {self._theirs('')}"
            values = [*self._who(customer), *self._typed(table, some)]
            cursor.execute(f"{statement} AND {self._among(table, some)}", values)
            deleted += cursor.rowcount
        return deleted

    def upsert(self, cursor: Any, table: Table, customer: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Insert rows, or update the rows that have the same keys.

        Args:
            cursor: In a transaction.
            table: The table.
            customer: Identifier of the customer that owns the rows.
            columns: The column of each value of a row.
            rows: The rows, values as text.

        Raises:
            Conflict: A row of the same key belongs to another customer.
        """
        quote, name = self._quote, self._quote(table.name)
        others = [quote(column) for column in columns if column not in table.key and column not in table.always]
        key = ", ".join(map(quote, table.key))
        into = f"INSERT INTO {name} ({', '.join(map(quote, columns))})"
        if self._flavor is Flavor.POSTGRES:
            news = ", ".join(f"{column} = EXCLUDED.{column}" for column in others)
            theirs = f"WHERE {name}.{quote(self._field)} = EXCLUDED.{quote(self._field)}"
            after = f"ON CONFLICT ({key}) DO {f'UPDATE SET {news} {theirs}' if others else 'NOTHING'}"
            into += " OVERRIDING SYSTEM VALUE"
            differs = f"{quote(self._field)}::text <> %s"
        else:
            after, differs = "", f"BINARY {quote(self._field)} <> %s"
        for some in _fitting(rows, AT_ONCE // max(1, len(columns) // 8)):
            keys = self.keys(table, some, columns)
            for part in chunks(keys):
                cursor.execute(
                    f"SELECT {key} FROM {name} WHERE {differs} AND {self._among(table, part)} LIMIT 1",
                    [customer, *self._typed(table, part)],
                )
                if found := cursor.fetchone():
                    raise Conflict(
                        f"key {', '.join(map(str, found))} of table {table.name} is another customer's in "
                        f"{self._place}: keys must differ between databases; make {self._field} a part of the key, "
                        "or prepare databases before their first row"
                    )
            if self._flavor is Flavor.MYSQL:
                # ON DUPLICATE KEY would also overwrite another customer's row that has the value of a unique key.
                some = self._update_existing(cursor, table, customer, columns, some, keys)
            if some:
                values = ", ".join(f"({placeholders(columns)})" for _ in some)
                cursor.execute(f"{into} VALUES {values} {after}", _flat(some))

    def _update_existing(
        self, cursor: Any, table: Table, customer: str, columns: Sequence[str], rows: Sequence[Row], keys: Sequence[Key]
    ) -> Sequence[Row]:
        """Update the rows whose keys exist, and return the others."""
        known: set[Key] = set()
        for part in chunks(keys):
            self._select(cursor, table, customer, f"AND {self._among(table, part)}", self._typed(table, part))
            known.update(self.keys(table, cursor.fetchall()))
        others = [column for column in columns if column not in table.key]
        news = ", ".join(f"{self._quote(column)} = %s" for column in others)
        places = [list(columns).index(column) for column in others]
        for row, key in zip(rows, keys, strict=True):
            if key in known and others:
                where = f"{self._theirs('')} AND {self._among(table, [key])}"
                values = [*(row[place] for place in places), *self._who(customer), *_typed(table, key)]
                cursor.execute(f"UPDATE {self._quote(table.name)} SET {news} WHERE {where}", values)
        return [row for row, key in zip(rows, keys, strict=True) if key not in known]

    def clear(self, cursor: Any, customer: str) -> None:
        """Delete all rows of a customer, children first, with their recorded changes and progress."""
        for table in reversed(self.tables(cursor)):
            cursor.execute(f"DELETE FROM {self._quote(table.name)} WHERE {self._theirs('')}", self._who(customer))
        for own in ("sharding_change", "sharding_copied"):
            cursor.execute(f"DELETE FROM {own} WHERE customer = %s", (customer,))

    def keys(self, table: Table, rows: Iterable[Row], columns: Sequence[str] | None = None) -> list[Key]:
        """Return the keys of rows; `columns` names their values (by default the table's columns)."""
        places = [list(columns or table.columns).index(column) for column in table.key]
        return [tuple(str(row[place]) for place in places) for row in rows]

    def _among(self, table: Table, keys: Sequence[Key]) -> str:
        return f"({', '.join(map(self._quote, table.key))}) IN ({', '.join(f'({placeholders(key)})' for key in keys)})"

    def _typed(self, table: Table, keys: Iterable[Key]) -> list[Any]:
        """Return the values of all keys in one list: texts for PostgreSQL, which converts them to the column's type."""
        return _flat(keys if self._flavor is Flavor.POSTGRES else (_typed(table, key) for key in keys))

    def _theirs(self, alias: str = "moved.") -> str:
        """Return the condition for the customer's rows, compared bitwise: a collation may equate two identifiers."""
        name = f"{alias}{self._quote(self._field)}"
        return f"{name} = %s" if self._flavor is Flavor.POSTGRES else f"{name} = %s AND BINARY {name} = %s"

    def _who(self, customer: str) -> list[Any]:
        return [customer] if self._flavor is Flavor.POSTGRES else [customer, customer]

    def _text(self, table: Table, column: str) -> str:
        name = f"moved.{self._quote(column)}"
        if self._flavor is Flavor.POSTGRES:
            return f"{name}::text"
        return f"CAST({name} AS DOUBLE)" if column in table.inexact else name

    def _quote(self, name: str) -> str:
        return quoted(self._flavor, name)


def placeholders(values: Sequence[Any]) -> str:
    """Return a placeholder for each value."""
    return ", ".join(["%s"] * len(values))


def _typed(table: Table, key: Key) -> list[Any]:
    """Return the values of a key, numbers as numbers: MySQL may compare a number and a text as floating-point."""
    return [
        int(value) if column in table.whole else Decimal(value) if column in table.exact else value
        for column, value in zip(table.key, key, strict=True)
    ]


def _fitting(rows: Sequence[Row], most: int) -> Iterator[Sequence[Row]]:
    """Split rows into groups for one statement each: at most `most` rows, and no longer than a server's packets."""
    some: list[Row] = []
    length = 0
    for row in rows:
        more = sum(len(value) for value in row if value is not None)
        if some and (len(some) == most or length + more > LONGEST_STATEMENT):
            yield some
            some, length = [], 0
        some.append(row)
        length += more
    if some:
        yield some


def _flat(rows: Iterable[Sequence[Any]]) -> list[Any]:
    return [value for row in rows for value in row]


def chunks(values: Sequence[Any], size: int = AT_ONCE) -> Iterable[Sequence[Any]]:
    """Split values into chunks that fit into one statement."""
    return (values[start : start + size] for start in range(0, len(values), size))
