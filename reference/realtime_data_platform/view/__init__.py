"""The exact view in Trino: its SQL, its base table in Iceberg into which old changes are folded, reports, dashboards.

Open this package to see why the view is exact (`statements`, `base`), how its queries stay cheap (`compaction`), how it
is compared with the table (`verification`), how a report keeps the rows of a query (`reports`), and what a dashboard
shows (`dashboard`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from .base import Mark
    from .compaction import Compacted, compact
    from .dashboard import Dashboard
    from .reports import apply_report, remove_report, report_sql
    from .statements import view_sql
    from .verification import Difference, verify

__all__ = [
    "Compacted",
    "Dashboard",
    "Difference",
    "Mark",
    "apply_report",
    "compact",
    "remove_report",
    "report_sql",
    "verify",
    "view_sql",
]

_MODULES = {
    "Compacted": "compaction",
    "Dashboard": "dashboard",
    "Difference": "verification",
    "Mark": "base",
    "apply_report": "reports",
    "compact": "compaction",
    "remove_report": "reports",
    "report_sql": "reports",
    "verify": "verification",
    "view_sql": "statements",
}


__getattr__ = import_at_first_use(__name__, _MODULES)
