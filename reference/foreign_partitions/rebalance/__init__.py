"""Replacing partitions while the table is in use: more of them, on more servers (`foreign-partitions rebalance`).

A partition of modulus 4 and remainder r has the rows of the two partitions of modulus 8 and remainders r and r + 4, and
PostgreSQL allows both moduli in one table. So partitions are replaced one after the other:

1. *Begin.* One transaction of the base records the plan in the table `NAME_rebalance`; `apply` refuses from here on.
   Every server's layout table (`NAME_layout`) then says that a rebalance is under way. `DirectRows` reads it in the
   statement of each lookup; where it is not the layout that the object knows, it asks the base instead.
2. *Copy.* New leaves are created as plain tables with a CHECK of their bound. A trigger on the old leaf, in its own
   server's transactions, records the key of each row that changes. Then the rows are copied.
3. *Catch up.* For each recorded key the new leaves' rows are deleted, and the old leaf's row of now is inserted. To do
   so twice changes nothing, so a record is removed only after the new leaves' servers have committed.
4. *Switch.* One transaction of the base locks the table, one of the old leaf's server locks the leaf, which waits for
   transactions whose client died between two commits. The last recorded keys are caught up and committed. Then the
   base's transaction replaces the old partition by the new ones and records that: **its commit is the switch**. Before
   it every statement sees the old leaf, after it the new ones. The old leaf is dropped at last.
5. *Settle and end.* The new leaves are attached to the parent on their server, for its bounds. When all partitions are
   replaced, the layout tables say the new layout, and the base drops `NAME_rebalance`.

Writers and readers wait at the switch, and get no error: while the lock is asked for (`lock_timeout`, then others go
first, and it is tried again) and while it is held (`hold`: the base itself aborts a longer transaction, even when this
process or a server is frozen; the old leaf's lock lasts longer than the base's).

A crash leaves one of three states: not switched (the old leaf is in use; new leaves are emptied and copied anew),
switched (the old leaf, which nothing uses, is dropped), or all switched (the end is repeated). The same command
continues from each. Only one process at a time: it holds a lock on every server, since one that had lost the base could
otherwise still write to new leaves.

What is refused at `plan`: fewer partitions, a number that is no multiple, a new leaf with the name of another table, an
old leaf that is missing, partitioned, has child tables or other columns, and whatever its new leaves would not have:
triggers, row security, views, publications, constraints, storage parameters and so on.

A transaction of the base that has used another table of a server, and not yet this one, reads the server as of then:
the switch waits for its end. To see such transactions of every role, the operator on the server must be a superuser or
have `pg_read_all_stats`. What is not seen: a REPEATABLE READ transaction of the base that began before the switch and
reads the table for the first time after it may find an old state of a new leaf on the base, as after every ALTER TABLE
that rewrites a table. Clients that write to the leaves on the servers without the base are not supported: the old leaf
is dropped while they may still know its name.
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
