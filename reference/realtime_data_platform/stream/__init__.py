"""From PostgreSQL's log to Pinot's table: the JSON of connectors, schemas and tables.

Open this package to see what is configured and why: for one table (`artifacts`), for a set of tables that share one
connector (`shared_connector`), and for segments that move to other servers at an age (`tiers`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from .artifacts import Peers, connector, schema, table
    from .shared_connector import streaming, taking_snapshot
    from .tiers import Tier

__all__ = [
    "Peers",
    "Tier",
    "connector",
    "schema",
    "streaming",
    "table",
    "taking_snapshot",
]

_MODULES = {
    "Peers": "artifacts",
    "Tier": "tiers",
    "connector": "artifacts",
    "schema": "artifacts",
    "streaming": "shared_connector",
    "table": "artifacts",
    "taking_snapshot": "shared_connector",
}


__getattr__ = import_at_first_use(__name__, _MODULES)
