"""What a request needs: its customer's route, a connection from that database's pool, and models bound to both."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .client import Client
    from .extension import Sharding
    from .models import ShardedModel, bind, save_with_db
    from .pools import Pool, Pools
    from .routes import Route, Routes
    from .shard import Session, Shard

__all__ = [
    "Client",
    "Pool",
    "Pools",
    "Route",
    "Routes",
    "Session",
    "Shard",
    "ShardedModel",
    "Sharding",
    "bind",
    "save_with_db",
]

_MODULES = {
    "Client": "client",
    "Pool": "pools",
    "Pools": "pools",
    "Route": "routes",
    "Routes": "routes",
    "Session": "shard",
    "Shard": "shard",
    "ShardedModel": "models",
    "Sharding": "extension",
    "bind": "models",
    "save_with_db": "models",
}


def __getattr__(name: str) -> object:
    """Import a public name's module when the name is first asked for: each needs a driver or a framework."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
