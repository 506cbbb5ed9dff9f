"""Grant the privileges that new leaves need: those on the old leaf, and those of the logins that the base uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from psycopg import Connection, sql

from reference.foreign_partitions.description import Server

# By role and whether it may grant them on; the role `public` is the empty name.
Grants: TypeAlias = Mapping[tuple[str, bool], Sequence[str]]


def grants(connection: Connection[Any], leaf: sql.Identifier) -> Grants:
    """Return the privileges on a table."""
    query = """SELECT COALESCE(r.rolname, ''), a.is_grantable, array_agg(a.privilege_type ORDER BY a.privilege_type)
        FROM pg_class c, aclexplode(COALESCE(c.relacl, acldefault('r', c.relowner))) a
        LEFT JOIN pg_roles r ON r.oid = a.grantee WHERE c.oid = to_regclass(%s) GROUP BY 1, 2"""
    return {(role, on): held for role, on, held in connection.execute(query, [leaf.as_string()])}


def of_logins(base: Connection[Any], parent: sql.Identifier, server: Server) -> Grants:
    """Return the privileges that each login on a server needs: those of its role on the base's table."""
    query = """SELECT array_agg(p) FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) p
        WHERE has_table_privilege(%s, %s, p)"""
    found: dict[tuple[str, bool], set[str]] = {}
    for role, login in server.roles.items():
        if role != "public":
            ((held,),) = base.execute(query, [role, parent.as_string()]).fetchall()
            found.setdefault((login.user, False), set()).update(held or ())
    return {to: sorted(held) for to, held in found.items() if held}


def grant(connection: Connection[Any], table: sql.Identifier, given: Grants) -> None:
    """Grant privileges on a table."""
    for (role, on), privileges in given.items():
        connection.execute(
            sql.SQL("GRANT {} ON {} TO {}{}").format(
                sql.SQL(", ".join(privileges)),
                table,
                sql.Identifier(role) if role else sql.SQL("PUBLIC"),
                sql.SQL(" WITH GRANT OPTION" if on else ""),
            )
        )
