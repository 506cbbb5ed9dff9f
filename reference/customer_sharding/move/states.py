"""In what state a customer is in a database (see `guard`), in a transaction of the caller's."""

from __future__ import annotations

from typing import Any

import psycopg
import pymysql

from reference.customer_sharding.credentials import Flavor
from reference.customer_sharding.errors import Busy, Superseded
from reference.customer_sharding.guard import EXCLUSIVE

from .connection import LOCK_WAIT
from .protocol import Claim, CustomerState


def customer_state(cursor: Any, customer: str) -> CustomerState | None:
    """Return a customer's state, or None where it never was here."""
    cursor.execute("SELECT state, epoch, attempt FROM sharding_customer WHERE customer = %s", (customer,))
    row = cursor.fetchone()
    return None if row is None else CustomerState(str(row[0]), int(row[1]), int(row[2]))


def put(cursor: Any, claim: Claim, state: str) -> None:
    """Record a customer's state, whatever it was."""
    cursor.execute("SELECT 1 FROM sharding_customer WHERE customer = %s", (claim.customer,))
    if cursor.fetchone() is None:
        cursor.execute(
            "INSERT INTO sharding_customer (customer, state, epoch, attempt) VALUES (%s, %s, %s, %s)",
            (claim.customer, state, claim.epoch, claim.attempt),
        )
    else:
        cursor.execute(
            "UPDATE sharding_customer SET state = %s, epoch = %s, attempt = %s WHERE customer = %s",
            (state, claim.epoch, claim.attempt, claim.customer),
        )


def lock(cursor: Any, flavor: Flavor, place: str, customer: str) -> None:
    """Be alone with a customer until the transaction ends.

    Args:
        cursor: In a transaction.
        flavor: The server's.
        place: What the database is called in messages.
        customer: Whom.

    Raises:
        Busy: Its own transactions have not ended within `LOCK_WAIT` seconds.
    """
    try:
        if flavor is Flavor.POSTGRES:
            cursor.execute(EXCLUSIVE, (customer,))
        else:
            cursor.execute("SELECT state FROM sharding_customer WHERE customer = %s FOR UPDATE", (customer,))
            cursor.fetchall()
    except (psycopg.errors.LockNotAvailable, pymysql.err.OperationalError) as error:
        if isinstance(error, pymysql.err.OperationalError) and error.args[0] != pymysql.constants.ER.LOCK_WAIT_TIMEOUT:
            raise
        raise Busy(f"a transaction of customer {customer} in {place} lasts longer than {LOCK_WAIT} s") from error


def take_over(cursor: Any, claim: Claim) -> None:
    """Note the claim where it is newer than the last mover's.

    Raises:
        Superseded: It is older.
    """
    found = customer_state(cursor, claim.customer)
    if found is not None and found.attempt > claim.attempt:
        raise Superseded(f"another mover has taken over customer {claim.customer}")
    if found is not None and found.attempt < claim.attempt:
        cursor.execute("UPDATE sharding_customer SET attempt = %s WHERE customer = %s", (claim.attempt, claim.customer))
