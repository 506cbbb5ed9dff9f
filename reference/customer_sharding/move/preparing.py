"""Prepare a database for customers: create guard triggers, reserve a range of ids, check the applications' login.

Open it to see what `customer-sharding register` and `prepare` change in a database. `Side.prepare` calls it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from reference.customer_sharding.credentials import Credentials, Flavor
from reference.customer_sharding.errors import BadInput, Conflict
from reference.customer_sharding.guard import OWN_TABLES

from .connection import Link
from .tables import Table, exactly_quoted, quoted
from .triggers import own_tables, triggers

NUMBERS = 1 << 40  # size of each database's id range; the range of database N begins at N * NUMBERS


_CREATED_TRIGGER = re.compile(r'CREATE OR REPLACE TRIGGER "?([^" ]* ?[^" ]+)"? (?:BEFORE|AFTER) ')
_COMMENT = """SELECT obj_description(t.oid, 'pg_trigger') FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = %s AND t.tgname = %s AND t.tgenabled = 'O'"""


def guard_tables(cursor: Any, flavor: Flavor, tables: Sequence[Table], identifier_field: str) -> None:
    """Create the guard's triggers on tables, and replace triggers of another version of this library.

    On PostgreSQL the digest of a trigger's statement is stored in the trigger's comment, so that an unchanged trigger
    is not replaced: replacing it would lock the table until the end of the transaction, and could deadlock with an
    application that writes several tables.
    """
    for table in tables:
        for statement in triggers(flavor, table, identifier_field):
            trigger = _CREATED_TRIGGER.match(statement.strip()) if flavor is Flavor.POSTGRES else None
            if trigger is None:
                cursor.execute(statement)
                continue
            digest = hashlib.sha256(statement.encode()).hexdigest()[:16]
            cursor.execute(_COMMENT, (table.name, trigger[1]))
            if cursor.fetchall() == [(digest,)]:
                continue
            cursor.execute(statement)
            on, name = (exactly_quoted(Flavor.POSTGRES, each) for each in (table.name, trigger[1]))
            cursor.execute(f"COMMENT ON TRIGGER {name} ON {on} IS '{digest}'")


def make_own_tables(cursor: Any, flavor: Flavor) -> None:
    """Create those of the guard's own tables that are missing."""
    for statement in own_tables(flavor):
        cursor.execute(statement)


def grant_lookup(cursor: Any, user: str) -> None:
    """Let the applications' user read `sharding_customer`, and revoke all other rights on the guard's tables.

    On PostgreSQL only.
    """
    name = exactly_quoted(Flavor.POSTGRES, user)
    # Default privileges may have granted the user more on new tables.
    cursor.execute(f"REVOKE ALL ON {', '.join(OWN_TABLES)} FROM {name}")
    cursor.execute(f"GRANT SELECT ON sharding_customer TO {name}")


def separate_id_ranges(cursor: Any, tables: Sequence[Table], number: int) -> None:
    """Give the sequences of a PostgreSQL database a range of ids that no other database uses.

    Args:
        cursor: A cursor in a transaction, as the owner of the tables.
        tables: The customers' tables.
        number: Number of the database, from 1.

    Raises:
        Conflict: A sequence's type is too small for the range.
    """
    for table in tables:
        for column in table.serial:
            _restrict_sequence(cursor, table, column, number)


def _restrict_sequence(cursor: Any, table: Table, column: str, number: int) -> None:
    name = exactly_quoted(Flavor.POSTGRES, table.name)
    cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", (name, column))
    (sequence,) = cursor.fetchone()
    cursor.execute(
        "SELECT seqmin, format_type(seqtypid, NULL) FROM pg_sequence WHERE seqrelid = %s::regclass", (sequence,)
    )
    least, kind = cursor.fetchone()
    first, last = number * NUMBERS, (number + 1) * NUMBERS - 1
    if least == first:
        return
    if kind != "bigint":
        raise Conflict(f"{table.name}.{column} is {kind}: two databases would give out the same ids; make it bigint")
    column = quoted(Flavor.POSTGRES, column)
    cursor.execute(
        f"SELECT coalesce(max({column}), 0) FROM {quoted(Flavor.POSTGRES, table.name)} "
        f"WHERE {column} BETWEEN %s AND %s",
        (first, last),
    )
    start = max(first, cursor.fetchone()[0] + 1)
    cursor.execute(
        f"ALTER SEQUENCE {sequence} MINVALUE {first} MAXVALUE {last} START WITH {first} RESTART WITH {start}"
    )


def check_credentials(credentials: Credentials, *, allow_superuser: bool) -> None:
    """Connect with the credentials that applications will get, and check that the user is not a superuser.

    Raises:
        DatabaseUnavailable: The login fails.
        BadInput: The user is a superuser.
    """
    link = Link(credentials.database, credentials)
    try:
        with link.transaction() as cursor:
            superuser = _is_superuser(cursor, credentials.flavor)
    finally:
        link.close()
    if superuser and not allow_superuser:
        raise BadInput(
            f"{credentials.user} is a superuser, whose password no application should have: name a user who may "
            "read and write rows, and give the owner's credentials as admin"
        )


def _is_superuser(cursor: Any, flavor: Flavor) -> bool:
    if flavor is Flavor.POSTGRES:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        return bool(cursor.fetchone()[0])
    cursor.execute("SHOW GRANTS")
    return any("ON *.*" in grant and ("ALL " in grant or "SUPER" in grant) for (grant,) in cursor.fetchall())
