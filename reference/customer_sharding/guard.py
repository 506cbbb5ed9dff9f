"""The guard: triggers by which a database refuses rows of customers that are not placed in it, whoever writes them.

The table `sharding_customer` holds the state of each customer in this database:

| state | writes | reads |
| --- | --- | --- |
| `open` | yes | yes |
| `copying` | yes; the keys of written rows are recorded in `sharding_change` | yes |
| `fenced` | refused until the time `until`; then as in `copying` | yes: no database accepts changes meanwhile |
| `incoming` | only by the mover | until the time `until`, by clients whose route leads here |
| `gone`, or no row | refused | no |

A trigger on each table with customers' rows reads the state for each row written, and holds a shared lock on it until
the transaction ends. A change of state takes the exclusive lock: it waits for the transactions that have read the old
state, and all later ones read the new one. So no write passes a fence, whatever routes the application has cached.

On PostgreSQL the lock is an advisory one, which queues fairly. In isolation levels above READ COMMITTED the row itself
is locked too, for there a trigger reads from the transaction's snapshot, and the lock alone would show it an old state.
On MySQL and MariaDB the lock is the row's, and a locking read is always of the newest.
"""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

from .credentials import Flavor

OPEN, COPYING, FENCED, INCOMING, GONE = "open", "copying", "fenced", "incoming", "gone"

OWN_TABLES = ("sharding_customer", "sharding_change", "sharding_copied")

# An expired fence has no effect; and while the fence may have expired at the source, the target refuses reads.
WHERE_IS = {
    flavor: f"""SELECT CASE WHEN state = 'fenced' AND until < {now} THEN 'copying'
    WHEN state = 'incoming' AND (until IS NULL OR until < {now}) THEN 'unreadable' ELSE state END, epoch
    FROM sharding_customer WHERE customer = %s"""
    for flavor, now in ((Flavor.POSTGRES, "clock_timestamp()"), (Flavor.MYSQL, "UTC_TIMESTAMP(6)"))
}

REFUSED_STATE, REFUSED_NUMBER = "SH001", 31001  # SQLSTATE of PostgreSQL, error number of MySQL
LOCK_SPACE = 4_710_013  # keeps our advisory locks apart from the application's
EXCLUSIVE = f"SELECT pg_advisory_xact_lock(hashtextextended(%s, {LOCK_SPACE}))"


def is_here(row: Sequence[object] | None, epoch: int) -> tuple[bool, bool]:
    """Return whether the customer's rows may be read here, and whether a reader may rely on that for a lease.

    Args:
        row: State and epoch from `WHERE_IS`; None if the database has no row for the customer.
        epoch: Epoch of the reader's route.
    """
    if row is None:
        return False, False
    state, there = row
    lasting = state in (OPEN, COPYING)
    return lasting or state == FENCED or (state == INCOMING and there == epoch), lasting


def is_refusal(error: object) -> bool:
    """Return whether a driver's error was raised by the guard's triggers."""
    if isinstance(error, psycopg.Error):
        return error.sqlstate == REFUSED_STATE
    return isinstance(error, Exception) and error.args[:1] == (REFUSED_NUMBER,)
