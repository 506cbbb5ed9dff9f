"""Create the tables on all servers, and check them. Begin with `deployment`, which has the order of the steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from .catalog import ServerState
    from .compatibility import ServerTypes, differences
    from .deployment import Deployment
    from .planning import Change, Plan, plan
    from .verification import Report, verify

__all__ = [
    "Change",
    "Deployment",
    "Plan",
    "Report",
    "ServerState",
    "ServerTypes",
    "differences",
    "plan",
    "verify",
]

_MODULES = {
    "Change": "planning",
    "Deployment": "deployment",
    "Plan": "planning",
    "Report": "verification",
    "ServerState": "catalog",
    "ServerTypes": "compatibility",
    "differences": "compatibility",
    "plan": "planning",
    "verify": "verification",
}


__getattr__ = import_at_first_use(__name__, _MODULES)
