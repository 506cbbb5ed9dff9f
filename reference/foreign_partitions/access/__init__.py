"""Read and write rows: through the base (`rows`), directly on the servers (`direct`), or on several (`outbox`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from .direct import DirectRows
    from .outbox import Outbox, SetAside
    from .rows import Rows

__all__ = [
    "DirectRows",
    "Outbox",
    "Rows",
    "SetAside",
]

_MODULES = {
    "DirectRows": "direct",
    "Outbox": "outbox",
    "Rows": "rows",
    "SetAside": "outbox",
}


__getattr__ = import_at_first_use(__name__, _MODULES)
