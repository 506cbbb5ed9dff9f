"""A PostgreSQL table partitioned by hash over several servers with `postgres_fdw`.

Describe the table once (`Description`), create and check it (`Deployment`), read and write it (`Rows`, `DirectRows`),
and write rows of several servers together (`Outbox`). Names are imported when they are first used, so that the command
can say which package is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from .deployment import Deployment
    from .description import Column, Description, Endpoint, Login, Partition, Secret, Server, Table
    from .direct import DirectRows
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
    from .outbox import Outbox, SetAside
    from .planning import Change, Plan
    from .reading import read
    from .rows import Rows
    from .verification import Report

MODULES = {
    "deployment": ("Deployment",),
    "description": ("Column", "Description", "Endpoint", "Login", "Partition", "Secret", "Server", "Table"),
    "direct": ("DirectRows",),
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
    "outbox": ("Outbox", "SetAside"),
    "planning": ("Change", "Plan"),
    "reading": ("read",),
    "rows": ("Rows",),
    "verification": ("Report",),
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
    "Outbox",
    "Partition",
    "PartitionUnavailable",
    "Plan",
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
