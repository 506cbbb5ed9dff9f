"""Create the dashboard of a view in Superset, and a role that may see the dashboard and change nothing.

Read this to see what is checked before Superset imports anything; the checks come first because an error of Superset's
import does not name its cause.
"""

from __future__ import annotations

from reference.realtime_data_platform.clients import Superset, Trino
from reference.realtime_data_platform.errors import NotFound, NotOurs, Refused
from reference.realtime_data_platform.source.description import escaped
from reference.realtime_data_platform.view.dashboard import DATABASE, Dashboard, database_uuid, files, uri

READING = frozenset(
    {
        ("can_dashboard", "Superset"),
        ("can_dashboard_permalink", "Superset"),
        ("can_explore_json", "Superset"),
        ("can_get", "Datasource"),
        ("can_read", "Chart"),
        ("can_read", "CurrentUserRestApi"),
        ("can_read", "Dashboard"),
        ("can_read", "DashboardFilterStateRestApi"),
        ("can_read", "DashboardPermalinkRestApi"),
        ("can_read", "SecurityRestApi"),
        ("can_read", "Theme"),
        ("can_time_range", "Api"),
        # Lets readers store their own choice in a page's filters; it does not change the dashboard.
        ("can_write", "DashboardFilterStateRestApi"),
    }
)
"""The permissions of a role that may see dashboards; none allows to change one."""


def dashboard_of(trino: Trino, view: str, *, time: str, by: str, amount: str | None = None) -> Dashboard:
    """Return what the dashboard of a view shows, with the view's columns as Trino lists them.

    Args:
        trino: The cluster.
        view: Name of the view in `hive.views`.
        time: A column of dates or timestamps, for the date filter and the time series by day.
        by: The column that groups the bar chart.
        amount: A column of numbers that time series and bar chart sum; by default they count rows.

    Raises:
        BadInput: A column is missing or has another type.
        NotFound: The view does not exist.
    """
    rows = trino.query(
        "SELECT column_name, data_type FROM hive.information_schema.columns "  # noqa: S608  # escaped
        f"WHERE table_schema = 'views' AND table_name = '{escaped(view)}' ORDER BY ordinal_position"
    )
    if not rows:
        raise NotFound(f"Trino has no view hive.views.{view}: create it by data-platform apply")
    return Dashboard(view, {str(name): str(kind) for name, kind in rows}, time, by, amount)


def apply_dashboard(superset: Superset, dashboard: Dashboard, *, trino: str = "trino:8080") -> str:
    """Create or update database, data set, charts and dashboard in Superset; idempotent.

    Args:
        superset: The client of Superset, logged in as a user who may create databases, such as an administrator.
        dashboard: What the dashboard shows (`dashboard_of`).
        trino: Trino's host and port, as Superset reaches it.

    Returns:
        The address of the dashboard.

    Raises:
        NotOurs: Somebody else made a database or a dashboard of the same name; nothing was changed.
        Refused: Superset does not reach Trino, or it rejects the user or the import; nothing was changed.
        Unreachable: Superset does not answer.
    """
    database = superset.database(DATABASE)
    if database is not None and database["uuid"] != database_uuid():
        raise NotOurs(f"Superset has a database {DATABASE!r} that somebody else made: give that one another name")
    page = superset.find(f"dashboard/{dashboard.slug}")
    if page is not None and page["uuid"] != dashboard.uuid("dashboard"):
        raise NotOurs(
            f"Superset has a dashboard {dashboard.slug!r} that somebody else made: give that one another slug"
        )
    try:
        superset.test_connection(DATABASE, uri(trino))
    except Refused as refusal:
        raise Refused(f"Superset does not reach Trino at {trino}: {' '.join(str(refusal).split())}") from refusal
    superset.import_assets(files(dashboard, trino))
    return f"{superset.url}/superset/dashboard/{dashboard.slug}/"


def apply_reader(superset: Superset, dashboard: Dashboard, role: str) -> None:
    """Create a role that may see this dashboard and change nothing; an existing role gets exactly these permissions.

    Give readers this role and no other, since a user may do whatever any of the user's roles allows.

    Raises:
        NotFound: The dashboard does not exist.
        Refused: The user of Superset is not an administrator.
    """
    dataset = superset.find(f"dataset/{dashboard.uuid('dataset')}")
    if dataset is None:
        raise NotFound(f"Superset has no dashboard of {dashboard.view}: create it first")
    rows = ("datasource_access", f"[{DATABASE}].[{dashboard.view}](id:{dataset['id']})")
    superset.apply_role(role, READING | {rows})


def remove_dashboard(superset: Superset, dashboard: Dashboard) -> None:
    """Remove dashboard, charts and data set; idempotent. The database stays, since other dashboards share it."""
    page = superset.find(f"dashboard/{dashboard.slug}")
    if page is not None and page["uuid"] == dashboard.uuid("dashboard"):
        superset.request("DELETE", f"dashboard/{page['id']}")
    for kind, part in (*(("chart", name) for name in dashboard.charts()), ("dataset", "dataset")):
        found = superset.find(f"{kind}/{dashboard.uuid(part)}")
        if found is not None:
            superset.request("DELETE", f"{kind}/{found['id']}")
