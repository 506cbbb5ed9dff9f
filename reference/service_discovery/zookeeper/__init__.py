"""The connection to ZooKeeper: one client a process, credentials, and who may change which node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from .access import make_chroot, protect
    from .connection import Connection
    from .credential import Credential

__all__ = [
    "Connection",
    "Credential",
    "make_chroot",
    "protect",
]

_MODULES = {
    "Connection": "connection",
    "Credential": "credential",
    "make_chroot": "access",
    "protect": "access",
}


__getattr__ = import_at_first_use(__name__, _MODULES)
