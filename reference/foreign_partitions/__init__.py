"""A PostgreSQL table partitioned by hash over several servers with `postgres_fdw`.

Describe the table once (`Description`), create and check it (`Deployment`), read and write it (`Rows`, `DirectRows`),
and write rows of several servers together (`Outbox`). Names are imported when they are first used, so that the command
can say which package is missing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

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


def __getattr__(name: str) -> object:
    for module, names in MODULES.items():
        if name in names:
            return getattr(import_module(f".{module}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
