"""One description of a table, read from PostgreSQL itself: what every artifact is made of."""

from __future__ import annotations

import re
from dataclasses import dataclass

import psycopg

from .errors import BadInput, Unreachable

NAME = re.compile(r"[a-z_][a-z0-9_]*")

# PostgreSQL's type: Pinot's type where it is a key, and how Trino reads it out of the JSON text `{}`.
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

# What Pinot 0.11 does not take as a table's name without quotes: each word of SQL was tried.
TAKEN = """
any call case create cross current cursor date define delete describe distinct drop except explain fetch from
full grant group grouping having in inner insert intersect interval into join lateral left limit match_recognize
merge minus natural new next null offset on order outer over partition pattern range right rollup row rows
select set skip some stream table tablesample then time timestamp union unnest update using values when where
window with
"""
WORDS = frozenset(TAKEN.split())
SUFFIX = "_table"


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        name: Its name.
        type: PostgreSQL's name of its type, without a modifier: a key of `TYPES`.
    """

    name: str
    type: str

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise BadInput(f"column {self.name!r}: lower case letters, digits and underscores only")
        if self.type not in TYPES:
            raise BadInput(f"column {self.name}: type {self.type!r} is not supported; these are: {', '.join(TYPES)}")


@dataclass(frozen=True)
class Table:
    """A table whose changes are followed.

    Attributes:
        name: Its name, in PostgreSQL and Kafka, and the view's; in Pinot as `in_pinot` says.
        columns: Its columns, in order.
        key: Names of its primary key's columns.
        schema: Its schema in PostgreSQL. Named on purpose: a pattern over all schemas merges tables of one name.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    schema: str = "public"

    def __post_init__(self) -> None:
        for name in (self.schema, self.name):
            if not NAME.fullmatch(name):
                raise BadInput(f"table {name!r}: lower case letters, digits and underscores only")
        if "__" in f"{self.name}_":
            raise BadInput(f"table {self.name!r}: Pinot keeps two underscores in a row, and one at the end, for itself")
        if self.name in map(in_pinot, WORDS):
            raise BadInput(f"table {self.name!r} would be taken for {self.name.removesuffix(SUFFIX)!r} in Pinot")
        if not self.key:
            raise BadInput(f"{self.schema}.{self.name} has no primary key: without one no row can be followed")
        names = {column.name for column in self.columns}
        if lacking := set(self.key) - names:
            raise BadInput(f"the key of {self.name} names {', '.join(sorted(lacking))}, which it does not have")
        if taken := names & {"source", "op", "ts_ms", "lsn"}:
            raise BadInput(f"{self.name} has a column {', '.join(sorted(taken))}, which the platform adds itself")

    def key_columns(self) -> tuple[Column, ...]:
        """Return the key's columns, in the table's order."""
        return tuple(column for column in self.columns if column.name in self.key)

    def other_columns(self) -> tuple[Column, ...]:
        """Return the other columns, in the table's order."""
        return tuple(column for column in self.columns if column.name not in self.key)


def in_pinot(name: str) -> str:
    """Return the name in Pinot of the table `name`: `order_table` for `order`, which is a word of SQL.

    Trino asks Pinot with table names as they are, without quotes: `SELECT count(*) FROM order` is a syntax error.
    """
    return f"{name}{SUFFIX}" if name in WORDS else name


def quoted(name: str) -> str:
    """Return a name as SQL takes it from anybody: `order` is a word of the language."""
    return '"{}"'.format(name.replace('"', '""'))


COLUMNS = """
SELECT a.attname, regexp_replace(format_type(a.atttypid, NULL), '\\(.*', ''), coalesce(a.attnum = ANY(i.indkey), false)
FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""


def describe(dsn: str, name: str, schema: str = "public") -> Table:
    """Return the description of a table as PostgreSQL has it.

    Raises:
        BadInput: There is no such table, or one that cannot be followed.
        Unreachable: PostgreSQL does not let us in.
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
