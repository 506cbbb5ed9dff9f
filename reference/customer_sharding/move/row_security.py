"""Row-level security on PostgreSQL: the database itself restricts a session to its customer's rows.

Each customers' table gets a policy that compares the identifier column with the setting `sharding.customer`, which the
library sets when it opens a session. No query, not even raw SQL, can read or write rows of other customers. A session
without the setting sees no row. The policy does not restrict the tables' owner, who is also the mover's user.

Two gaps remain. SQL can change the setting itself. And an insert fails if another customer's row has the same key,
which reveals that the key exists. MySQL and MariaDB have no such policies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from reference.customer_sharding.credentials import Flavor
from reference.customer_sharding.errors import Conflict

from .tables import Table, exactly_quoted

SETTING = "sharding.customer"
POLICIES = {"sharding_own_rows": "PERMISSIVE", "sharding_no_others": "RESTRICTIVE"}
SET = f"SELECT set_config('{SETTING}', %s, false)"

# The first customers' table on which no policy restricts the current user.
UNRESTRICTED = """
    SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE a.attname = %s AND NOT a.attisdropped AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND c.relnamespace = current_schema()::regnamespace AND c.relname NOT LIKE 'sharding\\_%%'
    AND NOT (row_security_active(c.oid) AND EXISTS (
        SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'sharding_no_others'))
    ORDER BY 1 LIMIT 1"""
_TYPE = """SELECT format_type(atttypid, atttypmod) FROM pg_attribute
    WHERE attrelid = %s::regclass AND attname = %s"""
_FOREIGN = """SELECT polname FROM pg_policy WHERE polrelid = %s::regclass AND polname <> ALL(%s) ORDER BY 1 LIMIT 1"""
_PROTECTED = """SELECT c.relname FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
    WHERE p.polname = 'sharding_no_others' AND c.relrowsecurity
    AND c.relnamespace = current_schema()::regnamespace AND c.relname = ANY(%s)"""


def restrict_tables(cursor: Any, tables: Sequence[Table], identifier_field: str) -> None:
    """Create the policies on tables, or replace them.

    Raises:
        Conflict: A table has other policies, which might allow rows that these policies refuse.
    """
    for table in tables:
        name, column = (exactly_quoted(Flavor.POSTGRES, each) for each in (table.name, identifier_field))
        cursor.execute(_FOREIGN, (name, list(POLICIES)))
        if found := cursor.fetchone():
            raise Conflict(
                f"table {table.name} has a policy of its own, {found[0]}: drop it, or restrict the table's rows to "
                f"current_setting('{SETTING}') yourself, and prepare the database without row security"
            )
        cursor.execute(_TYPE, (name, identifier_field))
        (kind,) = cursor.fetchone()
        for statement in _statements(name, f"{column} = nullif(current_setting('{SETTING}', true), '')::{kind}"):
            cursor.execute(statement)


def _statements(name: str, condition: str) -> Iterator[str]:
    yield f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY"
    for policy, kind in POLICIES.items():
        yield f"DROP POLICY IF EXISTS {policy} ON {name}"
        yield f"CREATE POLICY {policy} ON {name} AS {kind} USING ({condition}) WITH CHECK ({condition})"


def protected_tables(cursor: Any, tables: Sequence[Table]) -> frozenset[str]:
    """Return the names of the tables that have the policies."""
    cursor.execute(_PROTECTED, ([table.name for table in tables],))
    return frozenset(name for (name,) in cursor.fetchall())
