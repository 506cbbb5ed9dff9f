"""A PostgreSQL table partitioned by hash over several servers with `postgres_fdw`.

Describe the table once (`Description`), create and check it (`Deployment`), read and write it (`Rows`, `DirectRows`),
write rows of several servers together (`Outbox`), and change its partitions while it is in use (`Rebalance`).
The sub-package `deploy` creates and checks tables, `access` reads and writes rows, and `rebalance` replaces partitions.
Names are imported when they are first used, so that the command can say which package is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from .access.direct import DirectRows
    from .access.outbox import Outbox, SetAside
    from .access.rows import Rows
    from .deploy.deployment import Deployment
    from .deploy.planning import Change, Plan
    from .deploy.verification import Report
    from .description import Column, Description, Endpoint, Login, Partition, Secret, Server, Table
    from .errors import (
        BadDescription,
        BadRow,
        Conflict,
        ForeignPartitionsError,
        InTransaction,
        KeyTaken,
        PartitionUnavailable,
        Unreachable,
        WithoutPartitionKey,
    )
    from .reading import read
    from .rebalance.moves import Move
    from .rebalance.rebalancing import Rebalance

MODULES = {
    "deploy.deployment": ("Deployment",),
    "description": ("Column", "Description", "Endpoint", "Login", "Partition", "Secret", "Server", "Table"),
    "access.direct": ("DirectRows",),
    "errors": (
        "BadDescription",
        "BadRow",
        "Conflict",
        "ForeignPartitionsError",
        "InTransaction",
        "KeyTaken",
        "PartitionUnavailable",
        "Unreachable",
        "WithoutPartitionKey",
    ),
    "access.outbox": ("Outbox", "SetAside"),
    "deploy.planning": ("Change", "Plan"),
    "reading": ("read",),
    "rebalance.moves": ("Move",),
    "rebalance.rebalancing": ("Rebalance",),
    "access.rows": ("Rows",),
    "deploy.verification": ("Report",),
}

__all__ = [
    "BadDescription",
    "BadRow",
    "Change",
    "Column",
    "Conflict",
    "Deployment",
    "Description",
    "DirectRows",
    "Endpoint",
    "ForeignPartitionsError",
    "InTransaction",
    "KeyTaken",
    "Login",
    "Move",
    "Outbox",
    "Partition",
    "PartitionUnavailable",
    "Plan",
    "Rebalance",
    "Report",
    "Rows",
    "Secret",
    "Server",
    "SetAside",
    "Table",
    "Unreachable",
    "WithoutPartitionKey",
    "read",
]


__getattr__ = import_at_first_use(__name__, {name: module for module, names in MODULES.items() for name in names})
