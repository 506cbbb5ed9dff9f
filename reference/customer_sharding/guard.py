"""The guard: a prepared database takes only rows of customers that are there, whoever writes and whatever they believe.

The table `sharding_customer` says who is there, and in what state:

| state | writes | reads |
| --- | --- | --- |
| `open` | yes | yes |
| `copying` | yes; the keys of what is written are noted in `sharding_change` | yes |
| `fenced` | refused, until the moment `until`; then as in `copying` | yes: nothing changes anywhere |
| `incoming` | the mover's alone | until `until`, by those whom the meta database sent here |
| `gone`, or no row | refused | no |

A trigger on each customer's table looks it up for each row that is written, and keeps a shared lock on the answer until
its transaction ends. To change a state takes the exclusive lock: it waits for the transactions that have seen the old
one, and all later ones see the new one. So no write can slip past a fence, whatever the application's caches hold.

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

# A fence that has run out is none; and while it may have run out at the source, nobody reads at the target.
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
    """Say whether a customer may be read where this is its row, and whether that will be so for a lease.

    Args:
        row: State and epoch, or None where there is no row.
        epoch: Of the reader's route.
    """
    if row is None:
        return False, False
    state, there = row
    lasting = state in (OPEN, COPYING)
    return lasting or state == FENCED or (state == INCOMING and there == epoch), lasting


def is_refusal(error: object) -> bool:
    """Say whether a driver's error is the guard's."""
    if isinstance(error, psycopg.Error):
        return error.sqlstate == REFUSED_STATE
    return isinstance(error, Exception) and error.args[:1] == (REFUSED_NUMBER,)
