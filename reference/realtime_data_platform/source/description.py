"""The definition of a table, read from PostgreSQL: connector, Pinot table and view are generated from it.

Read this to see which tables can be replicated into a view, and which names their parts get in each service.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace

from reference.realtime_data_platform.errors import BadInput, Refused

from .column_types import ColumnType, column_type
from .postgres import connected

NAME = re.compile(r"[a-z_][a-z0-9_]*")

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
KEY = "key_"
"""The prefix of a key column's name in Pinot, if Pinot does not accept the column's own name."""

ROW_COLUMNS = {"source": "$.after", "op": "$.op", "ts_ms": "$.ts_ms", "lsn": "$.source.lsn"}
"""Pinot's columns besides the key: the JSON path in Debezium's event, by the column's name.

The log sequence number orders the changes of a key, since two changes may have the same millisecond."""

AFTER_COMMIT = "after_commit"
"""Pinot's column for the log position of the last commit before a change's own transaction.

It never decreases within a topic, unlike a change's own log sequence number: a transaction that began early and
committed late has lower numbers than the transactions that precede it in the topic. The first transaction and the rows
of a snapshot have no commit before them; the column then has their own log sequence number."""

PUBLIC = "public"
# PostgreSQL cuts the name of a publication to 63 bytes, and refuses a longer name of a replication slot.
MOST_BYTES = 63


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: The column's name; every name that PostgreSQL accepts is valid.
        type: The column's type as PostgreSQL formats it (`column_types.column_type`).
        as_text: Whether the view has PostgreSQL's text of each value, also of those that Trino's type lacks.

    Raises:
        BadInput: Values of the type cannot be carried, or not as text.
    """

    name: str
    type: str
    as_text: bool = False

    def __post_init__(self) -> None:
        try:
            carried = column_type(self.type)
        except BadInput as error:
            raise BadInput(f"column {self.name}: {error}; leave it out (--columns)") from error
        if self.as_text and carried.text is None and carried.trino != "varchar":
            raise BadInput(f"column {self.name}: type {self.type} is not carried as text; leave out --as-text")

    @property
    def carried(self) -> ColumnType:
        """How values of the column are carried, as text or not."""
        found = column_type(self.type)
        if not self.as_text:
            return found
        return replace(
            found, trino="varchar", view=found.text or found.view, postgres="{column}::text", compared="{column}"
        )

    @property
    def in_pinot(self) -> str:
        """The name of Pinot's column, if this column is part of the key."""
        if (
            NAME.fullmatch(self.name)
            and self.name not in {*ROW_COLUMNS, AFTER_COMMIT}
            and not self.name.startswith((KEY, "__"))
        ):
            return self.name
        return f"{KEY}{_hash(self.name)}"


@dataclass(frozen=True)
class Table:
    """A table to be replicated into a Trino view.

    Attributes:
        name: The table's name in PostgreSQL. The parts that the platform creates for it are named `pipeline`.
        columns: The columns that are carried, in the table's order.
        key: Names of the columns of the primary key.
        schema: The table's schema in PostgreSQL.
        left_out: Names of the columns that are not carried.
        shared: Name of the set whose connector the table shares; empty if it has a connector of its own.

    Raises:
        BadInput: The table cannot be replicated; the message says why.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    schema: str = PUBLIC
    left_out: tuple[str, ...] = ()
    shared: str = ""

    def __post_init__(self) -> None:
        if not self.key:
            raise BadInput(f"{self.schema}.{self.name} has no primary key, by which changes of a row are matched")
        names = {column.name for column in self.columns}
        if missing := set(self.key) - names:
            raise BadInput(f"the key of {self.name} names {', '.join(sorted(missing))}, which is not a column")
        for column in self.key_columns():
            if column.carried.nested:
                raise BadInput(
                    f"{self.name}: type {column.type} of the key column {column.name} cannot be part of a key"
                )
        folded = Counter(column.name.lower() for column in self.columns)
        if same := [column.name for column in self.columns if folded[column.name.lower()] > 1]:
            raise BadInput(
                f"{self.name}: Trino's names have no case, so that {' and '.join(same)} would be one column; "
                "leave one out (--columns)"
            )

    @property
    def pipeline(self) -> str:
        """The name of its connector, topic, Pinot table (`in_pinot`) and view."""
        return pipeline(self.name, self.schema)

    @property
    def quoted(self) -> str:
        """Its name with its schema, as SQL of PostgreSQL."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    @property
    def op(self) -> str:
        """The name of the view's column for the last operation: `op`, or `__op` where the table has a column `op`."""
        return next(
            name for name in ("op", "__op", "___op") if name not in {each.name.lower() for each in self.columns}
        )

    def key_columns(self) -> tuple[Column, ...]:
        """Return the key's columns, in the table's order."""
        return tuple(column for column in self.columns if column.name in self.key)

    def other_columns(self) -> tuple[Column, ...]:
        """Return the other columns, in the table's order."""
        return tuple(column for column in self.columns if column.name not in self.key)


def is_plain(name: str, schema: str = PUBLIC) -> bool:
    """Return whether every service accepts a table's name unchanged."""
    own = name if schema == PUBLIC else f"{schema}_{name}"
    return (
        NAME.fullmatch(name) is not None
        and NAME.fullmatch(schema) is not None
        and "__" not in f"{own}_"  # Pinot reserves a double underscore, and one at the end
        and own not in map(in_pinot, KEYWORDS)
    )


def pipeline(name: str, schema: str = PUBLIC) -> str:
    """Return the name under which a table is replicated: `person`, and `sales_person_1c9d77` for `sales.person`.

    The hash of a schema other than `public` keeps `sales.person` apart from a table `public.sales_person`. A name that
    some service does not accept (`Order Items`) is spelt in plain letters, and also gets a hash: `order_items_6f1c02`.
    """
    if is_plain(name, schema):
        return name if schema == PUBLIC else f"{schema}_{name}_{_hash(f'{schema}.{name}')}"
    spelt = re.sub("[^a-z0-9]+", "_", (name if schema == PUBLIC else f"{schema}_{name}").lower()).strip("_")
    return f"{spelt or 'table'}_{_hash(f'{quoted(schema)}.{quoted(name)}')}"


def slot(name: str) -> str:
    """Return the name of the replication slot and the publication of a pipeline, at most 63 bytes long.

    A longer name is cut off and ends with a hash of the whole name, so that two tables do not share a slot.
    """
    whole = f"platform_{name}"
    return whole if len(whole) <= MOST_BYTES else f"{whole[: MOST_BYTES - 7]}_{_hash(whole)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]


def in_pinot(name: str) -> str:
    """Return the name of a table in Pinot: for `order`, which is a SQL keyword, it is `order_table`.

    Trino sends table names to Pinot without quotes, and `SELECT count(*) FROM order` is a syntax error.
    """
    return f"{name}{SUFFIX}" if name in KEYWORDS else name


def quoted(name: str) -> str:
    """Return a name as a quoted SQL identifier."""
    return '"{}"'.format(name.replace('"', '""'))


def escaped(text: str) -> str:
    """Return a text as it stands between the quotes of a SQL literal."""
    return text.replace("'", "''")


# A domain is carried as its base type, with the domain's modifier.
COLUMNS = """
WITH RECURSIVE origin AS (
  SELECT a.*, coalesce(a.attnum = ANY((i.indkey::int2[])[0:i.indnkeyatts - 1]), false) AS key,
    i.indimmediate IS FALSE AS deferrable
  FROM pg_attribute a LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
  WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped
), base AS (
  SELECT attnum, atttypid AS type, atttypmod AS modifier FROM origin
  UNION ALL
  SELECT base.attnum, t.typbasetype, t.typtypmod FROM base JOIN pg_type t ON t.oid = base.type WHERE t.typtype = 'd'
), named AS (
  SELECT base.attnum, CASE WHEN t.typsubscript = 'array_subscript_handler'::regproc THEN '[]' ELSE '' END AS suffix,
    e.oid AS type, base.modifier, e.typtype::text AS kind, e.typname,
    e.typnamespace = 'pg_catalog'::regnamespace AS built_in
  FROM base JOIN pg_type t ON t.oid = base.type
  JOIN pg_type e ON e.oid = CASE t.typsubscript WHEN 'array_subscript_handler'::regproc THEN t.typelem ELSE t.oid END
  WHERE t.typtype <> 'd'
)
SELECT o.attname, CASE
    WHEN n.kind = 'e' THEN 'enum' WHEN n.kind = 'c' THEN 'composite' WHEN n.kind = 'm' THEN 'multirange'
    WHEN n.kind = 'd' THEN 'domain' WHEN n.kind = 'r' AND NOT n.built_in THEN 'range'
    WHEN NOT n.built_in THEN n.typname::text
    WHEN n.typname IN ('numeric', 'bit') THEN format_type(n.type, n.modifier)
    ELSE regexp_replace(format_type(n.type, NULL), '\\(.*\\)', '') END || n.suffix,
  o.key, o.attgenerated <> '', o.deferrable
FROM origin o JOIN named n USING (attnum) ORDER BY o.attnum
"""
# Why the changes of a relation would not all arrive, by its kind or persistence in pg_class; `parent` is a table with
# child tables.
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


def describe(
    dsn: str, name: str, schema: str = PUBLIC, *, columns: Collection[str] = (), as_text: Collection[str] = ()
) -> Table:
    """Read the definition of a table from PostgreSQL.

    Args:
        dsn: Connection string of PostgreSQL.
        name: The table's name.
        schema: Its schema.
        columns: Names of the columns to carry besides the key; by default all columns.
        as_text: Names of the columns to carry as PostgreSQL's text.

    Raises:
        BadInput: The table does not exist or cannot be replicated.
        Unreachable: PostgreSQL does not accept the connection.
    """
    origin = f"{quoted(schema)}.{quoted(name)}"
    try:
        with connected(dsn) as connection:
            kind = connection.execute(KIND, [origin]).fetchone()
            rows = connection.execute(COLUMNS, [origin]).fetchall()
    except Refused as error:  # such as the empty name
        raise BadInput(f"PostgreSQL does not accept the table name {name!r}: {error}") from error
    if kind is None:
        raise BadInput(f"PostgreSQL has no table {schema}.{name}")
    if kind[0] is not None:
        reason = NOT_REPLICATED.get(kind[0], "is not an ordinary table")
        raise BadInput(f"{schema}.{name} {reason}; replicate an ordinary table")
    if unknown := {*columns, *as_text} - {column for column, *_ in rows}:
        raise BadInput(f"{schema}.{name} has no column {', '.join(sorted(unknown))}")
    key = tuple(column for column, _, in_key, *_ in rows if in_key)
    carried = [row for row in rows if not columns or row[0] in columns or row[0] in key]
    if generated := [column for column, _, _, computed, _ in carried if computed]:
        raise BadInput(
            f"{schema}.{name} has the generated column {generated[0]}, whose values are not in the change log; "
            "leave it out (--columns)"
        )
    if any(deferrable for *_, deferrable in rows):
        raise BadInput(
            f"the primary key of {schema}.{name} is deferrable: within a transaction two rows may have one key, "
            "and their changes cannot be distinguished; make it NOT DEFERRABLE"
        )
    return Table(
        name,
        tuple(Column(column, type_, column in as_text) for column, type_, *_ in carried),
        key,
        schema,
        tuple(row[0] for row in rows if row not in carried),
    )


def column_kinds(dsn: str, name: str, schema: str = PUBLIC) -> dict[str, tuple[str, bool]]:
    """Return the type of each column of a table, as PostgreSQL formats it, and whether it is in the key, by name."""
    with connected(dsn) as connection:
        rows = connection.execute(COLUMNS, [f"{quoted(schema)}.{quoted(name)}"]).fetchall()
    return {column: (kind, in_key) for column, kind, in_key, *_ in rows}
