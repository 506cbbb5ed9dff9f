"""Reasons to refuse a rebalance: objects of an old leaf that its new leaves would lack, and names that are taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from psycopg import Connection, sql
from psycopg.types.json import Jsonb

from reference.foreign_partitions.deploy.catalog import ServerState
from reference.foreign_partitions.deploy.deployment import Deployment
from reference.foreign_partitions.deploy.planning import BASE
from reference.foreign_partitions.description import Table, suffixed

from .copying import ROWS_TRIGGER, TRUNCATE_TRIGGER
from .moves import Move
from .privileges import grants, of_logins

# Of a leaf, or of the base's foreign table for one.
OF_THE_LEAF = """
WITH leaf AS (SELECT * FROM pg_class WHERE oid = to_regclass(%(leaf)s))
SELECT 'the trigger ' || quote_ident(tgname) FROM pg_trigger JOIN leaf ON tgrelid = leaf.oid
WHERE NOT tgisinternal AND tgparentid = 0 AND tgname <> ALL(%(own)s)
UNION ALL SELECT 'row security' FROM leaf WHERE relrowsecurity
UNION ALL SELECT 'the rule ' || quote_ident(rulename) FROM pg_rewrite JOIN leaf ON ev_class = leaf.oid
UNION ALL SELECT DISTINCT 'the view ' || r.ev_class::regclass FROM pg_depend d JOIN leaf ON d.refobjid = leaf.oid
JOIN pg_rewrite r ON d.objid = r.oid WHERE d.classid = 'pg_rewrite'::regclass AND r.ev_class <> leaf.oid
UNION ALL SELECT 'the constraint ' || quote_ident(conname) FROM pg_constraint JOIN leaf
ON conrelid = leaf.oid AND (contype IN ('u', 'f', 'x') AND conparentid = 0 OR contype = 'c' AND coninhcount = 0)
   OR confrelid = leaf.oid
UNION ALL SELECT 'the publication ' || quote_ident(pubname) FROM pg_publication_rel r JOIN leaf ON prrelid = leaf.oid
JOIN pg_publication p ON p.oid = r.prpubid
UNION ALL SELECT 'a replica identity of its own' FROM leaf WHERE relkind = 'r' AND relreplident <> 'd'
UNION ALL SELECT 'the storage parameter ' || o FROM leaf, unnest(reloptions) o
UNION ALL SELECT 'a tablespace of its own' FROM leaf WHERE reltablespace <> 0
UNION ALL SELECT 'the statistics ' || quote_ident(stxname) FROM pg_statistic_ext JOIN leaf ON stxrelid = leaf.oid
UNION ALL SELECT 'privileges on the column ' || quote_ident(attname) FROM pg_attribute JOIN leaf ON attrelid = leaf.oid
WHERE attacl IS NOT NULL
UNION ALL SELECT 'the option ' || o FROM pg_foreign_table f JOIN leaf ON ftrelid = leaf.oid, unnest(ftoptions) o
WHERE o <> ALL(%(implied)s)
UNION ALL SELECT 'the option ' || o || ' of the column ' || quote_ident(attname)
FROM pg_attribute JOIN leaf ON attrelid = leaf.oid, unnest(attfdwoptions) o WHERE o <> 'column_name=' || attname
UNION ALL SELECT 'the index ' || i.indexrelid::regclass FROM pg_index i JOIN leaf ON i.indrelid = leaf.oid
WHERE NOT i.indisprimary
  AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = i.indexrelid)
  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)
  AND (i.indisunique OR i.indpred IS NOT NULL OR i.indexprs IS NOT NULL
       OR NOT EXISTS (SELECT FROM jsonb_array_elements(%(indexes)s) d
                      WHERE d = (SELECT to_jsonb(array_agg(a.attname::text ORDER BY k.place))
                                 FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(number, place)
                                 JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number)))
"""
# A leaf whose rows would not be copied, or not wholly, and those of which are somewhere else.
HELD = """
SELECT c.relkind::text, EXISTS (SELECT FROM pg_inherits WHERE inhparent = c.oid),
       ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped),
       EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND tgname = %(trigger)s),
       to_regclass(%(changes)s) IS NOT NULL OR to_regproc(%(changes)s) IS NOT NULL
FROM pg_class c WHERE c.oid = to_regclass(%(leaf)s)
"""


def obstacles(
    deployment: Deployment,
    found: Sequence[Move],
    states: tuple[ServerState, Mapping[str, ServerState]],
    *,
    begun: bool,
) -> list[str]:
    """Return the reasons to refuse the rebalance, each as a sentence.

    Args:
        deployment: Connections to the servers.
        found: The replacements.
        states: The states of the base and of the servers.
        begun: Whether the rebalance has begun, so that new leaves may exist.
    """
    table = deployment.description.table
    reasons: list[str] = []
    for move in found:
        host = move.source.server or BASE
        if wrong := _unlike_a_leaf(deployment.connection(host), table, move, host):
            reasons.append(wrong)
        for where in dict.fromkeys([host, BASE]):
            on = " on the base" if where != host else ""
            reasons += [
                f"{move.source.name}{on} has {what}, which its new leaves would not have: drop it, and create it on "
                f"them afterwards"
                for what in _own(deployment.connection(where), table, move.source.name)
            ]
        reasons += _missing_roles(deployment, move)
        reasons += _taken(move, states, begun=begun)
    return reasons


def _unlike_a_leaf(connection: Connection[Any], table: Table, move: Move, host: str) -> str | None:
    """Return the reason why the rows of an old leaf cannot be copied, or None."""
    name = move.source.name
    held = connection.execute(
        HELD,
        {
            "leaf": sql.Identifier(table.schema, name).as_string(),
            "trigger": ROWS_TRIGGER,
            "changes": sql.Identifier(table.schema, suffixed(name, "_changes")).as_string(),
        },
    ).fetchone()
    connection.rollback()
    if held is None:
        return (
            f"{host}: there is no table {name}, from which the base reads a partition: restore it, or describe the "
            f"server that has it"
        )
    kind, children, columns, recorded, taken = held
    if kind != "r" or children:
        return f"{host}: {name} is no plain table, or has partitions or child tables: only a plain table is replaced"
    if set(columns) != set(table.columns):
        (column, *_) = sorted(set(columns) ^ set(table.columns))
        return f"{host}: {name} and the description differ in the column {column}: describe it, or drop it"
    if taken and not recorded:
        return f"{host}: {suffixed(name, '_changes')} exists, where changes of {name} are to be recorded: rename it"
    return None


def _own(connection: Connection[Any], table: Table, name: str) -> Iterator[str]:
    """Yield the objects of a leaf that its new leaves would lack, since the description does not create them."""
    rows = connection.execute(
        OF_THE_LEAF,
        {
            "leaf": sql.Identifier(table.schema, name).as_string(),
            "own": [ROWS_TRIGGER, TRUNCATE_TRIGGER],
            "implied": [f"schema_name={table.schema}", f"table_name={name}"],
            "indexes": Jsonb([list(each) for each in table.indexes]),
        },
    ).fetchall()
    connection.rollback()
    yield from (what for (what,) in rows)


def _missing_roles(deployment: Deployment, move: Move) -> Iterator[str]:
    table, base = deployment.description.table, deployment.connection(BASE)
    servers = {server.name: server for server in deployment.description.servers}
    leaf = sql.Identifier(table.schema, move.source.name)
    source = deployment.connection(move.source.server or BASE)
    held = {role for role, _ in (*grants(source, leaf), *grants(base, leaf))} - {""}
    source.rollback()
    for target in move.targets.values():
        needed = {role for role, _ in grants(source, leaf)} - {""}
        if target.server is None:
            needed |= held
        else:
            parent = sql.Identifier(table.schema, table.name)
            needed |= {login for login, _ in of_logins(base, parent, servers[target.server])}
        host = deployment.connection(target.server or BASE)
        known = {row[0] for row in host.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [[*needed]])}
        for connection in (source, base, host):
            connection.rollback()
        yield from (
            f"{target.server or BASE}: the role {role}, which may use {move.source.name}, is missing where "
            f"{target.name} is to be: create it"
            for role in sorted(needed - known)
        )


def _taken(move: Move, states: tuple[ServerState, Mapping[str, ServerState]], *, begun: bool) -> Iterator[str]:
    """Yield a sentence for each new leaf whose name another table has."""
    base, servers = states
    for target in move.targets.values():
        there = servers[target.server] if target.server is not None else base
        on = [BASE] * (target.name in base.relations)
        if target.server is not None and target.name in there.relations and not begun:
            on.append(target.server)
        if on and not (begun and target.server is None):
            yield f"{on[0]}: a table {target.name} exists already: name the new partition otherwise"
