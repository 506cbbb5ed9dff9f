"""Replace partitions while the table is in use, by more partitions on more servers (`foreign-partitions rebalance`).

A partition of modulus 4 and remainder r has the rows of the two partitions of modulus 8 and remainders r and r + 4, and
PostgreSQL allows both moduli in one table. So partitions are replaced one after the other:

1. *Begin.* One transaction of the base records the plan in the table `NAME_rebalance`; from then on `apply` refuses to
   work. Every server's layout table (`NAME_layout`) then records that a rebalance is under way. `DirectRows` reads it
   in the statement of each lookup; if the layout is not that of its description, it queries the base instead.
2. *Copy.* New leaves are created as plain tables with a CHECK of their bound. A trigger on the old leaf records the key
   of each row that changes, in the transaction that changes it. Then the rows are copied.
3. *Catch up.* For each recorded key, the new leaves' rows are deleted, and the old leaf's present row is inserted. This
   may be repeated without harm, so a record is removed only after the new leaves' servers have committed.
4. *Switch.* A transaction of the base locks the table, and a transaction of the old leaf's server locks the leaf; the
   second lock waits for transactions whose client died between two commits. The last recorded keys are caught up and
   committed. Then the base's transaction replaces the old partition by the new ones and records that: **its commit is
   the switch**. Before it every statement sees the old leaf, and after it the new ones. Then the old leaf is dropped.
5. *Settle and end.* The new leaves are attached to the parent on their server, so that the server enforces their
   bounds. When all partitions are replaced, the layout tables record the new layout, and the base drops
   `NAME_rebalance`.

Writers and readers wait at the switch, and get no error. They wait while the rebalance requests the lock, for at most
`lock_timeout`; then it lets others go first, and tries again. They wait while it holds the lock, for at most `hold`:
the base itself aborts a longer transaction, even when this process or a server is frozen. The lock of the old leaf
lasts longer than the base's.

A crash leaves one of three states: not switched (the old leaf is in use; new leaves are emptied and copied anew),
switched (the old leaf, which nothing uses, is dropped), or all switched (the end is repeated). The same command
continues from each. Only one process works at a time. It holds a lock on every server, since a process that lost only
its connection to the base could otherwise still write to new leaves.

`plan` refuses fewer partitions, a number that is not a multiple of the present one, and a new leaf with the name of
another table. It also refuses an old leaf that is missing or partitioned, or has child tables or other columns, and
one with objects that its new leaves would lack: triggers, row security, views, publications, constraints, storage
parameters and so on.

If a transaction of the base has used another table of a server, and not yet this one, it reads the server in the state
of that time: the switch waits for its end. To see such transactions of every role, the operator on the server must be a
superuser or have `pg_read_all_stats`. One case is not detected: a REPEATABLE READ transaction of the base that began
before the switch, and reads the table for the first time after it, may find an old state of a new leaf on the base, as
after every ALTER TABLE that rewrites a table. Clients that write to the leaves on the servers without the base are not
supported: the old leaf is dropped while they may still use its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from .moves import Move, moves
    from .rebalancing import Rebalance

__all__ = [
    "Move",
    "Rebalance",
    "moves",
]

_MODULES = {
    "Move": "moves",
    "Rebalance": "rebalancing",
    "moves": "moves",
}


__getattr__ = import_at_first_use(__name__, _MODULES)
