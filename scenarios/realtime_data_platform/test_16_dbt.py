"""dbt instead of Airflow's operator: it creates the document's view, and builds the project that the library ships."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import reference.realtime_data_platform as library
from fixtures.venvs import venv
from fixtures.waiting import eventually
from scenarios.realtime_data_platform import published
from scenarios.realtime_data_platform.pipeline import VISIBLE_WITHIN

PROJECT = Path(library.__file__).parent / "dbt"


@pytest.fixture
def dbt(tmp_path, trino):
    """Runs dbt on a copy of the library's project, and returns the results by the name of the model or test."""
    project = tmp_path / "dbt"
    shutil.copytree(PROJECT, project)
    at = trino.address()

    def run(*words, succeeds=True, **variables):
        options = ["--project-dir", project, "--profiles-dir", project, "--vars", json.dumps(variables)]
        done = subprocess.run(
            [venv("dbt").program("dbt"), "--no-use-colors", *words, *options],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "TRINO_HOST": at.host, "TRINO_PORT": str(at.port)},
            timeout=240,
        )
        assert (done.returncode == 0) is succeeds, done.stdout + done.stderr
        results = json.loads((project / "target" / "run_results.json").read_text())["results"]
        return {each["unique_id"].split(".")[2]: each["status"] for each in results}

    run.project = project
    return run


@pytest.fixture(scope="module")
def tables(make_pipeline):
    """The pipelines of people and of orders; two orders are of this year, and one is old."""
    people, orders = make_pipeline("person_dbt"), make_pipeline("order_dbt", ddl=published.ORDER_DDL)
    for customer, placed, amount in ((1, "now()", 10), (2, "now()", 5), (1, "timestamptz '2020-02-02T12:00:00Z'", 7)):
        order(orders, customer, placed, amount)
    return people.start("corrected"), orders.start("corrected", people=[])


def order(orders, customer, placed, amount):
    """Insert an order; `placed` is the SQL of its time."""
    values = f"({customer}, {placed}, {amount})"
    orders.sql(f"INSERT INTO {orders.quoted} (customer_id, placed, amount) VALUES {values}")


@pytest.mark.claim("rdp-13")
def test_dbt_builds_the_view_of_the_document(start_pipeline, dbt, platform, evidence):
    """The model has the SELECT of the document's view; it is compared with the view that the document's SQL creates."""
    people = start_pipeline("for_dbt", "published")
    shutil.rmtree(dbt.project / "models")
    (dbt.project / "models").mkdir()
    query = published.VIEW.format(name=people.quoted).partition(" AS\n")[2]
    (dbt.project / "models" / "person_by_dbt.sql").write_text(query)

    assert dbt("run") == {"person_by_dbt": "success"}

    shown = sorted(platform.trino.query("SELECT * FROM hive.views.person_by_dbt"))
    assert shown == published.VIEW_ROWS == people.view()
    evidence.text("the view by dbt", platform.trino.view("hive", "views", "person_by_dbt"))
    platform.trino.remove_view("hive.views.person_by_dbt")


class TestProject:
    """The project that the library ships, over exact views."""

    @pytest.fixture
    def built(self, dbt, tables, platform):
        """Builds the project: models, and dbt's own tests of them."""
        people, orders = tables
        platform.trino.apply_schema("iceberg.reports", f"s3://{platform.peers.bucket}/reports/")

        def build(*words):
            return dbt(*(words or ["build"]), person=people.name, order=orders.name)

        yield build
        platform.trino.remove_view("hive.views.recent_order")
        platform.trino.query("DROP TABLE IF EXISTS iceberg.reports.customer")
        platform.trino.query("DROP TABLE IF EXISTS iceberg.reports.order_day")

    @pytest.mark.claim("rdp-13")
    def test_models_have_the_rows_of_the_views(self, built, tables, platform, evidence):
        _, orders = tables
        results = built()

        assert set(results.values()) == {"success", "pass"}
        assert {"recent_order", "customer", "order_day"} <= results.keys()
        columns, since = "id, customer_id, placed, amount", "placed >= current_timestamp - INTERVAL '1' YEAR"
        recent = sorted(platform.trino.query(f"SELECT {columns} FROM hive.views.recent_order"))
        assert recent == orders.view(columns, f"WHERE {since}")
        assert len(recent) == 2
        customers = platform.trino.query("SELECT name, orders, amount FROM iceberg.reports.customer")
        assert sorted(customers) == [("Alice", 1, 5.0), ("Bob", 0, 0.0), ("Fasih", 1, 10.0)]
        evidence.json("what dbt says of each model and test", results)

    @pytest.mark.claim("rdp-13")
    def test_second_run_has_what_was_written_since(self, built, tables, platform):
        _, orders = tables
        built()
        order(orders, 3, "now()", 2)
        orders.sql(f"UPDATE {orders.quoted} SET amount = 8 WHERE placed < '2021-01-01'")
        orders.until_equal()

        assert set(built().values()) == {"success", "pass"}

        bob = platform.trino.query("SELECT orders, amount FROM iceberg.reports.customer WHERE name = 'Bob'")
        assert bob == [(1, 2.0)]
        old = "SELECT amount FROM iceberg.reports.order_day WHERE day = DATE '2020-02-02'"
        assert platform.trino.query(old) == [(7.0,)], "days before the last two are kept as they were"
        today = "SELECT sum(orders) FROM iceberg.reports.order_day WHERE day > DATE '2020-02-02'"
        assert platform.trino.query(today) == [(3,)]
        orders.sql(f"DELETE FROM {orders.quoted} WHERE customer_id = 3")
        orders.until_equal()

    @pytest.mark.claim("rdp-13")
    def test_models_stay_exact_while_bases_are_replaced(self, built, tables, platform):
        """A model reads a view by its name, so that a compaction of the view does not affect the model."""
        _, orders = tables
        built()
        order(orders, 2, "now()", 4)
        orders.until_equal()
        platform.compact(orders.name)
        order(orders, 2, "now()", 6)

        count = "SELECT count(*) FROM hive.views.recent_order WHERE customer_id = 2"
        eventually(lambda: platform.trino.query(count) == [(3,)], within=VISIBLE_WITHIN)

    @pytest.mark.claim("rdp-13")
    def test_documentation_leads_back_to_the_views(self, built, dbt, evidence):
        built()
        built("docs", "generate")

        parents = json.loads((dbt.project / "target" / "manifest.json").read_text())["parent_map"]
        person, orders = "source.data_platform.views.person", "source.data_platform.views.order"
        recent = "model.data_platform.recent_order"
        assert parents[recent] == [orders]
        assert sorted(parents["model.data_platform.customer"]) == [recent, person]
        assert parents["model.data_platform.order_day"] == [orders]
        catalog = json.loads((dbt.project / "target" / "catalog.json").read_text())
        assert set(catalog["nodes"]) == {recent, "model.data_platform.customer", "model.data_platform.order_day"}
        evidence.json("what each model reads", {name: of for name, of in parents.items() if name.startswith("model.")})
