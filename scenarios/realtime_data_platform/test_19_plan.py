"""`plan` prints what `apply` would change without changing anything; after the apply, it has nothing to print."""

import json

import pytest

from reference.realtime_data_platform.stream import artifacts
from scenarios.realtime_data_platform.command import data_platform
from scenarios.realtime_data_platform.parts import Parts

AS_TEXT = ("--as-text", "d", "--as-text", "t")


@pytest.fixture(scope="module")
def orders(make_pipeline):
    """A table with columns of many types, so that the SQL of its view has many kinds of expressions."""
    pipeline = make_pipeline(
        "planned",
        ddl="CREATE TABLE {name} (id bigint, day date, at timestamptz, d date, t timestamp, amount numeric(10,2), "
        'b bit(4), p point, "Größe ""x""" text, n numeric, u uuid, PRIMARY KEY (id, day))',
    )
    pipeline.sql("INSERT INTO planned (id, day) VALUES (1, '2024-02-29')")
    return pipeline


@pytest.mark.claim("rdp-34")
def test_plan_is_what_apply_changes(orders, platform, tmp_path, evidence):
    parts = Parts(platform, orders)
    before = parts.found()

    code, first, errors = data_platform(platform, "plan", "planned", *AS_TEXT)

    assert (code, errors) == (0, "")
    assert parts.found() == before
    for part in (
        "publication platform_planned",
        "connector planned",
        "table planned of Pinot",
        "view hive.views.planned",
    ):
        assert f"create {part}\n" in first
    assert '"name": "planned"' in first

    assert data_platform(platform, "apply", "planned", *AS_TEXT)[0] == 0
    applied = parts.found()
    assert data_platform(platform, "plan", "planned", *AS_TEXT) == (0, "nothing to change\n", "")
    assert data_platform(platform, "apply", "planned", *AS_TEXT)[0] == 0
    assert parts.found() == applied

    code, ranged, _ = data_platform(platform, "plan", "planned", *AS_TEXT, "--where", "day > DATE '2024-01-01'")
    assert ranged.startswith("change view hive.views.planned\n")
    assert ranged.count("create ") + ranged.count("change ") == 1
    assert "WHERE day > DATE '2024-01-01'" in ranged
    orders.sql("ALTER TABLE planned ADD COLUMN more text")
    wider = data_platform(platform, "plan", "planned", *AS_TEXT)[1]
    assert [line for line in wider.splitlines() if not line.startswith(" ")] == [
        "change connector planned",  # the query of its snapshot lists the columns, since the table has dates
        "change view hive.views.planned",
    ]

    code, written, _ = data_platform(platform, "render", str(tmp_path), "planned", *AS_TEXT)
    assert code == 0
    assert len(written.splitlines()) == sum(path.is_file() for path in tmp_path.rglob("*"))
    config = json.loads((tmp_path / "connectors" / "planned.json").read_text())
    assert config == artifacts.connector(platform.describe("planned", as_text=("d", "t")), platform.peers)
    evidence.text("the plan of a table that is not followed", first)
