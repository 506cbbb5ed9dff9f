"""The partitions that a table has on the base now, and whether a rebalance is changing them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql

from reference.foreign_partitions.description import Table
from reference.foreign_partitions.errors import Conflict

BOUND = re.compile(r"FOR VALUES WITH \(modulus (\d+), remainder (\d+)\)", re.IGNORECASE)
ATTACHED = """
SELECT CASE WHEN c.relnamespace = t.relnamespace THEN c.relname::text ELSE c.oid::regclass::text END,
       s.srvname, COALESCE(pg_get_expr(c.relpartbound, c.oid), '')
FROM pg_inherits i
JOIN pg_class c ON c.oid = i.inhrelid
JOIN pg_class t ON t.oid = i.inhparent
LEFT JOIN pg_foreign_table f ON f.ftrelid = c.oid
LEFT JOIN pg_foreign_server s ON s.oid = f.ftserver
WHERE i.inhparent = to_regclass(%s) ORDER BY 1
"""
RECORDED = ("source", "server", "modulus", "remainder", "layout", "switched")


@dataclass(frozen=True)
class Attached:
    """A partition that the base's table has.

    Attributes:
        name: Name of the leaf table, with its schema if that is not the table's schema.
        server: Name of the server that stores it; None for the base.
        modulus: Modulus of its bound; 0 if it is not a partition by hash.
        remainder: Remainder of its bound.
    """

    name: str
    server: str | None
    modulus: int
    remainder: int


def partitions_of(connection: Connection[Any], table: Table) -> list[Attached]:
    """Return the partitions of a table in the order of their names.

    Args:
        connection: A connection to the base.
        table: The table.
    """
    name = sql.Identifier(table.schema, table.name).as_string()
    found = []
    for leaf, server, bound in connection.execute(ATTACHED, [name]).fetchall():
        matched = BOUND.fullmatch(bound)
        modulus, remainder = map(int, matched.groups()) if matched else (0, 0)
        found.append(Attached(leaf, server, modulus, remainder))
    return found


def is_there(connection: Connection[Any], name: sql.Identifier, columns: Sequence[str], purpose: str) -> bool:
    """Return whether a table that this library creates for itself exists.

    Args:
        connection: A connection to the server of the table.
        name: Name of the table.
        columns: Names of the table's columns, in order.
        purpose: Purpose of the table, for the message if another table has its name.

    Raises:
        Conflict: A table of this name exists, and has other columns.
    """
    ((oid, found),) = connection.execute(
        """SELECT to_regclass(%(name)s)::oid, ARRAY(SELECT attname::text FROM pg_attribute
        WHERE attrelid = to_regclass(%(name)s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum)""",
        {"name": name.as_string()},
    ).fetchall()
    if oid is not None and tuple(found) != tuple(columns):
        raise Conflict(f"{name.as_string()} exists and is not {purpose}, which has this name: rename it")
    return oid is not None


def rebalance_under_way(connection: Connection[Any], table: Table) -> str | None:
    """Return the progress of a rebalance that has begun and not ended; None if there is none.

    Args:
        connection: A connection to the base.
        table: The table.
    """
    name = sql.Identifier(table.schema, table.rebalance_table)
    if not is_there(connection, name, RECORDED, "the record of a rebalance"):
        return None
    query = sql.SQL("SELECT count(*) FILTER (WHERE switched), count(*) FROM {}").format(name)
    ((switched, number),) = connection.execute(query).fetchall()
    return f"{switched} of {number} partitions are replaced"
