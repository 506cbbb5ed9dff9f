"""Reports: materialized views, which Trino's Hive connector refuses, and tables that one statement replaces."""

import time

import pytest

from fixtures.waiting import eventually
from reference.realtime_data_platform.clients.catalogs import iceberg_catalog
from reference.realtime_data_platform.errors import BadInput, NotFound, Refused
from reference.realtime_data_platform.view.reports import SCHEMA, apply_report, remove_report, report_sql
from scenarios.realtime_data_platform import published
from scenarios.realtime_data_platform.concurrent_updates import repeating
from scenarios.realtime_data_platform.pipeline import VISIBLE_WITHIN

PEOPLE = "SELECT * FROM (VALUES (1, 'Fasih'), (2, 'Alice')) AS people (id, name)"
MATERIALIZED = {"published": "hive.views", "corrected": SCHEMA}
CUSTOMERS = [(1, "Fasih", 2, 30.0), (2, "Alice", 1, 5.0)]


@pytest.fixture(scope="module")
def location(platform, lake):
    """URI of the reports' files; the catalog `iceberg` exists, which does not need Pinot."""
    lake.apply_catalog("iceberg", "iceberg", iceberg_catalog(platform.peers))
    return f"s3://{platform.peers.bucket}/reports/"


@pytest.fixture(scope="module")
def reports(lake, location):
    """Creates and refreshes reports, and returns the number of rows; they are removed at the end of the file."""
    made = set()

    def report(name, query):
        made.add(name)
        return apply_report(lake, name, query, location=location)

    yield report
    for name in made:
        remove_report(lake, name)


@pytest.fixture
def materialize(lake, location):
    """Makes materialized views, each removed at the end of the test."""
    lake.apply_schema(SCHEMA, location)
    made = []

    def materialize(schema, name, query):
        lake.query(f"CREATE MATERIALIZED VIEW {schema}.{name} AS {query}")
        made.append(f"{schema}.{name}")

    yield materialize
    for name in made:
        lake.query(f"DROP MATERIALIZED VIEW {name}")


def rows(trino, name):
    """Return the rows of a report, sorted."""
    return sorted(trino.query(f'SELECT * FROM {SCHEMA}."{name}"'))


class TestConnectors:
    @pytest.mark.claim("rdp-19", shows="published", fails_with="DID NOT RAISE")
    def test_hive_refuses_a_materialized_view(self, way, materialize, evidence):
        with pytest.raises(Refused, match="This connector does not support creating materialized views") as refused:
            materialize(MATERIALIZED[way], "people_report", PEOPLE)
        evidence.text("what Trino's Hive connector says", str(refused.value))

    @pytest.mark.claim("rdp-19", shows="corrected", fails_with="does not support creating materialized views")
    def test_iceberg_makes_a_materialized_view(self, way, materialize, lake, evidence):
        materialize(MATERIALIZED[way], "people_report", PEOPLE)

        lake.query(f"REFRESH MATERIALIZED VIEW {SCHEMA}.people_report")
        assert rows(lake, "people_report") == [(1, "Fasih"), (2, "Alice")]
        [(kind, stored)] = lake.query(
            "SELECT catalog_name, storage_table FROM system.metadata.materialized_views WHERE name = 'people_report'"
        )
        assert kind == "iceberg"
        evidence.json("where the rows are", {"catalog": kind, "table": stored})


@pytest.fixture(scope="module")
def people_and_orders(make_pipeline):
    """The pipelines of people and of orders, with three orders."""
    people, orders = make_pipeline("person_reported"), make_pipeline("order_reported", ddl=published.ORDER_DDL)
    for customer, amount in ((1, 10), (1, 20), (2, 5)):
        order(orders, customer, amount)
    return people.start("corrected"), orders.start("corrected", people=[])


def order(orders, customer, amount):
    """Insert an order."""
    orders.sql(
        f"INSERT INTO {orders.quoted} (customer_id, placed, amount) VALUES (%s, '2026-01-02T03:04:05Z', %s)",
        customer,
        amount,
    )


def query(people, orders):
    """Return the query of the report: the number and the sum of each customer's orders."""
    return (
        "SELECT p.customer_id, p.name, count(*) AS orders, sum(o.amount) AS amount "
        f"FROM hive.views.{people.quoted} p JOIN hive.views.{orders.quoted} o ON o.customer_id = p.customer_id "
        "WHERE p.customer_id < 9 GROUP BY p.customer_id, p.name"
    )


class TestReport:
    @pytest.mark.claim("rdp-10")
    @pytest.mark.parametrize("kind", ["materialized view", "table"])
    def test_report_has_its_querys_rows_until_refreshed(
        self, kind, people_and_orders, reports, materialize, platform, evidence
    ):
        """A change after a refresh is in the rows of the query at once, and in the report after the next refresh."""
        people, orders = people_and_orders
        joined, name = query(people, orders), f"customers_{kind[0]}"
        if kind == "materialized view":
            materialize(SCHEMA, name, joined)

        def refresh():
            if kind == "table":
                reports(name, joined)
            else:
                platform.trino.query(f"REFRESH MATERIALIZED VIEW {SCHEMA}.{name}")

        refresh()
        before = sorted(platform.trino.query(joined))
        assert rows(platform.trino, name) == before
        assert before[1] == CUSTOMERS[1]

        people.sql(f"UPDATE {people.quoted} SET name = name || '!' WHERE customer_id = 1")
        order(orders, 1, 7)
        after = [(1, f"{before[0][1]}!", before[0][2] + 1, before[0][3] + 7.0), *before[1:]]
        eventually(lambda: sorted(platform.trino.query(joined)) == after, within=VISIBLE_WITHIN)
        assert rows(platform.trino, name) == before

        refresh()
        assert rows(platform.trino, name) == after
        shown = [dict(zip(("id", "name", "orders", "amount"), row, strict=True)) for row in (before[0], after[0])]
        evidence.table(f"a {kind} before and after its refresh", shown)

    @pytest.mark.claim("rdp-10")
    def test_refresh_of_a_materialized_view_grows_slower(self, materialize, reports, lake, evidence):
        """A refresh of a materialized view waits for deleted files of earlier refreshes; that of a table does not."""
        materialize(SCHEMA, "slower", PEOPLE)

        def seconds(refresh):
            begun = time.monotonic()
            refresh()
            return round(time.monotonic() - begun, 1)

        times = {
            "materialized view": [
                seconds(lambda: lake.query(f"REFRESH MATERIALIZED VIEW {SCHEMA}.slower")) for _ in range(3)
            ],
            "table": [seconds(lambda: reports("replaced", PEOPLE)) for _ in range(3)],
        }

        assert times["materialized view"][2] > times["materialized view"][0] + 15
        assert times["table"][2] < times["materialized view"][2] / 2
        evidence.json("seconds of one refresh after the other", times)

    @pytest.mark.claim("rdp-10")
    def test_report_is_refreshed_while_orders_come_in(self, people_and_orders, reports, platform):
        """A refreshed report has at least the orders that its query had, and no reader sees fewer than before."""
        _, orders = people_and_orders
        written, read = [], []
        total = f"SELECT count(*) AS orders FROM hive.views.{orders.quoted} WHERE customer_id = 9"

        def write():
            order(orders, 9, 1)
            written.append(1)

        def look():
            read.extend(rows(platform.trino, "total"))

        reports("total", total)
        with repeating(write), repeating(look):
            for _ in range(5):
                [(shown,)] = platform.trino.query(total)
                reports("total", total)
                [(counted,)] = rows(platform.trino, "total")
                assert shown <= counted <= len(written) + 1  # one may be written and not yet counted here
        eventually(lambda: platform.trino.query(total) == [(len(written),)], within=VISIBLE_WITHIN)
        reports("total", total)

        assert rows(platform.trino, "total") == [(len(written),)]
        assert read == sorted(read)
        assert len(set(read)) > 1

    @pytest.mark.claim("rdp-10")
    def test_failed_refresh_keeps_the_rows(self, reports, lake):
        """One query fails at its last row, and Trino refuses the others."""
        assert reports("kept", PEOPLE) == 2
        late = f"{PEOPLE} UNION ALL SELECT 3, CAST(fail('too late') AS varchar)"

        with pytest.raises(Refused, match="too late"):
            reports("kept", late)
        with pytest.raises(NotFound, match="no_such"):
            reports("kept", "SELECT * FROM hive.views.no_such")
        with pytest.raises(Refused, match="json"):
            reports("kept", "SELECT json_parse('1') AS value")
        assert rows(lake, "kept") == [(1, "Fasih"), (2, "Alice")]

    def test_text_of_an_exact_view_is_refused(self, people_and_orders, platform):
        """The text names the snapshot of a base, which the next compaction replaces."""
        people, _ = people_and_orders

        with pytest.raises(BadInput, match="read the view by its name"):
            report_sql("stale", platform.trino.view("hive", "views", people.name))
