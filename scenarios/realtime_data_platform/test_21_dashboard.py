"""Superset over the exact view: its dashboard by the API, the rows of its charts, a reader, the page in a browser."""

import pytest
import yaml

from fixtures.waiting import eventually
from reference.realtime_data_platform.clients.superset import Superset
from reference.realtime_data_platform.errors import NotFound, NotOurs, Refused, Unreachable
from reference.realtime_data_platform.operation.dashboards import (
    apply_dashboard,
    apply_reader,
    dashboard_of,
    remove_dashboard,
)
from reference.realtime_data_platform.view.dashboard import DATABASE, Dashboard, files
from reference.realtime_data_platform.view.dashboard_layout import filter_id
from scenarios.realtime_data_platform import published
from scenarios.realtime_data_platform.command import data_platform
from scenarios.realtime_data_platform.superset_user import SupersetUser, plain

CHOSEN = {"time": "placed", "by": "customer_id", "amount": "amount"}
# The first order is a microsecond before January, and the last one exactly at its end: both are outside of it.
ORDERS = [
    (1, "2025-12-31T23:59:59.999999Z", 640),
    (1, "2026-01-01T00:00:00Z", 790),
    (2, "2026-01-02T03:04:05.678901Z", 770),
    (3, "2026-02-01T00:00:00Z", 810),
]
JANUARY = "2026-01-01T00:00:00 : 2026-02-01T00:00:00"
IN_JANUARY = "WHERE placed >= TIMESTAMP '2026-01-01 00:00:00 UTC' AND placed < TIMESTAMP '2026-02-01 00:00:00 UTC'"
CHARTS = ("table", "line", "bar")
READER, READERS_PASSWORD = "reader", "documents-for-a-reader"
SHOWN_WITHIN = 60  # an open page asks every ten seconds


@pytest.fixture(scope="module")
def superset_server(environment):
    """Superset, which runs only for these tests."""
    yield environment["superset"]
    environment.stop("superset")


@pytest.fixture(scope="module")
def client(superset_server):
    """The library's client of Superset, as the administrator."""
    return Superset(superset_server.url, superset_server.service.user, superset_server.service.password)


@pytest.fixture(scope="module")
def peer(trino):
    """Trino's address, as Superset reaches it."""
    return str(trino.peer_address("http"))


@pytest.fixture(scope="module")
def orders(make_pipeline):
    """The pipeline of orders around January."""
    pipeline = make_pipeline("order_shown", ddl=published.ORDER_DDL)
    for order in ORDERS:
        insert(pipeline, *order)
    return pipeline.start("corrected", people=[])


@pytest.fixture(scope="module")
def dashboard(orders, client, platform, peer):
    """The dashboard of the orders, after it was created in Superset."""
    described = dashboard_of(platform.trino, orders.name, **CHOSEN)
    apply_dashboard(client, described, trino=peer)
    yield described
    remove_dashboard(client, described)
    client.request("DELETE", f"database/{client.database(DATABASE)['id']}")


@pytest.fixture(scope="module")
def admin(superset_server):
    """An API client of the tests, logged in as the administrator."""
    return SupersetUser(superset_server, superset_server.service.user, superset_server.service.password)


@pytest.fixture(scope="module")
def reader(superset_server, admin, client, dashboard):
    """An API client of the tests, logged in as a user whose only role is the library's role for readers."""
    apply_reader(client, dashboard, "reads orders")
    admin.make_user(READER, READERS_PASSWORD, "reads orders")
    return SupersetUser(superset_server, READER, READERS_PASSWORD)


def insert(orders, customer, placed, amount):
    """Insert an order."""
    statement = f"INSERT INTO {orders.quoted} (customer_id, placed, amount) VALUES (%s, %s, %s)"
    orders.sql(statement, customer, placed, amount)


def of_view(orders, name, where=""):
    """Return the rows that a chart of the view must have, as Trino returns them now."""
    query = {
        "table": "SELECT id, customer_id, placed, amount, op FROM {}",
        "line": "SELECT date_trunc('day', placed), sum(amount) FROM {} GROUP BY 1",
        "bar": "SELECT customer_id, sum(amount) FROM {} GROUP BY 1",
    }[name]
    return plain(orders.platform.trino.query(query.format(f"(SELECT * FROM hive.views.{orders.quoted} {where})")))


@pytest.mark.claim("rdp-11")
class TestImport:
    def test_dashboard_made_again_is_the_same(self, dashboard, client, admin, peer, evidence):
        before = admin.numbers(dashboard)

        address = apply_dashboard(client, dashboard, trino=peer)

        assert address == f"{client.url}/superset/dashboard/view_{dashboard.view}/"
        assert admin.numbers(dashboard) == before
        counts = {"database": 1, "dataset": 1, "chart": 3, "dashboard": 1}
        assert {kind: admin.ask("GET", f"{kind}/")["count"] for kind in counts} == counts
        evidence.json("the numbers of what Superset has", before)

    def test_export_holds_the_files_of_the_library(self, dashboard, admin, peer, evidence):
        """Only some keys are compared, since Superset adds fields with default values and has ids of its own."""
        exported = {
            document["uuid"]: document
            for document in map(yaml.safe_load, admin.exported(dashboard).values())
            if "uuid" in document
        }
        written = [yaml.safe_load(text) for text in files(dashboard, peer).values()]

        assert {document["uuid"] for document in written[1:]} == exported.keys()
        for document in written[1:]:
            found = exported[document["uuid"]]
            for key in ("sqlalchemy_uri", "table_name", "catalog", "schema", "main_dttm_col", "viz_type", "slug"):
                assert found.get(key) == document.get(key)
        evidence.json("the files that Superset exports", sorted(admin.exported(dashboard)))

    def test_command_makes_the_dashboard_and_says_where(
        self, dashboard, client, admin, superset_server, platform, peer
    ):
        before = admin.numbers(dashboard)
        options = ["--time", "placed", "--by", "customer_id", "--amount", "amount"]
        at = ["--superset", client.url, "--trino-peer", peer]
        password = superset_server.service.password

        code, out, err = data_platform(platform, "dashboard", dashboard.view, *options, *at, "--password", password)

        assert (code, out, err) == (0, f"{client.url}/superset/dashboard/view_{dashboard.view}/\n", "")
        assert admin.numbers(dashboard) == before
        code, _, err = data_platform(platform, "dashboard", dashboard.view, *options, *at, "--password", "wrong")
        assert code == 3
        assert err.startswith(f"data-platform: Superset at {client.url} refuses the login of 'admin'")
        assert "wrong" not in err


@pytest.mark.claim("rdp-11")
class TestRefusals:
    """Each failure is reported in one sentence, before anything is changed."""

    @pytest.mark.usefixtures("lake")
    def test_view_that_is_not_there_is_named(self, platform):
        with pytest.raises(NotFound, match=r"Trino has no view hive\.views\.nobody: create it by data-platform apply"):
            dashboard_of(platform.trino, "nobody", **CHOSEN)

    def test_trino_out_of_reach_of_superset_is_named(self, dashboard, client, admin):
        before = admin.parts(dashboard)

        with pytest.raises(Refused, match=r"Superset does not reach Trino at 127\.0\.0\.1:9: .*"):
            apply_dashboard(client, dashboard, trino="127.0.0.1:9")
        assert admin.parts(dashboard) == before

    def test_superset_that_is_not_there_is_named(self, dashboard):
        nowhere = Superset("http://127.0.0.1:9", "admin", "any", patience=0.3)

        with pytest.raises(Unreachable, match=r"Superset does not answer at http://127\.0\.0\.1:9"):
            apply_dashboard(nowhere, dashboard)

    def test_dashboard_of_others_is_left_alone(self, dashboard, client, admin):
        others = Dashboard("of_others", dashboard.columns, **CHOSEN)
        theirs = {"dashboard_title": "Theirs", "slug": others.slug}
        number = admin.ask("POST", "dashboard/", json=theirs)["id"]
        try:
            with pytest.raises(NotOurs, match="a dashboard 'view_of_others' that somebody else made"):
                apply_dashboard(client, others)
            remove_dashboard(client, others)

            assert admin.ask("GET", f"dashboard/{number}")["result"]["dashboard_title"] == "Theirs"
        finally:
            admin.ask("DELETE", f"dashboard/{number}")


@pytest.mark.claim("rdp-11")
class TestCharts:
    def test_each_chart_has_the_rows_of_the_view(self, dashboard, admin, orders, evidence):
        orders.until_equal()

        shown = {name: admin.rows(dashboard, name) for name in CHARTS}

        assert shown == {name: of_view(orders, name) for name in CHARTS}
        assert [amount for *_, amount, _ in shown["table"]] == [640, 790, 770, 810]
        evidence.json("the rows of each chart", shown)

    def test_filter_by_date_limits_each_chart(self, dashboard, admin, orders):
        orders.until_equal()

        shown = {name: admin.rows(dashboard, name, JANUARY) for name in CHARTS}

        assert shown == {name: of_view(orders, name, IN_JANUARY) for name in CHARTS}
        assert shown["bar"] == [(1, 790), (2, 770)]

    def test_charts_follow_what_is_written(self, dashboard, admin, orders):
        orders.until_equal()
        before = admin.rows(dashboard, "table")
        insert(orders, 4, "2026-01-31T23:59:59.999999Z", 55)
        orders.sql(f"UPDATE {orders.quoted} SET amount = amount + 1 WHERE customer_id = 2")
        orders.sql(f"DELETE FROM {orders.quoted} WHERE customer_id = 3")
        orders.until_equal()

        shown = {name: admin.rows(dashboard, name) for name in CHARTS}

        assert shown == {name: of_view(orders, name) for name in CHARTS}
        assert shown["bar"] == [(1, 1430), (2, 771), (4, 55)]
        assert shown["table"] != before
        orders.sql(f"DELETE FROM {orders.quoted} WHERE customer_id = 4")
        orders.sql(f"UPDATE {orders.quoted} SET amount = amount - 1 WHERE customer_id = 2")
        insert(orders, *ORDERS[3])


@pytest.mark.claim("rdp-11")
class TestReader:
    def test_reader_sees_the_rows(self, reader, dashboard, orders):
        orders.until_equal()

        assert reader.rows(dashboard, "table") == of_view(orders, "table")
        assert reader.ask("GET", "dashboard/")["count"] == 1

    def test_reader_changes_nothing(self, reader, admin, dashboard, evidence):
        parts = admin.parts(dashboard)
        page, chart = parts["page"]["id"], parts["table"]["id"]
        requests = {
            ("POST", "dashboard/"): {"dashboard_title": "new"},
            ("PUT", f"dashboard/{page}"): {"dashboard_title": "another"},
            ("DELETE", f"dashboard/{page}"): None,
            ("POST", "chart/"): {"slice_name": "new", "datasource_id": 1, "datasource_type": "table"},
            ("PUT", f"chart/{chart}"): {"slice_name": "another"},
            ("DELETE", f"chart/{chart}"): None,
            ("POST", "dataset/"): {"database": parts["database"]["id"], "table_name": "person"},
            ("POST", "database/"): {"database_name": "new", "sqlalchemy_uri": "trino://trino:8080/hive"},
            ("POST", "assets/import/"): None,
            ("POST", "sqllab/execute/"): {"database_id": parts["database"]["id"], "sql": "SELECT 1"},
            ("GET", "database/"): None,
            ("GET", "security/users/"): None,
        }

        answers = {request: reader.call(*request, json=body).status_code for request, body in requests.items()}

        assert set(answers.values()) == {403}
        assert admin.parts(dashboard) == parts
        evidence.json("what a reader may not", {" ".join(request): code for request, code in answers.items()})


@pytest.mark.claim("rdp-11")
def test_superset_shows_no_key_and_no_password(superset_server, admin, reader, dashboard):
    numbers = admin.numbers(dashboard)
    paths = [
        "database/",
        f"database/{numbers['database']}",
        f"database/{numbers['database']}/connection",
        f"dataset/{numbers['dataset']}",
        f"chart/{numbers['table']}",
        "log/",
        "me/",
        "security/users/",
        "security/roles/",
    ]
    answers = [user.call("GET", path) for user in (admin, reader) for path in paths]
    assert all(answer.ok for answer in answers[: len(paths)])
    exported = admin.exported(dashboard).values()
    shown = "".join([superset_server.log(100_000), *(answer.text for answer in answers), *exported])

    key = superset_server.service.environment(superset_server.place)["SUPERSET_SECRET_KEY"]
    secrets = (key, superset_server.service.password, READERS_PASSWORD)
    assert [secret for secret in secrets if secret in shown] == []


@pytest.mark.claim("rdp-11")
class TestBrowser:
    @pytest.fixture
    def opened(self, browser, reader, dashboard):
        """Opens the page of the dashboard as the reader; the address may set the date filter."""
        page = browser.open(f"{reader.url}/login/")
        reader.enter(page)

        def open_page(address=f"{reader.url}/superset/dashboard/{dashboard.slug}/"):
            page.goto(address)
            eventually(lambda: page.locator("canvas").count() == 2, within=SHOWN_WITHIN)
            return page

        return open_page

    def test_reader_sees_charts_and_rows_of_now(self, opened, orders, evidence):
        """The page stays open while an order is changed."""
        orders.until_equal()
        page = opened()
        eventually(lambda: shown_amounts(page) == {640, 790, 770, 810}, within=SHOWN_WITHIN)
        evidence.picture("the dashboard", screenshot(page))

        orders.sql(f"UPDATE {orders.quoted} SET amount = 333 WHERE customer_id = 3")

        eventually(lambda: shown_amounts(page) == {640, 790, 770, 333}, within=SHOWN_WITHIN)
        orders.sql(f"UPDATE {orders.quoted} SET amount = 810 WHERE customer_id = 3")

    def test_filter_by_date_limits_the_page(self, opened, orders, admin, dashboard, evidence):
        orders.until_equal()

        page = opened(admin.link(dashboard, filter_id(dashboard), JANUARY))

        eventually(lambda: shown_amounts(page) == {790, 770}, within=SHOWN_WITHIN)
        evidence.picture("the dashboard, filtered to January", screenshot(page))


def shown_amounts(page):
    """Return the amounts that the table on the page has."""
    cells = set(page.locator("td").all_inner_texts())
    return {amount for amount in (*(order[2] for order in ORDERS), 333) if str(amount) in cells}


def screenshot(page):
    """Return a picture of a page whose charts have been drawn: two pictures in a row are equal."""
    pictures = [b""]

    def unchanged():
        pictures.append(page.screenshot(animations="disabled"))
        return pictures[-1] == pictures[-2]

    eventually(unchanged, within=SHOWN_WITHIN, every=0.5, message="the charts are drawn")
    return pictures[-1]
