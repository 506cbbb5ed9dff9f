"""The definition of a table, read from PostgreSQL: connector, Pinot table and view are generated from it.

Read this to see which tables and column types can be replicated into a view.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import psycopg

from .errors import BadInput, Unreachable

NAME = re.compile(r"[a-z_][a-z0-9_]*")

# By PostgreSQL type: Pinot's type for a key column, and the Trino expression that casts the JSON text `{}`.
TYPES = {
    "bigint": ("LONG", "CAST({} AS bigint)"),
    "integer": ("INT", "CAST({} AS integer)"),
    "text": ("STRING", "{}"),
    "character varying": ("STRING", "{}"),
    "boolean": ("BOOLEAN", "CAST({} AS boolean)"),
    "double precision": ("DOUBLE", "CAST({} AS double)"),
    "timestamp with time zone": (
        "STRING",
        "CAST(from_iso8601_timestamp_nanos({}) AS timestamp(6) with time zone)",
    ),
}

# SQL keywords that Pinot 0.11 does not accept as a table name without quotes, found by trying every keyword.
KEYWORD_LIST = """
any call case create cross current cursor date define delete describe distinct drop except explain fetch from
full grant group grouping having in inner insert intersect interval into join lateral left limit match_recognize
merge minus natural new next null offset on order outer over partition pattern range right rollup row rows
select set skip some stream table tablesample then time timestamp union unnest update using values when where
window with
"""
KEYWORDS = frozenset(KEYWORD_LIST.split())
SUFFIX = "_table"


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its name.
        type: Its PostgreSQL type without modifier; one of the keys of `TYPES`.

    Raises:
        BadInput: The name or the type is not supported.
    """

    name: str
    type: str

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise BadInput(f"column {self.name!r}: only lower case letters, digits and underscores are supported")
        if self.type not in TYPES:
            raise BadInput(f"column {self.name}: type {self.type!r} is not supported; these are: {', '.join(TYPES)}")


@dataclass(frozen=True)
class Table:
    """A table to be replicated into a Trino view.

    Attributes:
        name: Its name in PostgreSQL, of the Kafka topic and of the view; for Pinot see `in_pinot`.
        columns: Its columns, in the table's order.
        key: Names of the columns of its primary key.
        schema: Its schema in PostgreSQL.

    Raises:
        BadInput: The table cannot be replicated; the message says why.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    schema: str = "public"

    def __post_init__(self) -> None:
        for name in (self.schema, self.name):
            if not NAME.fullmatch(name):
                raise BadInput(f"table {name!r}: only lower case letters, digits and underscores are supported")
        if "__" in f"{self.name}_":
            raise BadInput(f"table {self.name!r}: Pinot reserves a double underscore and an underscore at the end")
        if self.name in map(in_pinot, KEYWORDS):
            raise BadInput(
                f"table {self.name!r}: in Pinot, table {self.name.removesuffix(SUFFIX)!r} has this name; rename one"
            )
        if not self.key:
            raise BadInput(f"{self.schema}.{self.name} has no primary key, by which changes of a row are matched")
        names = {column.name for column in self.columns}
        if missing := set(self.key) - names:
            raise BadInput(f"the key of {self.name} names {', '.join(sorted(missing))}, which is not a column")
        if reserved := names & {"source", "op", "ts_ms", "lsn"}:
            raise BadInput(f"{self.name} has a column {', '.join(sorted(reserved))}, a name that the platform reserves")

    def key_columns(self) -> tuple[Column, ...]:
        """Return the key's columns, in the table's order."""
        return tuple(column for column in self.columns if column.name in self.key)

    def other_columns(self) -> tuple[Column, ...]:
        """Return the other columns, in the table's order."""
        return tuple(column for column in self.columns if column.name not in self.key)


def in_pinot(name: str) -> str:
    """Return the name that the table `name` has in Pinot: `order_table` for `order`, which is a SQL keyword.

    Trino sends table names to Pinot without quotes, and `SELECT count(*) FROM order` is a syntax error.
    """
    return f"{name}{SUFFIX}" if name in KEYWORDS else name


def quoted(name: str) -> str:
    """Return a name as a quoted SQL identifier."""
    return '"{}"'.format(name.replace('"', '""'))


COLUMNS = """
SELECT a.attname, regexp_replace(format_type(a.atttypid, NULL), '\\(.*', ''), coalesce(a.attnum = ANY(i.indkey), false)
FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""


def describe(dsn: str, name: str, schema: str = "public") -> Table:
    """Read the definition of a table from PostgreSQL.

    Args:
        dsn: Connection string of PostgreSQL.
        name: The table's name.
        schema: Its schema.

    Raises:
        BadInput: The table does not exist or cannot be replicated.
        Unreachable: PostgreSQL does not accept the connection.
    """
    try:
        with psycopg.connect(dsn, connect_timeout=10) as connection:
            rows = connection.execute(COLUMNS, [f'"{schema}"."{name}"']).fetchall()
    except psycopg.OperationalError as error:
        raise Unreachable(f"PostgreSQL: {error}") from error
    if not rows:
        raise BadInput(f"PostgreSQL has no table {schema}.{name}")
    columns = tuple(Column(column, kind) for column, kind, _ in rows)
    return Table(name, columns, tuple(column for column, _, key in rows if key), schema)
