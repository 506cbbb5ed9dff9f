"""Check that a table stores a customer's identifier unchanged: a column's type may normalize it.

Open it to see which types do. `Places.place` makes this check before it places a customer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
import pymysql

from reference.customer_sharding.credentials import Flavor
from reference.customer_sharding.errors import Conflict

from .tables import Table

_TYPE = """SELECT format_type(a.atttypid, a.atttypmod) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = %s AND a.attname = %s"""


def check_spelling(cursor: Any, flavor: Flavor, tables: Sequence[Table], identifier_field: str, customer: str) -> None:
    """Check that every identifier column stores this identifier unchanged.

    The guard, the mover and the service compare identifiers as texts. A bigint column would store `007` as `7`, and a
    UUID column would store capital letters as small ones.

    Args:
        cursor: In a transaction.
        flavor: The database system.
        tables: The customers' tables.
        identifier_field: The column that names the customer.
        customer: The identifier.

    Raises:
        Conflict: A column stores the identifier differently; the message says how to write it.
    """
    for table in tables:
        cursor.execute("SAVEPOINT spelling")
        try:
            written = _written(cursor, flavor, table, identifier_field, customer)
        except (psycopg.DataError, pymysql.err.DataError, pymysql.err.OperationalError, ValueError):
            # The column cannot store the identifier at all: the server itself will refuse each row, with an error.
            cursor.execute("ROLLBACK TO SAVEPOINT spelling")
            continue
        if written != customer:
            where = f"column {table.name}.{identifier_field}"
            raise Conflict(f"{where} writes the identifier {customer} as {written}: place the customer as {written}")


def _written(cursor: Any, flavor: Flavor, table: Table, column: str, customer: str) -> str:
    if flavor is Flavor.POSTGRES:
        cursor.execute(_TYPE, (table.name, column))
        (kind,) = cursor.fetchone()
        cursor.execute(f"SELECT CAST(%s::text AS {kind})::text", (customer,))
        return str(cursor.fetchone()[0])
    cursor.execute(
        "SELECT data_type, character_maximum_length FROM information_schema.columns "
        "WHERE table_schema = DATABASE() AND table_name = %s AND column_name = %s",
        (table.name, column),
    )
    kind, longest = cursor.fetchone()
    if kind.endswith("int"):
        return str(int(customer)) if "_" not in customer else ""
    if kind == "uuid":
        cursor.execute("SELECT CAST(CAST(%s AS UUID) AS CHAR)", (customer,))
        return str(cursor.fetchone()[0])
    return customer if longest is None else customer[: int(longest)]
