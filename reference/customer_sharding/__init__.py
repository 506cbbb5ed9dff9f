"""Sharding by customer: each request is routed to its customer's database, and customers move between databases online.

An application imports `requests`; `move` moves a customer to another database while requests go on; `service` is the
sharding service, which stores which customer is in which database. All public names can be imported from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from .credentials import Credentials, Flavor
    from .errors import (
        BadIdentifier,
        BadInput,
        Busy,
        Conflict,
        CustomerMoving,
        DatabaseUnavailable,
        NotAllowed,
        ServiceUnavailable,
        ShardingError,
        Superseded,
        Unavailable,
        Unbound,
        UnknownCustomer,
        UnknownDatabase,
        WrongCustomer,
    )
    from .identifiers import customer_id
    from .move.moving import Mover
    from .requests.extension import Sharding
    from .requests.models import ShardedModel, bind, save_with_db
    from .requests.routes import Route
    from .requests.shard import Shard
    from .service.store import Store
    from .settings import Settings, from_environment

__all__ = [
    "BadIdentifier",
    "BadInput",
    "Busy",
    "Conflict",
    "Credentials",
    "CustomerMoving",
    "DatabaseUnavailable",
    "Flavor",
    "Mover",
    "NotAllowed",
    "Route",
    "ServiceUnavailable",
    "Settings",
    "Shard",
    "ShardedModel",
    "Sharding",
    "ShardingError",
    "Store",
    "Superseded",
    "Unavailable",
    "Unbound",
    "UnknownCustomer",
    "UnknownDatabase",
    "WrongCustomer",
    "bind",
    "customer_id",
    "from_environment",
    "save_with_db",
]

_MODULES = {
    "BadIdentifier": "errors",
    "BadInput": "errors",
    "Busy": "errors",
    "Conflict": "errors",
    "Credentials": "credentials",
    "CustomerMoving": "errors",
    "DatabaseUnavailable": "errors",
    "Flavor": "credentials",
    "Mover": "move.moving",
    "NotAllowed": "errors",
    "Route": "requests.routes",
    "ServiceUnavailable": "errors",
    "Settings": "settings",
    "Shard": "requests.shard",
    "ShardedModel": "requests.models",
    "Sharding": "requests.extension",
    "ShardingError": "errors",
    "Store": "service.store",
    "Superseded": "errors",
    "Unavailable": "errors",
    "Unbound": "errors",
    "UnknownCustomer": "errors",
    "UnknownDatabase": "errors",
    "WrongCustomer": "errors",
    "bind": "requests.models",
    "customer_id": "identifiers",
    "from_environment": "settings",
    "save_with_db": "requests.models",
}


__getattr__ = import_at_first_use(__name__, _MODULES)
