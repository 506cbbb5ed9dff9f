"""The databases that are migrated: their addresses, connections, locks and history, and the steps of a migration.

Open `planning` for what is refused, `applying` for what a failure leaves, and `locking` for two runners at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from .addresses import Database, from_sharding_service, parse
    from .connecting import Settings

_MODULES = {
    "Database": "addresses",
    "Settings": "connecting",
    "from_sharding_service": "addresses",
    "parse": "addresses",
}

__all__ = ["Database", "Settings", "from_sharding_service", "parse"]

__getattr__ = import_at_first_use(__name__, _MODULES)
