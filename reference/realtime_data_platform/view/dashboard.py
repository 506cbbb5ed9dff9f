"""A dashboard of an exact view in Superset: three charts and a filter by date, as the files that Superset exports.

The charts query the view each time they are shown. Read this to see what the files in the folder `superset` contain,
and which settings make the date filter change every chart.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import yaml

from reference.realtime_data_platform.errors import BadInput
from reference.realtime_data_platform.source.description import NAME, quoted

from .dashboard_layout import page

DATABASE = "data platform"
"""Name under which Superset has Trino; all dashboards share this database."""

NAMESPACE = UUID("d7c1f1b4-58a5-5e0e-9a5c-6e5f0f7d6a11")
"""Namespace of the UUIDs, which are computed from names: a second import of a view's files replaces the first."""

ROWS = 1000
"""How many rows the table chart shows: the latest."""

ANY_TIME = "No filter"
TIMES = re.compile(r"(timestamp|date)\b")
NUMBERS = re.compile(r"(tinyint|smallint|integer|bigint|real|double|decimal)\b")
FORMAT = "1.0.0"
"""Superset's version number of the file format."""


@dataclass(frozen=True)
class Dashboard:
    """What a dashboard shows of a view.

    Attributes:
        view: Name of the view in `hive.views`.
        columns: Trino's type of each column, by its name, in the view's order.
        time: The column for the date filter and the time series.
        by: The column that groups the bar chart.
        amount: A column of numbers that time series and bar chart sum; by default they count rows.

    Raises:
        BadInput: A column is missing or has another type, or the name of the view is not plain.
    """

    view: str
    columns: Mapping[str, str]
    time: str
    by: str
    amount: str | None = None

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.view):
            raise BadInput(
                f"{self.view!r} is not a plain name: a dashboard needs a view named by small letters, digits and _"
            )
        for name in (self.time, self.by, *([self.amount] if self.amount else [])):
            if name not in self.columns:
                raise BadInput(f"the view {self.view} has no column {name!r}; it has {', '.join(self.columns)}")
        if not TIMES.match(self.columns[self.time]):
            raise BadInput(f"column {self.time} is {self.columns[self.time]}: choose a column of dates or timestamps")
        if self.amount and not NUMBERS.match(self.columns[self.amount]):
            raise BadInput(f"column {self.amount} is {self.columns[self.amount]}: choose a column of numbers")

    @property
    def slug(self) -> str:
        """The last part of the dashboard's address."""
        return f"view_{self.view}"

    @property
    def measure(self) -> str:
        """Name of the metric that time series and bar chart show."""
        return f"sum of {self.amount}" if self.amount else "count"

    @property
    def axis(self) -> str:
        """Name of the data set's column that the time series has days of.

        Superset casts a time to Trino's `timestamp`, which rounds to milliseconds: the last microsecond of a day would
        be of the next day. Fractions of a millisecond are therefore cut off before.
        """
        return f"{self.time} (milliseconds)" if self.columns[self.time].startswith("timestamp") else self.time

    def uuid(self, part: str) -> str:
        """Return the UUID of a part, which is `dataset`, `dashboard` or the name of a chart."""
        return str(uuid5(NAMESPACE, f"hive.views.{self.view} {part}"))

    def charts(self) -> dict[str, str]:
        """Return the titles of the charts by name: `line`, `bar` and `table`."""
        measured = self.measure.capitalize()
        return {
            "line": f"{measured} by day",
            "bar": f"{measured} by {self.by}",
            "table": f"Latest rows of {self.view}",
        }


def database_uuid() -> str:
    """Return the UUID of the database that all dashboards share."""
    return str(uuid5(NAMESPACE, "trino"))


def uri(trino: str) -> str:
    """Return the URI by which Superset connects to Trino at `host:port`."""
    return f"trino://data_platform@{trino}/hive"


def files(dashboard: Dashboard, trino: str = "trino:8080") -> dict[str, str]:
    """Return the files of database, data set, charts and dashboard: YAML by path, for `Superset.import_assets`.

    Args:
        dashboard: What the dashboard shows.
        trino: Trino's host and port, as Superset reaches it.
    """
    name = dashboard.view
    documents = {
        "metadata.yaml": {"version": FORMAT, "type": "assets"},
        "databases/data_platform.yaml": _database(trino),
        f"datasets/data_platform/{name}.yaml": _dataset(dashboard),
        **{f"charts/{name}_{chart}.yaml": _chart(dashboard, chart) for chart in dashboard.charts()},
        f"dashboards/{name}.yaml": page(dashboard),
    }
    return {
        path: yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
        for path, content in documents.items()
    }


def _database(trino: str) -> dict[str, Any]:
    return {
        "database_name": DATABASE,
        "sqlalchemy_uri": uri(trino),
        "cache_timeout": None,
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_csv_upload": False,
        # Superset sends the bounds of a day without a time zone; with this they are in UTC, wherever Superset runs.
        "extra": {"engine_params": {"connect_args": {"timezone": "UTC"}}},
        "uuid": database_uuid(),
        "version": FORMAT,
    }


def _dataset(dashboard: Dashboard) -> dict[str, Any]:
    columns = [
        {
            "column_name": name,
            "type": kind.upper(),
            "is_dttm": bool(TIMES.match(kind)),
            "is_active": True,
            "groupby": True,
            "filterable": True,
        }
        for name, kind in dashboard.columns.items()
    ]
    if dashboard.axis not in dashboard.columns:
        [time] = [each for each in columns if each["column_name"] == dashboard.time]
        cut_off = f"date_trunc('millisecond', {quoted(dashboard.time)})"
        columns.append({**time, "column_name": dashboard.axis, "expression": cut_off, "filterable": False})
    metrics = {"count": "COUNT(*)"}
    if dashboard.amount:
        metrics[dashboard.measure] = f"SUM({quoted(dashboard.amount)})"
    return {
        "table_name": dashboard.view,
        "main_dttm_col": dashboard.time,
        "description": f"The exact view hive.views.{quoted(dashboard.view)}",
        "offset": 0,
        "cache_timeout": None,
        "catalog": "hive",
        "schema": "views",
        "sql": None,
        "filter_select_enabled": True,
        "uuid": dashboard.uuid("dataset"),
        "metrics": [{"metric_name": name, "expression": expression} for name, expression in metrics.items()],
        "columns": columns,
        "version": FORMAT,
        "database_uuid": database_uuid(),
    }


def _chart(dashboard: Dashboard, name: str) -> dict[str, Any]:
    kind, own, query = {"line": _line, "bar": _bar, "table": _table}[name](dashboard)
    # The dashboard's date filter applies only to charts that have this filter.
    temporal = {"clause": "WHERE", "expressionType": "SIMPLE", "subject": dashboard.time}
    form = {
        "viz_type": kind,
        "adhoc_filters": [{**temporal, "operator": "TEMPORAL_RANGE", "comparator": ANY_TIME}],
        **own,
    }
    filters = [{"col": dashboard.time, "op": "TEMPORAL_RANGE", "val": ANY_TIME}]
    context = {
        "datasource": {"id": 0, "type": "table"},  # the import replaces 0 by the id of the data set
        "force": False,
        "queries": [{"filters": filters, **query}],
        "result_format": "json",
        "result_type": "full",
    }
    return {
        "slice_name": dashboard.charts()[name],
        "viz_type": kind,
        "params": form,
        "query_context": json.dumps(context),
        "cache_timeout": None,
        "uuid": dashboard.uuid(name),
        "version": FORMAT,
        "dataset_uuid": dashboard.uuid("dataset"),
    }


Parts = tuple[str, dict[str, Any], dict[str, Any]]
"""The type of a chart, the settings of its form, and its query."""


def _line(dashboard: Dashboard) -> Parts:
    own = {"x_axis": dashboard.axis, "time_grain_sqla": "P1D", "metrics": [dashboard.measure], "markerEnabled": True}
    column = {"expressionType": "SQL", "sqlExpression": dashboard.axis, "label": dashboard.axis}
    query = {
        "columns": [{**column, "columnType": "BASE_AXIS", "timeGrain": "P1D"}],
        "metrics": [dashboard.measure],
        "orderby": [[dashboard.measure, False]],
        "row_limit": 10_000,
    }
    return "echarts_timeseries_line", own | {"groupby": [], "row_limit": 10_000, "show_legend": False}, query


def _bar(dashboard: Dashboard) -> Parts:
    own = {"x_axis": dashboard.by, "xAxisForceCategorical": True, "metrics": [dashboard.measure], "show_value": True}
    query = {
        "columns": [dashboard.by],
        "metrics": [dashboard.measure],
        "orderby": [[dashboard.measure, False]],
        "row_limit": 100,
    }
    return "echarts_timeseries_bar", own | {"groupby": [], "row_limit": 100, "show_legend": False}, query


def _table(dashboard: Dashboard) -> Parts:
    columns = list(dashboard.columns)
    own = {
        "query_mode": "raw",
        "all_columns": columns,
        "order_by_cols": [json.dumps([dashboard.time, False])],
        "table_timestamp_format": "%Y-%m-%d %H:%M:%S",
        "row_limit": ROWS,
    }
    # Without the key `metrics` every row is returned; with an empty list, equal rows would be merged into one.
    query = {"columns": columns, "orderby": [[dashboard.time, False]], "row_limit": ROWS}
    return "table", own, query
