"""Read the customers' tables from the catalog: the tables that have the identifier column, parents first.

Open it to see which tables count as customers' tables, and what is known of each of their columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from reference.customer_sharding.credentials import Flavor
from reference.customer_sharding.errors import Conflict


@dataclass(frozen=True)
class Table:
    """A table with customers' rows.

    Attributes:
        name: Name in the current schema.
        columns: Stored columns in table order; generated columns are left to the server.
        key: The columns of the primary key.
        referenced: Whether a foreign key of another customers' table refers to this one.
        inexact: Columns whose text form loses digits (MySQL's FLOAT).
        serial: Columns filled by a sequence or AUTO_INCREMENT.
        always: Identity columns that cannot be updated (GENERATED ALWAYS).
        whole: Integer columns.
        exact: DECIMAL columns of MySQL, which may compare them with a text as floating-point numbers.
        stable: Columns whose text form no session setting changes: integers, texts and UUIDs.
    """

    name: str
    columns: Sequence[str]
    key: Sequence[str]
    referenced: bool = False
    inexact: frozenset[str] = frozenset()
    serial: frozenset[str] = frozenset()
    always: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()
    exact: frozenset[str] = frozenset()
    stable: frozenset[str] = frozenset()


def quoted(flavor: Flavor, name: str) -> str:
    """Quote a name as an SQL identifier, for a statement with parameters, in which `%` is doubled."""
    return exactly_quoted(flavor, name).replace("%", "%%")


def exactly_quoted(flavor: Flavor, name: str) -> str:
    """Quote a name as an SQL identifier, for a statement without parameters."""
    quote = '"' if flavor is Flavor.POSTGRES else "`"
    return quote + name.replace(quote, quote * 2) + quote


COLUMNS = {
    Flavor.POSTGRES: """
        SELECT c.relname, a.attname, a.attgenerated <> '', false,
               a.attidentity <> '' OR pg_get_serial_sequence(quote_ident(c.relname), a.attname) IS NOT NULL,
               a.attidentity = 'a', a.atttypid IN (20, 21, 23), false,
               a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'text'::regtype, 'varchar'::regtype,
                              'bpchar'::regtype, 'uuid'::regtype)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        ORDER BY c.relname, a.attnum""",
    Flavor.MYSQL: """
        SELECT table_name, column_name, COALESCE(generation_expression, '') <> '', data_type = 'float',
               extra LIKE '%auto_increment%', false, data_type LIKE '%int', data_type = 'decimal', false
        FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
        WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' ORDER BY table_name, ordinal_position""",
}
_FACTS = ("generated", "inexact", "serial", "always", "whole", "exact", "stable")  # the selected flags of a column
KEYS = {
    Flavor.POSTGRES: """
        SELECT c.relname, a.attname
        FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
        CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (number, place)
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
        WHERE i.indisprimary AND c.relnamespace = current_schema()::regnamespace ORDER BY c.relname, k.place""",
    Flavor.MYSQL: """
        SELECT table_name, column_name FROM information_schema.statistics
        WHERE table_schema = DATABASE() AND index_name = 'PRIMARY' ORDER BY table_name, seq_in_index""",
}
REFERENCES = {
    Flavor.POSTGRES: """
        SELECT c.relname, r.relname, ''
        FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class r ON r.oid = k.confrelid
        WHERE k.contype = 'f' AND c.relnamespace = current_schema()::regnamespace""",
    Flavor.MYSQL: """
        SELECT table_name, referenced_table_name, CONCAT(delete_rule, ' ', update_rule)
        FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE()""",
}


def read_tables(cursor: Any, flavor: Flavor, identifier_field: str) -> Sequence[Table]:
    """Read the customers' tables from the server's catalog, parents before their children.

    Args:
        cursor: A driver's cursor.
        flavor: The database system.
        identifier_field: The column that names the customer.

    Raises:
        Conflict: A table cannot be moved row by row: it has no primary key, refers to itself or in a cycle, or its
            foreign keys change rows without firing triggers. The message names the table and the remedy.
    """

    def rows(statement: str) -> Iterable[Any]:
        cursor.execute(statement)
        return list(cursor.fetchall())

    columns: dict[str, dict[str, dict[str, bool]]] = {}
    for name, column, *facts in rows(COLUMNS[flavor]):
        columns.setdefault(name, {})[column] = dict(zip(_FACTS, (bool(int(fact)) for fact in facts), strict=True))
    theirs = {
        name: each
        for name, each in columns.items()
        if any(_same_column(flavor, column, identifier_field) for column in each) and not name.startswith("sharding_")
    }
    keys: dict[str, list[str]] = {}
    for name, column in rows(KEYS[flavor]):
        keys.setdefault(name, []).append(column)
    for name in theirs:
        if name not in keys:
            raise Conflict(f"table {name} has no primary key: its rows cannot be identified while they move")
        for column in keys[name]:
            if theirs[name][column]["generated"]:
                raise Conflict(f"key column {name}.{column} is generated: use a key of columns that are stored")
    parents: dict[str, set[str]] = {name: set() for name in theirs}
    for child, parent, rules in rows(REFERENCES[flavor]):
        if child in theirs and parent in theirs:
            if flavor is Flavor.MYSQL and any(rule in rules for rule in ("CASCADE", "SET")):
                raise Conflict(
                    f"the foreign key of table {child} to {parent} has {rules} and changes rows without firing "
                    "triggers: make it RESTRICT"
                )
            parents[child].add(parent)
    try:
        order = list(TopologicalSorter(parents).static_order())
    except CycleError as error:
        raise Conflict(f"tables refer to each other in a cycle: {' -> '.join(error.args[1])}") from None
    referenced = set().union(*parents.values()) if parents else set()
    return [
        Table(
            name=name,
            columns=[column for column, facts in theirs[name].items() if not facts["generated"]],
            key=keys[name],
            referenced=name in referenced,
            **{
                fact: frozenset(column for column, facts in theirs[name].items() if facts[fact])
                for fact in _FACTS
                if fact != "generated"
            },
        )
        for name in order
    ]


def _same_column(flavor: Flavor, one: str, other: str) -> bool:
    """Return whether two names mean the same column; MySQL ignores the case of letters."""
    return one.casefold() == other.casefold() if flavor is Flavor.MYSQL else one == other
