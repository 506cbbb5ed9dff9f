"""What was opened before a fork is not used after it: the child of a fork shares its parent's sockets and locks."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Renewable(Protocol):
    """An object that holds connections or locks, and can begin anew."""

    def renew(self) -> list[object]:
        """Make new locks and drop connections; return what holds the old ones.

        They are kept as long as the process: to close them would end the parent's sessions.
        """


_RENEWABLE: weakref.WeakSet[Renewable] = weakref.WeakSet()
_INHERITED: list[object] = []


def renew_after_fork(each: Renewable) -> None:
    """Have an object renewed in every process that is forked from this one."""
    _RENEWABLE.add(each)


def _renew_all() -> None:
    for each in list(_RENEWABLE):
        _INHERITED.extend(each.renew())


os.register_at_fork(after_in_child=_renew_all)
