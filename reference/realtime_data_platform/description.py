"""The definition of a table, read from PostgreSQL: connector, Pinot table and view are generated from it.

Read this to see which tables and column types can be replicated into a view.
"""

from __future__ import annotations

import hashlib
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
PUBLIC = "public"
# PostgreSQL cuts a publication's name off at so many bytes, and refuses a replication slot of a longer one.
MOST_BYTES = 63


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
        name: Its name in PostgreSQL; what the platform creates for it has the name `pipeline`.
        columns: Its columns, in the table's order.
        key: Names of the columns of its primary key.
        schema: Its schema in PostgreSQL.

    Raises:
        BadInput: The table cannot be replicated; the message says why.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    schema: str = PUBLIC

    def __post_init__(self) -> None:
        name = self.pipeline
        if "__" in f"{name}_":
            raise BadInput(f"table {name!r}: Pinot reserves a double underscore and an underscore at the end")
        if name in map(in_pinot, KEYWORDS):
            raise BadInput(f"table {name!r}: in Pinot, table {name.removesuffix(SUFFIX)!r} has this name; rename one")
        if not self.key:
            raise BadInput(f"{self.schema}.{self.name} has no primary key, by which changes of a row are matched")
        names = {column.name for column in self.columns}
        if missing := set(self.key) - names:
            raise BadInput(f"the key of {self.name} names {', '.join(sorted(missing))}, which is not a column")
        if reserved := names & {"source", "op", "ts_ms", "lsn"}:
            raise BadInput(f"{self.name} has a column {', '.join(sorted(reserved))}, a name that the platform reserves")

    @property
    def pipeline(self) -> str:
        """The name of its connector, topic, Pinot table (`in_pinot`) and view."""
        return pipeline(self.name, self.schema)

    def key_columns(self) -> tuple[Column, ...]:
        """Return the key's columns, in the table's order."""
        return tuple(column for column in self.columns if column.name in self.key)

    def other_columns(self) -> tuple[Column, ...]:
        """Return the other columns, in the table's order."""
        return tuple(column for column in self.columns if column.name not in self.key)


def pipeline(name: str, schema: str = PUBLIC) -> str:
    """Return the name under which a table is replicated: `person`, and `sales_person_1c9d77` for `sales.person`.

    The hash of a schema other than `public` keeps `sales.person` apart from a table `public.sales_person`.

    Raises:
        BadInput: A name that is not supported.
    """
    for each in (schema, name):
        if not NAME.fullmatch(each):
            raise BadInput(f"table {each!r}: only lower case letters, digits and underscores are supported")
    return name if schema == PUBLIC else f"{schema}_{name}_{_hash(f'{schema}.{name}')}"


def slot(name: str) -> str:
    """Return the name of the replication slot and the publication of a pipeline, at most 63 bytes long.

    A longer one is cut off and ends with a hash of the whole, so that two tables never share a slot.
    """
    whole = f"platform_{name}"
    return whole if len(whole) <= MOST_BYTES else f"{whole[: MOST_BYTES - 7]}_{_hash(whole)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]


def in_pinot(name: str) -> str:
    """Return the name that the table `name` has in Pinot: `order_table` for `order`, which is a SQL keyword.

    Trino sends table names to Pinot without quotes, and `SELECT count(*) FROM order` is a syntax error.
    """
    return f"{name}{SUFFIX}" if name in KEYWORDS else name


def quoted(name: str) -> str:
    """Return a name as a quoted SQL identifier."""
    return '"{}"'.format(name.replace('"', '""'))


COLUMNS = """
SELECT a.attname, regexp_replace(format_type(a.atttypid, NULL), '\\(.*', ''),
  coalesce(a.attnum = ANY((i.indkey::int2[])[0:i.indnkeyatts - 1]), false), a.attgenerated <> ''
FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
# Why the changes of a relation would not arrive, or not all of them: by what pg_class says of it.
NOT_REPLICATED = {
    "p": "is partitioned: its changes arrive under the names of its partitions",
    "f": "is a foreign table: its changes are in another server's log",
    "v": "is a view, which has no changes of its own",
    "m": "is a materialized view, whose refresh is not in the change log",
    "u": "is unlogged: its changes are not in the write-ahead log",
    "t": "is temporary: its changes are not in the write-ahead log",
    "parent": "has tables that inherit from it: their rows are its rows, and their changes arrive under their names",
}
KIND = """
SELECT CASE WHEN relkind <> 'r' THEN relkind::text WHEN relpersistence <> 'p' THEN relpersistence::text
  WHEN EXISTS (SELECT FROM pg_inherits WHERE inhparent = pg_class.oid) THEN 'parent' END
FROM pg_class WHERE oid = to_regclass(%s)
"""


def describe(dsn: str, name: str, schema: str = PUBLIC) -> Table:
    """Read the definition of a table from PostgreSQL.

    Args:
        dsn: Connection string of PostgreSQL.
        name: The table's name.
        schema: Its schema.

    Raises:
        BadInput: The table does not exist or cannot be replicated.
        Unreachable: PostgreSQL does not accept the connection.
    """
    pipeline(name, schema)  # names that are not supported do not reach SQL
    origin = f"{quoted(schema)}.{quoted(name)}"
    try:
        with psycopg.connect(dsn, connect_timeout=10) as connection:
            kind = connection.execute(KIND, [origin]).fetchone()
            rows = connection.execute(COLUMNS, [origin]).fetchall()
    except psycopg.OperationalError as error:
        raise Unreachable(f"PostgreSQL: {error}") from error
    if kind is None:
        raise BadInput(f"PostgreSQL has no table {schema}.{name}")
    if kind[0] is not None:
        reason = NOT_REPLICATED.get(kind[0], "is not an ordinary table")
        raise BadInput(f"{schema}.{name} {reason}; replicate an ordinary table")
    if generated := [column for column, _, _, computed in rows if computed]:
        raise BadInput(
            f"{schema}.{name} has the generated column {generated[0]}, whose values are not in the change log"
        )
    columns = tuple(Column(column, type_) for column, type_, _, _ in rows)
    return Table(name, columns, tuple(column for column, _, key, _ in rows if key), schema)
