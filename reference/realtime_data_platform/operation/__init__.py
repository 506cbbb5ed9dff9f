"""Operating pipelines: sets of tables, what an apply would change, what is whose, and what stands still.

Open this package to see how many tables share one replication slot (`table_set`), how a plan is made (`plan`), why
nothing of somebody else's is overwritten (`ownership`), what `status` reports (`health`), and how segments move between
Pinot's servers (`moving`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from .health import Health
    from .ownership import require_ours
    from .plan import Change, planned, rendered
    from .table_set import Member, TableSet

__all__ = [
    "Change",
    "Health",
    "Member",
    "TableSet",
    "planned",
    "rendered",
    "require_ours",
]

_MODULES = {
    "Change": "plan",
    "Health": "health",
    "Member": "table_set",
    "TableSet": "table_set",
    "planned": "plan",
    "rendered": "plan",
    "require_ours": "ownership",
}


__getattr__ = import_at_first_use(__name__, _MODULES)
