"""Read, change and lock the state of a customer in a database (see `guard`), in the caller's transaction."""

from __future__ import annotations

from typing import Any

import psycopg
import pymysql

from reference.customer_sharding.credentials import Flavor
from reference.customer_sharding.errors import Busy, Superseded
from reference.customer_sharding.guard import EXCLUSIVE

from .connection import LOCK_WAIT
from .protocol import Claim, CustomerState

# Times are set and compared by the database's own clock, so that clocks need not agree.
_LEFT = {
    Flavor.POSTGRES: "extract(epoch FROM until - clock_timestamp())",
    Flavor.MYSQL: "TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), until) / 1000000",
}
_UNTIL = {
    Flavor.POSTGRES: "clock_timestamp() + make_interval(secs => %s)",
    Flavor.MYSQL: "UTC_TIMESTAMP(6) + INTERVAL %s * 1000000 MICROSECOND",
}


def customer_state(cursor: Any, flavor: Flavor, customer: str) -> CustomerState | None:
    """Return a customer's state, or None if the database has no record of the customer."""
    left = _LEFT[flavor]
    cursor.execute(f"SELECT state, epoch, attempt, {left} FROM sharding_customer WHERE customer = %s", (customer,))
    row = cursor.fetchone()
    return None if row is None else CustomerState(str(row[0]), int(row[1]), int(row[2]), float(row[3] or 0))


def put(cursor: Any, flavor: Flavor, claim: Claim, state: str, limit: float | None = None) -> None:
    """Set a customer's state unconditionally; with `limit`, the state expires after this number of seconds."""
    until = "NULL" if limit is None else _UNTIL[flavor]
    moment = () if limit is None else (limit,)
    cursor.execute("SELECT 1 FROM sharding_customer WHERE customer = %s", (claim.customer,))
    if cursor.fetchone() is None:
        cursor.execute(
            f"INSERT INTO sharding_customer (customer, state, epoch, attempt, until) VALUES (%s, %s, %s, %s, {until})",
            (claim.customer, state, claim.epoch, claim.attempt, *moment),
        )
    else:
        cursor.execute(
            f"UPDATE sharding_customer SET state = %s, epoch = %s, attempt = %s, until = {until} WHERE customer = %s",
            (state, claim.epoch, claim.attempt, *moment, claim.customer),
        )


def lock(cursor: Any, flavor: Flavor, place: str, customer: str, *, shared: bool = False) -> None:
    """Take the customer's exclusive lock until the transaction ends.

    On MySQL a shared lock is taken while the database refuses the customer's writes. With an exclusive lock, a writer
    that has locked a row and waits for the customer's lock would deadlock with a mover that waits for the row. Two
    movers still exclude each other, since a mover that takes over updates the locked row.

    Args:
        cursor: In a transaction.
        flavor: The database system.
        place: Name of the database in messages.
        customer: Identifier of the customer.
        shared: Whether the database refuses the customer's writes.

    Raises:
        Busy: A transaction of the customer did not end within `LOCK_WAIT` seconds.
    """
    try:
        if flavor is Flavor.POSTGRES:
            cursor.execute(EXCLUSIVE, (customer,))
        else:
            mode = "LOCK IN SHARE MODE" if shared else "FOR UPDATE"
            cursor.execute(f"SELECT state FROM sharding_customer WHERE customer = %s {mode}", (customer,))
            cursor.fetchall()
    except (psycopg.errors.LockNotAvailable, pymysql.err.OperationalError) as error:
        if isinstance(error, pymysql.err.OperationalError) and error.args[0] != pymysql.constants.ER.LOCK_WAIT_TIMEOUT:
            raise
        raise Busy(f"a transaction of customer {customer} in {place} lasts longer than {LOCK_WAIT} s") from error


def take_over(cursor: Any, flavor: Flavor, claim: Claim) -> None:
    """Record the claim's attempt number if it is higher than the last mover's.

    Raises:
        Superseded: The attempt number is lower than the last mover's.
    """
    found = customer_state(cursor, flavor, claim.customer)
    if found is not None and found.attempt > claim.attempt:
        raise Superseded(f"another mover has taken over customer {claim.customer}")
    if found is not None and found.attempt < claim.attempt:
        cursor.execute("UPDATE sharding_customer SET attempt = %s WHERE customer = %s", (claim.attempt, claim.customer))
