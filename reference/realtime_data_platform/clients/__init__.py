"""Clients of the services that the pipeline is made of: Kafka, Kafka Connect, Pinot, Trino and Superset.

Open this package to see which requests are sent to a service, what is retried, and how its answers become errors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from .connect import Connectors
    from .pinot import Pinot
    from .superset import Superset
    from .topics import Topics
    from .trino import Trino

__all__ = ["Connectors", "Pinot", "Superset", "Topics", "Trino"]

_MODULES = {
    "Connectors": "connect",
    "Pinot": "pinot",
    "Superset": "superset",
    "Topics": "topics",
    "Trino": "trino",
}

__getattr__ = import_at_first_use(__name__, _MODULES)
