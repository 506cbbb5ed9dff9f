"""The page of a dashboard in Superset: the positions of its charts, and its date filter.

Read this to change the layout; what the charts show is in `dashboard`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .dashboard import Dashboard

REFRESH = 10
"""Seconds after which an open page loads its charts again."""

LAYOUT: Sequence[Mapping[str, int]] = ({"line": 8, "bar": 4}, {"table": 12})
"""The rows of the page: in each row, the width of each chart in twelfths, by the chart's name."""


def page(dashboard: Dashboard) -> dict[str, Any]:
    """Return the file of the dashboard itself."""
    return {
        "dashboard_title": dashboard.view,
        "description": None,
        "css": "",
        "slug": dashboard.slug,
        "uuid": dashboard.uuid("dashboard"),
        "position": dict(_position(dashboard)),
        "metadata": {
            "refresh_frequency": REFRESH,
            "cross_filters_enabled": False,
            "native_filter_configuration": [_date_filter(dashboard)],
        },
        "published": True,
        "version": "1.0.0",
    }


def filter_id(dashboard: Dashboard) -> str:
    """Return the id of the date filter, by which a link to the page can set the filter."""
    return f"NATIVE_FILTER-{dashboard.uuid('filter')}"


def _date_filter(dashboard: Dashboard) -> dict[str, Any]:
    return {
        "id": filter_id(dashboard),
        "name": dashboard.time,
        "type": "NATIVE_FILTER",
        "filterType": "filter_time",
        "targets": [{}],
        "defaultDataMask": {"extraFormData": {}, "filterState": {}, "ownState": {}},
        "controlValues": {"enableEmptyFilter": False},
        "cascadeParentIds": [],
        "scope": {"rootPath": ["ROOT_ID"], "excluded": []},
        "description": "",
    }


def _position(dashboard: Dashboard) -> Iterator[tuple[str, Any]]:
    """Yield the elements of the page by their names; Superset keeps them in one flat mapping."""
    names = [f"ROW-{number}" for number in range(len(LAYOUT))]
    yield "DASHBOARD_VERSION_KEY", "v2"
    yield "ROOT_ID", {"id": "ROOT_ID", "type": "ROOT", "children": ["GRID_ID"]}
    yield "HEADER_ID", {"id": "HEADER_ID", "type": "HEADER", "meta": {"text": dashboard.view}}
    yield "GRID_ID", {"id": "GRID_ID", "type": "GRID", "children": names, "parents": ["ROOT_ID"]}
    # The import finds each chart by its UUID, and replaces these numbers by the charts' ids.
    numbers = iter(range(1, 100))
    for name, widths in zip(names, LAYOUT, strict=True):
        above = ["ROOT_ID", "GRID_ID"]
        charts = [f"CHART-{chart}" for chart in widths]
        background = {"background": "BACKGROUND_TRANSPARENT"}
        yield name, {"id": name, "type": "ROW", "children": charts, "meta": background, "parents": above}
        for chart, width in widths.items():
            meta = {
                "chartId": next(numbers),
                "uuid": dashboard.uuid(chart),
                "sliceName": dashboard.charts()[chart],
                "width": width,
                "height": 50,
            }
            part = {"id": f"CHART-{chart}", "type": "CHART", "children": [], "meta": meta, "parents": [*above, name]}
            yield f"CHART-{chart}", part
