"""Operating pipelines: sets of tables, plans, ownership, health, moving of segments, and dashboards.

Open this package to see how many tables share one replication slot (`table_set`), how a plan is made (`plan`), how it
is ensured that only the platform's own objects are overwritten (`ownership`), what `status` reports (`health`,
`columns`), how a table is followed again after a failover (`recovery`), how segments move between Pinot's servers
(`moving`), and how a dashboard is created in Superset (`dashboards`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from .dashboards import apply_dashboard, apply_reader, dashboard_of, remove_dashboard
    from .health import Health
    from .ownership import require_ours
    from .plan import Change, planned, rendered
    from .recovery import recover
    from .table_set import Member, TableSet

__all__ = [
    "Change",
    "Health",
    "Member",
    "TableSet",
    "apply_dashboard",
    "apply_reader",
    "dashboard_of",
    "planned",
    "recover",
    "remove_dashboard",
    "rendered",
    "require_ours",
]

_MODULES = {
    "Change": "plan",
    "Health": "health",
    "Member": "table_set",
    "TableSet": "table_set",
    "apply_dashboard": "dashboards",
    "apply_reader": "dashboards",
    "dashboard_of": "dashboards",
    "planned": "plan",
    "recover": "recovery",
    "remove_dashboard": "dashboards",
    "rendered": "plan",
    "require_ours": "ownership",
}


__getattr__ = import_at_first_use(__name__, _MODULES)
