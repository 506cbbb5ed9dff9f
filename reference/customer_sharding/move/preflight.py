"""The preflight: find what prevents a move before anything is changed, and refuse it with the remedy.

Open it to see which tables can be moved, or to add a check. `inspect` reads one database's catalog;
`refusals` compares the source with the target. Citus checks that a shard's tables are colocated, have a replica
identity and no foreign key to an unreplicated table; Vitess checks keys, foreign keys and types when a workflow is
created. This one also checks that the mover sees all rows, that no trigger fires on what it writes, and that every
table with the identifier column has the guard's triggers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reference.customer_sharding.credentials import Flavor

from .protocol import Inspection
from .row_security import protected_tables
from .tables import Table
from .triggers import GUARD, RESTORE, SAVE, mysql_guard_name

_OWN_TRIGGERS = (GUARD, SAVE, RESTORE)

_POSTGRES_SCHEMAS = """
    SELECT n.nspname || '.' || c.relname
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE a.attname = %s AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition
    AND (c.relnamespace <> current_schema()::regnamespace OR c.relkind = 'f')
    AND n.nspname NOT LIKE 'pg\\_%%' AND n.nspname <> 'information_schema' ORDER BY 1"""
_POSTGRES_TABLES = """
    SELECT c.relname, row_security_active(c.oid),
           EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid AND c.relkind = 'r')
           OR EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid),
           EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid),
           (SELECT i.indisprimary AND NOT i.indimmediate FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)
    FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY(%s)"""
_POSTGRES_COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
           COALESCE(NULLIF(l.collname, 'default'), ''), NOT COALESCE(l.collisdeterministic, true),
           format_type(COALESCE(NULLIF(t.typbasetype, 0), t.oid), NULL), a.attgenerated <> ''
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_collation l ON l.oid = a.attcollation
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY(%s) ORDER BY 1, 2"""
_POSTGRES_CHILDREN = """
    SELECT k.conrelid::regclass::text, r.relname
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class r ON r.oid = k.confrelid
    WHERE k.contype = 'f' AND NOT c.relispartition AND r.relnamespace = current_schema()::regnamespace
    AND r.relname = ANY(%s)
    AND NOT (c.relnamespace = current_schema()::regnamespace AND c.relname = ANY(%s)) ORDER BY 1"""
# tgtype: bit 0 FOR EACH ROW, bit 1 BEFORE, bit 3 DELETE, bit 5 TRUNCATE.
_POSTGRES_TRIGGERS = """
    SELECT c.relname, t.tgname, t.tgenabled IN ('O', 'A'), t.tgtype & 1 <> 0 AND t.tgtype & 2 <> 0 AND t.tgtype & 8 = 0,
           t.tgtype = 32 OR position('sharding.mover' IN pg_get_triggerdef(t.oid) || p.prosrc) > 0
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace AND c.relname = ANY(%s)
    ORDER BY 1, 2"""
_MYSQL_TABLES = """
    SELECT table_name, engine FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'"""
_MYSQL_OTHERS = """
    SELECT table_name, table_type FROM information_schema.columns JOIN information_schema.tables
    USING (table_schema, table_name) WHERE table_schema = DATABASE() AND LOWER(column_name) = LOWER(%s)
    AND table_type NOT IN ('BASE TABLE', 'VIEW') ORDER BY 1"""
_MYSQL_COLUMNS = """
    SELECT table_name, column_name, column_type, COALESCE(collation_name, ''), data_type,
           COALESCE(generation_expression, '') <> ''
    FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY 1, 2"""
_MYSQL_CHILDREN = """
    SELECT table_name, referenced_table_name FROM information_schema.referential_constraints
    WHERE constraint_schema = DATABASE() ORDER BY 1"""
_MYSQL_TRIGGERS = """
    SELECT event_object_table, trigger_name, action_statement LIKE '%sharding_mover%'
    FROM information_schema.triggers WHERE event_object_schema = DATABASE() ORDER BY 1, 2"""
_INEXACT_KEYS = ("binary", "varbinary", "blob", "tinyblob", "mediumblob", "longblob", "bit", "float", "double")


def inspect(cursor: Any, flavor: Flavor, tables: Sequence[Table], identifier_field: str) -> Inspection:
    """Read from a database's catalog what may prevent a move.

    Args:
        cursor: In a transaction of the mover.
        flavor: The database system.
        tables: The customers' tables, as `tables.read_tables` found them.
        identifier_field: The column that names the customer.
    """
    if flavor is Flavor.POSTGRES:
        problems = list(_postgres(cursor, tables, identifier_field))
        columns = _postgres_columns(cursor, tables)
        protected = protected_tables(cursor, tables)
        cursor.execute("SELECT getdatabaseencoding()")
    else:
        problems = list(_mysql(cursor, tables, identifier_field))
        columns = _mysql_columns(cursor, tables)
        protected = frozenset()
        cursor.execute("SELECT 'utf8mb4'")
    return Inspection(problems, columns, str(cursor.fetchone()[0]), protected)


def refusals(source: Inspection, target: Inspection, names: tuple[str, str]) -> list[str]:
    """Return the reasons why a customer cannot be moved, or an empty list if it can.

    Args:
        source: Inspection of the source database.
        target: Inspection of the target database.
        names: Names of the source and the target.
    """
    found = [
        f"{name}: {problem}" for name, each in zip(names, (source, target), strict=True) for problem in each.problems
    ]
    here, there = names
    if source.encoding != target.encoding:
        found.append(
            f"{here} is encoded in {source.encoding}, {there} in {target.encoding}: use databases of one encoding"
        )
    for table, columns in source.columns.items():
        others = target.columns.get(table)
        if others is None:
            found.append(
                f"table {table} is missing in {there}: migrate it there and run `customer-sharding prepare {there}`"
            )
            continue
        if table in source.protected and table not in target.protected:
            found.append(
                f"table {table} restricts sessions to their customer's rows in {here} and not in {there}: "
                f"run `customer-sharding prepare {there} --row-security`"
            )
        for column in sorted(set(columns) | set(others)):
            mine, theirs = columns.get(column), others.get(column)
            if mine != theirs:
                found.append(
                    f"column {table}.{column} is {mine or 'missing'} in {here} and {theirs or 'missing'} in {there}: "
                    "migrate both databases to one schema before the move"
                )
    return found


def _postgres(cursor: Any, tables: Sequence[Table], identifier_field: str) -> Iterator[str]:
    names = [table.name for table in tables]
    cursor.execute(_POSTGRES_SCHEMAS, (identifier_field,))
    for (name,) in cursor.fetchall():
        yield (
            f"table {name} has the column {identifier_field} and is outside the schema that is moved, or a foreign "
            "table: move it into the schema, or rename the column if it does not name a customer"
        )
    cursor.execute(_POSTGRES_CHILDREN, (names, names))
    for child, parent in cursor.fetchall():
        yield (
            f"table {child} refers to {parent} and has no column {identifier_field}: its rows would stay behind or be "
            f"deleted with their parents; add the column {identifier_field} to it"
        )
    cursor.execute(_POSTGRES_TABLES, (names,))
    for name, filtered, inherits, rules, deferrable in cursor.fetchall():
        if filtered:
            yield (
                f"row-level security hides rows of table {name} from the mover: give the admin user BYPASSRLS, "
                f"or ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY"
            )
        if inherits:
            yield f"table {name} inherits from a table or to one: rows would be seen twice; use a partitioned table"
        if rules:
            yield f"table {name} has a rule, which rewrites what the mover writes: use a trigger instead"
        if deferrable:
            yield f"the primary key of table {name} is deferrable: declare it NOT DEFERRABLE"
    cursor.execute(_POSTGRES_COLUMNS, (names,))
    for name, column, kind, _, equates, base, _ in cursor.fetchall():
        if base in ("oid", "lo"):
            yield (
                f"column {name}.{column} is of type {kind}, a large object's number, and the object would stay behind: "
                "store the content as bytea"
            )
        if column == identifier_field and (equates or base == "citext"):
            yield f"column {name}.{column} equates different identifiers: use text with a deterministic collation"
    yield from _postgres_triggers(cursor, names)


def _postgres_triggers(cursor: Any, names: Sequence[str]) -> Iterator[str]:
    cursor.execute(_POSTGRES_TRIGGERS, (names,))
    ours: dict[str, set[str]] = {name: set() for name in names}
    for name, trigger, enabled, harmless, excepted in cursor.fetchall():
        if trigger in _OWN_TRIGGERS:
            if enabled:
                ours[name].add(trigger)
        elif enabled and not harmless and not excepted:
            yield (
                f"trigger {trigger} on table {name} would fire for rows that the mover writes or deletes: add "
                "WHEN (current_setting('sharding.mover', true) IS DISTINCT FROM 'on') to it"
            )
        elif enabled and not excepted and not SAVE < trigger < RESTORE:
            yield f"trigger {trigger} on table {name} sorts before or after the guard's own: rename it"
    for name, triggers in ours.items():
        if triggers != set(_OWN_TRIGGERS):
            yield f"table {name} has no guard, or one that is disabled: run `customer-sharding prepare`"


def _postgres_columns(cursor: Any, tables: Sequence[Table]) -> Mapping[str, Mapping[str, str]]:
    cursor.execute(_POSTGRES_COLUMNS, ([table.name for table in tables],))
    found: dict[str, dict[str, str]] = {}
    for name, column, kind, collation, _, _, generated in cursor.fetchall():
        found.setdefault(name, {})[column] = _described(kind, collation, generated)
    return found


def _mysql(cursor: Any, tables: Sequence[Table], identifier_field: str) -> Iterator[str]:
    names = {table.name for table in tables}
    cursor.execute(_MYSQL_OTHERS, (identifier_field,))
    for name, kind in cursor.fetchall():
        yield (
            f"table {name} has the column {identifier_field} and is {kind}, whose history or rows would stay behind: "
            "make it an ordinary table, or rename the column if it does not name a customer"
        )
    cursor.execute(_MYSQL_TABLES)
    for name, engine in cursor.fetchall():
        if name in names and engine != "InnoDB":
            yield f"table {name} is stored by {engine}, which has no transactions: ALTER TABLE {name} ENGINE=InnoDB"
    cursor.execute(_MYSQL_CHILDREN)
    for child, parent in cursor.fetchall():
        if parent in names and child not in names:
            yield f"table {child} refers to {parent} and has no column {identifier_field}: add the column to it"
    keys = {table.name: set(table.key) for table in tables}
    cursor.execute(_MYSQL_COLUMNS)
    for name, column, kind, _, base, _ in cursor.fetchall():
        if column in keys.get(name, ()) and base in _INEXACT_KEYS:
            yield (
                f"key column {name}.{column} is {kind}: different values may have the same text, by which the mover "
                "identifies rows; use a number or a text"
            )
    cursor.execute(_MYSQL_TRIGGERS)
    ours: dict[str, set[str]] = {name: set() for name in names}
    for name, trigger, excepted in cursor.fetchall():
        if name not in names:
            continue
        if trigger in {mysql_guard_name(name, event) for event in ("insert", "update", "delete")}:
            ours[name].add(trigger)
        elif not int(excepted):
            yield (
                f"trigger {trigger} on table {name} would fire for rows that the mover writes or deletes: let it do "
                "nothing IF @sharding_mover = 1"
            )
    for name, triggers in ours.items():
        if len(triggers) != 3:
            yield f"table {name} has no guard: run `customer-sharding prepare`"


def _mysql_columns(cursor: Any, tables: Sequence[Table]) -> Mapping[str, Mapping[str, str]]:
    names = {table.name for table in tables}
    cursor.execute(_MYSQL_COLUMNS)
    found: dict[str, dict[str, str]] = {}
    for name, column, kind, collation, _, generated in cursor.fetchall():
        if name in names:
            found.setdefault(name, {})[column] = _described(kind, collation, bool(int(generated)))
    return found


def _described(kind: str, collation: str, generated: bool) -> str:
    return kind + (f" COLLATE {collation}" if collation else "") + (" GENERATED" if generated else "")
