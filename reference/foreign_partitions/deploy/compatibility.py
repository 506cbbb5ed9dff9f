"""Check that servers agree on the types of a table, so that a row hashes to the same partition on each of them.

PostgreSQL routes a row by the hash of its partition key on the base, and the partition's server checks the row against
the hash that it computes itself. If the two differ, rows with some values can never be stored, and the first error
comes when such a row is inserted. This module reads the definitions that determine a hash from a server, and finds the
differences between two servers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import Connection, sql
from psycopg.rows import dict_row

from reference.foreign_partitions.description import Column, Table

# Seed of PostgreSQL's partition hash (HASH_PARTITION_SEED).
SEED = 0x7A5B22367996DCFD

# Spellings of values, of which each type takes those that it can read.
ASCII_VALUES = [
    *("0", "1", "-1", "42", "1234567890", "1.5", "-0.001", "1e10", "NaN", "infinity", "t", "f", "101", "$1.00"),
    *("a", "A", "b", "Z", "z ", "ab", "Straight on", "a.b", '"a"', "1/1", "1:1", "1-1", "x" * 100),
    *("2024-02-29", "1969-12-31", "2024-02-29 12:34:56.789", "2024-02-29 12:34:56.789+02", "23:59:59", "12:00:00+02"),
    *("1 day", "1 mon -02:00:00", "0c9bd7ab-6ab9-4b6e-b2a3-9d0b2a9d2b1c", "\\x00ff", "192.0.2.1", "192.0.2.0/24"),
    *("2001:db8::1", "08:00:2b:01:02:03", "08:00:2b:01:02:03:04:05", '{"a": [1, 2.50, null]}', "[1, 2]", "null"),
    *("{}", "{1,2}", "[1,5)", "empty", "(1,2)", "<(0,0),1>", "1:2:", "'a':1 'b':2", "a => 1", "a=>1", "16/B374D848"),
]
OTHER_VALUES = ["\u00e9", "\u00c9", "e\u0301", "\u00df", "ss", "\u65e5\u672c", "\u0416", "\U0001f600"]


@dataclass(frozen=True)
class ServerTypes:
    """A server's definitions of the types of a table.

    Attributes:
        encoding: Encoding of the database, such as `UTF8`.
        definitions: The definitions of the types that columns consist of (elements of arrays, fields of composites, and
            the types of domains and ranges), by name.
        collations: The definitions of the collations that columns use, by name; `default` is the database's collation.
        carries_text: Whether some column holds text.
        hashed_by_oid: Types in the partition key whose hash depends on a number that each server assigns itself.
        hashable: Whether the partition key's type has a hash function for partitions.
        hashes: The partition hash of sample values of the types in the key, by type and value.
    """

    encoding: str = "UTF8"
    definitions: Mapping[str, str] = field(default_factory=dict)
    collations: Mapping[str, str] = field(default_factory=dict)
    carries_text: bool = False
    hashed_by_oid: Sequence[str] = ()
    hashable: bool = True
    hashes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


PARTS = """
WITH RECURSIVE part(column_name, oid) AS (
    SELECT name, to_regtype(type)::oid FROM unnest(%(names)s::text[], %(types)s::text[]) c(name, type)
    UNION
    SELECT part.column_name, below.oid FROM part JOIN pg_type t ON t.oid = part.oid, LATERAL (
        SELECT t.typbasetype AS oid WHERE t.typtype = 'd'
        UNION ALL SELECT t.typelem WHERE t.typsubscript = 'array_subscript_handler'::regproc
        UNION ALL SELECT rngsubtype FROM pg_range WHERE t.oid IN (rngtypid, rngmultitypid)
        UNION ALL SELECT atttypid FROM pg_attribute
            WHERE t.typtype = 'c' AND attrelid = t.typrelid AND attnum > 0 AND NOT attisdropped
    ) below
)
SELECT part.column_name, t.oid, n.nspname || '.' || t.typname AS name, t.typtype::text AS kind, t.typname,
    t.typsubscript = 'array_subscript_handler'::regproc AS is_array, n.nspname = 'pg_catalog' AS built_in,
    t.typcategory::text AS category,
    CASE t.typtype
        WHEN 'e' THEN 'enum (' ||
            (SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder)
             FROM pg_enum WHERE enumtypid = t.oid)
            || ')'
        WHEN 'd' THEN 'domain over ' || format_type(t.typbasetype, t.typtypmod)
            || CASE WHEN t.typnotnull THEN ' not null' ELSE '' END || COALESCE(
            (SELECT string_agg(' ' || pg_get_constraintdef(oid), '' ORDER BY pg_get_constraintdef(oid))
             FROM pg_constraint WHERE contypid = t.oid AND contype = 'c'), '')
        WHEN 'c' THEN 'composite (' ||
            (SELECT string_agg(quote_ident(attname) || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
             FROM pg_attribute WHERE attrelid = t.typrelid AND attnum > 0 AND NOT attisdropped) || ')'
        WHEN 'r' THEN (SELECT 'range of ' || format_type(rngsubtype, NULL) || ' by ' || opcname
            FROM pg_range JOIN pg_opclass o ON o.oid = rngsubopc WHERE rngtypid = t.oid)
        ELSE t.typname::text
    END AS definition,
    (SELECT array_agg(DISTINCT c) FILTER (WHERE c <> 0) FROM (
        SELECT t.typcollation UNION ALL SELECT rngcollation FROM pg_range WHERE t.oid IN (rngtypid, rngmultitypid)
        UNION ALL SELECT attcollation FROM pg_attribute WHERE t.typtype = 'c' AND attrelid = t.typrelid AND attnum > 0
    ) every(c)) AS collations
FROM part JOIN pg_type t ON t.oid = part.oid JOIN pg_namespace n ON n.oid = t.typnamespace
"""

COLLATIONS = """
SELECT c.collname AS name, concat_ws(' ',
    CASE WHEN locale IN ('C', 'POSIX') THEN 'C' ELSE
        CASE provider WHEN 'c' THEN 'libc' WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE provider::text END
        || ' ' || locale END,
    rules, CASE WHEN NOT deterministic THEN 'nondeterministic' END,
    CASE WHEN locale NOT IN ('C', 'POSIX') THEN 'version ' || version END) AS definition
FROM pg_collation c, LATERAL (
    SELECT collprovider AS provider, COALESCE(colllocale, collcollate) AS locale, collicurules AS rules,
        collisdeterministic AS deterministic, pg_collation_actual_version(c.oid) AS version
    WHERE collprovider <> 'd'
    UNION ALL
    SELECT datlocprovider, COALESCE(datlocale, datcollate), daticurules, true,
        pg_database_collation_actual_version(oid)
    FROM pg_database WHERE collprovider = 'd' AND datname = current_database()
) known
WHERE c.oid = ANY(%s) OR c.oid IN (SELECT to_regcollation(name)::oid FROM unnest(%s::text[]) name)
"""

# The default operator class for hashes of a type, as CREATE TABLE ... PARTITION BY HASH finds it.
HASH_FUNCTION = """
SELECT n.nspname AS schema, p.proname AS name
FROM (WITH RECURSIVE below(oid, depth) AS (
        SELECT %s::oid, 0 UNION ALL
        SELECT typbasetype, depth + 1 FROM below JOIN pg_type t USING (oid) WHERE typtype = 'd')
    SELECT oid FROM below ORDER BY depth DESC LIMIT 1) base
JOIN pg_type t ON t.oid = base.oid
JOIN pg_opclass o ON o.opcdefault AND o.opcmethod = (SELECT oid FROM pg_am WHERE amname = 'hash') AND (
    o.opcintype = t.oid
    OR o.opcintype = CASE WHEN t.typtype = 'e' THEN 'anyenum'::regtype WHEN t.typtype = 'r' THEN 'anyrange'::regtype
        WHEN t.typtype = 'm' THEN 'anymultirange'::regtype WHEN t.typtype = 'c' THEN 'record'::regtype
        WHEN t.typsubscript = 'array_subscript_handler'::regproc THEN 'anyarray'::regtype END
    OR EXISTS (SELECT FROM pg_cast WHERE castsource = t.oid AND casttarget = o.opcintype AND castmethod = 'b'
        AND castcontext = 'i'))
JOIN pg_amproc a ON a.amprocfamily = o.opcfamily AND a.amproclefttype = o.opcintype
    AND a.amprocrighttype = o.opcintype AND a.amprocnum = 2
JOIN pg_proc p ON p.oid = a.amproc JOIN pg_namespace n ON n.oid = p.pronamespace
ORDER BY o.opcintype = t.oid DESC LIMIT 1
"""

# Settings that the spelling of values depends on.
SESSION = "SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, MDY'; SET LOCAL intervalstyle = 'postgres'"


def inspect_types(connection: Connection[Any], table: Table) -> ServerTypes:
    """Read a server's definitions of a table's types, which must exist there; nothing is changed.

    Args:
        connection: A connection to the server, in a transaction that the caller ends.
        table: The described table.
    """
    cursor = connection.cursor(row_factory=dict_row)
    names, types = list(table.columns), [column.base_type for column in table.columns.values()]
    connection.execute(SESSION)
    encoding = cursor.execute("SHOW server_encoding").fetchall()[0]["server_encoding"]
    parts = cursor.execute(PARTS, {"names": names, "types": types}).fetchall()
    named = [column.collation for column in table.columns.values() if column.collation]
    plain = [part for part in parts if table.columns[part["column_name"]].collation is None]
    used = sorted({oid for part in plain for oid in part["collations"] or ()})
    collations = cursor.execute(COLLATIONS, [used, named]).fetchall()
    key = [part for part in parts if part["column_name"] == table.hash]
    hashes, hashable = {}, _hash_function(connection, key[0]["oid"]) is not None
    values = [*ASCII_VALUES, *(OTHER_VALUES if encoding == "UTF8" else ())]
    for part in key:
        if part["kind"] == "b" and not part["is_array"]:
            found = _hashes(connection, part["oid"], table.columns[table.hash], values)
            if found is None:
                hashable = False
            else:
                hashes[part["name"]] = found
    return ServerTypes(
        encoding=encoding,
        definitions={part["name"]: part["definition"] or part["typname"] for part in parts},
        collations={each["name"]: each["definition"] for each in collations},
        carries_text=any(
            part["collations"] or part["category"] in "SE" or part["typname"] in ("json", "jsonb", "xml", "hstore")
            for part in parts
        ),
        hashed_by_oid=[
            part["name"].removeprefix("pg_catalog.")
            for part in key
            if part["kind"] == "e" or (part["built_in"] and part["typname"].startswith("reg"))
        ],
        hashable=hashable,
        hashes=hashes,
    )


def differences(base: ServerTypes, server: ServerTypes, name: str, table: Table) -> Iterator[str]:
    """Yield the differences between the base and a server, a sentence each.

    Args:
        base: Type definitions of the base.
        server: Type definitions of the server.
        name: Name of the server.
        table: The described table.
    """
    key = f"the partition key {table.hash}"
    for kind in base.hashed_by_oid:
        yield (
            f"{name}: {key} is made of {kind}, which PostgreSQL hashes by a number that each server assigns itself, so "
            f"that rows belong to other partitions there: partition by a text or an integer"
        )
    for kind, definition in base.definitions.items():
        there = server.definitions.get(kind)
        if there is None:
            yield f"{name}: the type {kind} is not the one of the base: make it of the same types on both"
        elif there != definition:
            yield f"{name}: the type {kind} is {there}, and on the base {definition}: make them equal"
    if base.encoding != server.encoding and (base.carries_text or server.carries_text):
        yield (
            f"{name}: the database is encoded in {server.encoding}, the base in {base.encoding}: text hashes otherwise "
            f"there, or cannot be stored: make the database anew with the encoding of the base"
        )
    for collation, definition in base.collations.items():
        there = server.collations.get(collation)
        if there != definition:
            yield (
                f"{name}: the collation {collation} is {there or 'missing'}, and on the base {definition}: rows sorted "
                f'there would be taken for sorted here: use one that is the same on both, such as text COLLATE "C"'
            )
    if base.hashed_by_oid or base.encoding != server.encoding:
        return
    yield from _differing_hashes(base, server, name, key)


def _differing_hashes(base: ServerTypes, server: ServerTypes, name: str, key: str) -> Iterator[str]:
    for kind, hashes in base.hashes.items():
        there = server.hashes.get(kind, {})
        if not hashes and not there:
            yield f"{name}: no value of {kind} is known by which hashes could be compared: choose another {key}"
        differing = [value for value in {**hashes, **there} if hashes.get(value) != there.get(value)]
        if differing:
            yield (
                f"{name}: {key} hashes otherwise there (type {kind}, for instance {differing[0]!r}): rows of some "
                f"values could never be stored: install the same version of the type on both servers"
            )


def _hash_function(connection: Connection[Any], type_oid: int) -> sql.Identifier | None:
    found = connection.execute(HASH_FUNCTION, [type_oid]).fetchone()
    return sql.Identifier(*found) if found is not None else None


def _hashes(connection: Connection[Any], type_oid: int, column: Column, values: Sequence[str]) -> dict[str, int] | None:
    function = _hash_function(connection, type_oid)
    if function is None:
        return None
    spelled, collatable = connection.execute(
        "SELECT format_type(oid, -1), typcollation <> 0 FROM pg_type WHERE oid = %s", [type_oid]
    ).fetchall()[0]
    value = sql.SQL("value::{}").format(sql.SQL(spelled))
    if column.collation and collatable:
        value = sql.SQL("{} COLLATE {}").format(value, sql.SQL(column.collation))
    query = sql.SQL(
        """SELECT value, CASE WHEN pg_input_is_valid(value, {kind}) THEN {function}({argument}, {seed}) END
        FROM unnest(%s::text[]) value"""
    ).format(kind=sql.Literal(spelled), function=function, argument=value, seed=sql.Literal(SEED))
    try:
        with connection.transaction():
            found = connection.execute(query, [list(values)]).fetchall()
    except psycopg.Error:
        return None
    return {value: number for value, number in found if number is not None}
