"""Looking up instances: asking ZooKeeper each time (`discovery`), or from a local copy that watches it (`cache`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from .cache import CachedDiscovery
    from .discovery import Discovery, Lookup

__all__ = [
    "CachedDiscovery",
    "Discovery",
    "Lookup",
]

_MODULES = {
    "CachedDiscovery": "cache",
    "Discovery": "discovery",
    "Lookup": "discovery",
}


__getattr__ = import_at_first_use(__name__, _MODULES)
