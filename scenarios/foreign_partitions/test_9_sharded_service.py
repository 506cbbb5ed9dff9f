"""The sharded service of the previous document, unchanged: one customer's database has the base table."""

import contextlib
from dataclasses import asdict

import pytest

from scenarios.customer_sharding.databases import Database
from scenarios.customer_sharding.services.processes import PersonService, PublishedShardingService
from scenarios.foreign_partitions import published

REQUESTS, AT_ONCE = 400, 20
# The service knows of no quarter; the base table gives each row one, in turn, so that all partitions get their share.
QUARTERS = """
CREATE SEQUENCE quarters;
ALTER TABLE person ALTER quarter SET DEFAULT 1 + nextval('quarters') % 4
"""


@pytest.fixture(params=["published", "corrected"])
def table(made, request):
    """The table over two servers, as the document sets it up and as the library does."""
    table = made(request.param)
    table.first.execute(QUARTERS)
    return table


@pytest.fixture
def neighbour(environment):
    """The database of another customer, 1, with an ordinary table."""
    with contextlib.closing(Database(environment["neighbour"])) as database:
        yield database


@pytest.fixture
def services(servers, neighbour, tmp_path):
    """The sharding service, which knows where each customer is, and the service, which asks it."""
    ports = {published.CUSTOMER_ID: servers.first.address().port, "1": neighbour.running.address().port}
    with contextlib.ExitStack() as stack:
        sharding = stack.enter_context(contextlib.closing(PublishedShardingService(tmp_path, ports)))
        settings = {"SHARDING_MODE": "api", **sharding.settings}
        yield sharding, stack.enter_context(contextlib.closing(PersonService(tmp_path, "corrected", settings)))


@pytest.mark.claim("fdw-3")
def test_sharded_service_runs_unchanged(table, services, neighbour, loads, evidence):
    sharding, service = services

    done = loads(
        [service.target(customer) for customer in (published.CUSTOMER_ID, "1")], requests=REQUESTS, at_once=AT_ONCE
    )

    evidence.table("the loads", [asdict(each) for each in done])
    evidence.table("rows", [{"partition": leaf, "rows": rows} for leaf, rows in table.leaves().items()])
    assert [(each.complete, each.failed, each.refused) for each in done] == [(REQUESTS, 0, 0)] * 2
    assert sorted(sharding.asked_for()) == ["/write/1", "/write/4"]
    assert table.rows("SELECT count(*), min(customer_id), max(customer_id) FROM person") == [(REQUESTS, "4", "4")]
    assert table.leaves() == {f"person_{number}": REQUESTS // 4 for number in range(4)}
    assert neighbour.customers() == {"1": REQUESTS}
    people = service.people(published.CUSTOMER_ID)
    assert len({person["id"] for person in people}) == REQUESTS
    assert {person["customer_id"] for person in people} == {"4"}
