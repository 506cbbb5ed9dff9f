"""Read the state of a server: the part of its catalogs that `planning` compares with a description."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import Connection, sql
from psycopg.rows import dict_row

from reference.foreign_partitions.description import Column, Secret, Table
from reference.foreign_partitions.errors import Conflict

from .compatibility import ServerTypes
from .partitions import is_there

# PostgreSQL 17 is the first that allows identity columns in partitioned tables.
OLDEST_VERSION = 170000


@dataclass(frozen=True)
class ColumnState:
    """A column of an existing table.

    Attributes:
        type: The type as the server spells it, with its collation if that is not the type's default.
        null: Whether it is nullable.
        identity: `a` for GENERATED ALWAYS, `d` for BY DEFAULT, else empty.
        default: Whether it has a default.
        sequence: The sequence that it owns, quoted.
        generated: Whether it is computed from other columns.
        remote_name: The foreign table's option `column_name`.
    """

    type: str
    null: bool
    identity: str
    default: bool
    sequence: str | None
    generated: bool = False
    remote_name: str | None = None


@dataclass(frozen=True)
class TableState:
    """An existing table.

    Attributes:
        kind: `r` plain, `p` partitioned, `f` foreign.
        columns: Its columns by name, in table order.
        partitioned_by: The definition of its partition key, such as `HASH (quarter)`.
        parent: The table of which it is a partition, with its schema if that is another schema.
        bound: Its partition bound, as the server spells it.
        server: The foreign server that stores it.
        key: The columns of its primary key.
        indexes: The columns of each index.
        unlogged: Whether a crash of the server empties it.
        rules: Whether it has rules, which may turn an INSERT into nothing.
        checks: The definition of each CHECK constraint, by name.
        options: The options of a foreign table.
    """

    kind: str
    columns: Mapping[str, ColumnState]
    partitioned_by: str | None = None
    parent: str | None = None
    bound: str | None = None
    server: str | None = None
    key: Sequence[str] = ()
    indexes: Sequence[Sequence[str]] = ()
    unlogged: bool = False
    rules: bool = False
    checks: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ServerState:
    """A server's state.

    Attributes:
        schema: Whether the schema exists.
        relations: The requested tables that exist, by name.
        spelled: The described columns' types as this server spells them; None for an unknown type.
        extension: Whether postgres_fdw is installed.
        servers: Options of foreign servers by name.
        mappings: Options of the user mapping of each role on each foreign server, by server and role.
        settings: Settings of the database, by name.
        user: Name of the connected user.
        database: Name of the database.
        types: The server's definitions of the table's types, if `inspect_types` has read them.
        layout: The layout of the partitions (`Description.layout`) that the server has recorded; empty for no record,
            None for no table of it.
    """

    schema: bool = False
    relations: Mapping[str, TableState] = field(default_factory=dict)
    spelled: Mapping[str, str | None] = field(default_factory=dict)
    extension: bool = False
    servers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    mappings: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    user: str = "postgres"
    database: str = "postgres"
    types: ServerTypes | None = None
    layout: str | None = None


RELATIONS = """
SELECT c.oid, c.relname, c.relkind::text AS kind, pg_get_partkeydef(c.oid) AS partitioned_by,
       CASE WHEN pn.nspname = n.nspname THEN p.relname ELSE pn.nspname || '.' || p.relname END AS parent_name,
       c.relpersistence = 'u' AS unlogged, f.ftoptions AS options,
       EXISTS (SELECT FROM pg_rewrite WHERE ev_class = c.oid) AS rules,
       pg_get_expr(c.relpartbound, c.oid) AS bound, s.srvname AS server
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
LEFT JOIN pg_class p ON p.oid = i.inhparent
LEFT JOIN pg_namespace pn ON pn.oid = p.relnamespace
LEFT JOIN pg_foreign_table f ON f.ftrelid = c.oid
LEFT JOIN pg_foreign_server s ON s.oid = f.ftserver
WHERE n.nspname = %s AND c.relname = ANY(%s)
"""

COLUMNS = """
SELECT attrelid AS oid, attname AS name,
       format_type(atttypid, atttypmod) || CASE WHEN attcollation <> typcollation
           THEN ' COLLATE ' || attcollation::regcollation ELSE '' END AS type,
       NOT attnotnull AS null, attidentity::text AS identity, atthasdef AS default, attgenerated <> '' AS generated,
       (SELECT split_part(o, '=', 2) FROM unnest(attfdwoptions) o WHERE o LIKE 'column_name=%%') AS remote_name,
       pg_get_serial_sequence(attrelid::regclass::text, attname) AS sequence
FROM pg_attribute JOIN pg_type t ON t.oid = atttypid
WHERE attrelid = ANY(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attrelid, attnum
"""

INDEXES = """
SELECT i.indrelid AS oid, i.indisprimary AS key,
       (SELECT array_agg(a.attname::text ORDER BY k.place)
        FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(number, place)
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number) AS columns
FROM pg_index i WHERE i.indrelid = ANY(%s) AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indisvalid
"""


CHECKS = "SELECT conrelid AS oid, conname AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint \
WHERE conrelid = ANY(%s) AND contype = 'c'"

MAPPINGS = "SELECT srvname AS server, usename AS role, umoptions AS options FROM pg_user_mappings"


def inspect_server(connection: Connection[Any], table: Table, names: Collection[str], what: str) -> ServerState:
    """Read the state of the named tables and of what they depend on, except the definitions of types.

    Args:
        connection: A connection to the server.
        table: The described table, whose types the server spells.
        names: Names of the tables.
        what: Name of the server in errors.

    Raises:
        Conflict: The server is older than PostgreSQL 17, or a described type is malformed.
    """
    if connection.info.server_version < OLDEST_VERSION:
        raise Conflict(f"{what} runs PostgreSQL {connection.info.server_version // 10000}: 17 or later is needed")
    cursor = connection.cursor(row_factory=dict_row)
    schema = table.schema

    def rows(query: str, *parameters: Any) -> list[dict[str, Any]]:
        return cursor.execute(query.encode(), parameters).fetchall()

    (facts,) = rows(
        """SELECT current_user AS user, current_database() AS database, to_regnamespace(quote_ident(%s)) IS NOT NULL
        AS schema, EXISTS (SELECT FROM pg_extension WHERE extname = 'postgres_fdw') AS extension""",
        schema,
    )
    spelled = _spelled(connection, table.columns, what)
    settings = rows(
        """SELECT split_part(s, '=', 1) AS name, split_part(s, '=', 2) AS value FROM pg_db_role_setting r,
        unnest(r.setconfig) s WHERE setrole = 0
        AND setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())"""
    )
    found = {each["oid"]: each for each in rows(RELATIONS, schema, list(names))}
    columns: dict[int, dict[str, ColumnState]] = {oid: {} for oid in found}
    for each in rows(COLUMNS, list(found)):
        oid, name = each.pop("oid"), each.pop("name")
        columns[oid][name] = ColumnState(**each)
    indexes = rows(INDEXES, list(found))
    checks: dict[int, dict[str, str]] = {oid: {} for oid in found}
    for each in rows(CHECKS, list(found)):
        checks[each["oid"]][each["name"]] = each["definition"]
    return ServerState(
        schema=facts["schema"],
        relations={
            each["relname"]: TableState(
                kind=each["kind"],
                partitioned_by=each["partitioned_by"],
                parent=each["parent_name"],
                bound=each["bound"],
                server=each["server"],
                columns=columns[oid],
                key=next((tuple(one["columns"]) for one in indexes if one["oid"] == oid and one["key"]), ()),
                indexes=[tuple(one["columns"]) for one in indexes if one["oid"] == oid and not one["key"]],
                unlogged=each["unlogged"],
                rules=each["rules"],
                checks=checks[oid],
                options=_options(each["options"]),
            )
            for oid, each in found.items()
        },
        spelled=spelled,
        extension=facts["extension"],
        servers={
            each["name"]: _options(each["options"])
            for each in rows("SELECT srvname AS name, srvoptions AS options FROM pg_foreign_server")
        },
        mappings={(each["server"], each["role"]): _mapping(each["options"]) for each in rows(MAPPINGS)},
        settings={each["name"]: each["value"] for each in settings},
        user=facts["user"],
        database=facts["database"],
        layout=layout_of(connection, table),
    )


def layout_of(connection: Connection[Any], table: Table) -> str | None:
    """Return the layout that a server has recorded in its layout table.

    The result is empty if the table has no row, and None if there is no such table.
    """
    name = sql.Identifier(table.schema, table.layout_table)
    if not is_there(connection, name, ("layout",), "the record of a table's layout"):
        return None
    found = connection.execute(sql.SQL("SELECT layout FROM {}").format(name)).fetchone()
    return "" if found is None else str(found[0])


def _spelled(connection: Connection[Any], columns: Mapping[str, Column], what: str) -> dict[str, str | None]:
    """Return each described type as the server spells it; None for a type that the server does not have."""
    spelled: dict[str, str | None] = {}
    for name, column in columns.items():
        try:
            with connection.transaction():
                (known, own), *_ = connection.execute(
                    "SELECT format_type(t, to_regtypemod(%(type)s)), to_regcollation(%(collation)s) = typcollation "
                    "FROM to_regtype(%(type)s) t LEFT JOIN pg_type ON oid = t",
                    {"type": column.base_type, "collation": column.collation},
                ).fetchall()
        except psycopg.Error as error:
            reason = error.diag.message_primary
            raise Conflict(f"{what}: {column.type!r}, which {name} is to have, is not a type: {reason}") from None
        if known is None or (column.collation is not None and own is None):
            spelled[column.type] = None
            continue
        collation = ""
        if column.collation is not None and not own:
            query = "SELECT to_regcollation(%s)::text"
            collation = " COLLATE " + connection.execute(query, [column.collation]).fetchall()[0][0]
        spelled[column.type] = known + collation
    return spelled


def _options(options: Sequence[str] | None) -> dict[str, str]:
    return dict(option.split("=", 1) for option in options or ())


def _mapping(options: Sequence[str] | None) -> dict[str, str]:
    return {name: Secret(value) if name == "password" else value for name, value in _options(options).items()}
