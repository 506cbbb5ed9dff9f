"""Replace connections and locks after a fork: a child process must not use its parent's.

Open it before you write a class that holds a connection or a lock: it must have `renew`.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Renewable(Protocol):
    """An object that holds connections or locks, and can replace them."""

    def renew(self) -> list[object]:
        """Create new locks, drop the connections, and return the objects that hold the old connections.

        The caller keeps them alive until the process ends: closing them would end the parent's sessions.
        """


_RENEWABLE: weakref.WeakSet[Renewable] = weakref.WeakSet()
_INHERITED: list[object] = []


def renew_after_fork(each: Renewable) -> None:
    """Call an object's `renew` in every process that is forked from this one."""
    _RENEWABLE.add(each)


def _renew_all() -> None:
    for each in list(_RENEWABLE):
        _INHERITED.extend(each.renew())


os.register_at_fork(after_in_child=_renew_all)
