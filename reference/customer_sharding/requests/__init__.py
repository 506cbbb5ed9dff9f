"""The library that an application imports: routes, pooled connections to customers' databases, and sharded models.

Begin with `extension` (Flask) or `shard` (any other program); `models` has the base class of an application's models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

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


__getattr__ = import_at_first_use(__name__, _MODULES)
