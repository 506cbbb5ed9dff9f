"""Customers with several tables move while something fails in each move; a checker that knows no mover looks at all."""

import contextlib
import os
import random
import sys

import psycopg
import pytest
from hypothesis import settings

from fixtures.faults import Found, check_writes
from fixtures.serving import Served
from scenarios.customer_sharding.clients import Clients
from scenarios.customer_sharding.moves.random_faults import RandomFaults
from scenarios.customer_sharding.services.accounts import TABLES, VISITS
from scenarios.customer_sharding.sharded import SETTINGS

LONG = settings().max_examples > 1000  # HYPOTHESIS_PROFILE=soak
ROUNDS = 200 if LONG else 10
# CUSTOMER_SHARDING_SEED repeats a run; CI takes the same one each time.
SEED = int(os.environ.get("CUSTOMER_SHARDING_SEED") or (4 if settings().derandomize else random.randrange(10**6)))
PAUSE = 0.05  # seconds: the movers need the processor, too
PEOPLE = "SELECT customer_id, name, address, id FROM person"
CHILDREN = "SELECT customer_id, person_id, address FROM visit"
LABELS = "SELECT customer_id, name, address FROM label"


@pytest.fixture
def accounts(standing, command, tmp_path):
    """The URL of the service with several tables, which all databases have."""
    for name, database in standing.databases.items():
        database.connection.execute(TABLES)
        assert command("prepare", name)[0] == 0
    environment = {**SETTINGS, **standing.sharding_service.settings, "SHARDING_ANSWER_TIMEOUT": "3"}
    application = "scenarios.customer_sharding.services.accounts:create_app()"
    with contextlib.closing(Served(application, tmp_path, environment, workers=2)) as served:
        yield served.url


@pytest.fixture
def whole(standing):
    """Read all people with their address; `torn` where a person's rows do not have one address, or some are missing."""

    def whole():
        found, strays = [], []
        for place, database in standing.databases.items():
            with psycopg.connect(database.url) as connection:
                people, visits, labels = (connection.execute(each).fetchall() for each in (PEOPLE, CHILDREN, LABELS))
            addresses = {}
            for customer, person, address in visits:
                addresses.setdefault((customer, person), []).append(address)
            named = {(customer, name): address for customer, name, address in labels}
            for customer, name, address, person in people:
                rows = addresses.pop((customer, person), [])
                label = named.pop((customer, name), None)
                # People of before the clients, and of long requests, have no other rows.
                complete = (rows == [address] * VISITS and label == address) or (not rows and label is None)
                found.append(Found([customer, name], address if complete else f"torn: {rows}, {label}", place))
            strays += [(place, *each) for each in (*addresses, *named)]
        assert not strays, "rows without their person"
        return found

    return whole


@pytest.mark.claim("shard-18")
@pytest.mark.timeout(7200 if LONG else 300)
def test_moves_survive_random_faults(sharded, standing, accounts, command, whole, evidence):
    """Rows of all tables are where their customer is, each acknowledged write among them, and no read was stale."""
    sys.stderr.write(f"CUSTOMER_SHARDING_SEED={SEED}\n")
    customers = sharded.place("first", "second")
    urls = {**{name: each.url for name, each in standing.databases.items()}, "meta": standing.meta}
    faults = RandomFaults(SEED, sharded, standing.servers, urls, command)

    try:
        with Clients(accounts, sharded.journal, customers, certain=False, pause=PAUSE) as clients:
            clients.go_on()
            for number in range(ROUNDS):
                faults.round(customers[number % len(customers)])
                clients.go_on(within=60)
    finally:
        evidence.table(f"rounds of seed {SEED}", faults.rounds)

    places = dict(zip(customers, sharded.whereabouts(*customers), strict=True))
    writes = check_writes(sharded.journal.entries(), whole(), place=lambda key: places[key[0]])
    reads = sharded.judged_reads()
    evidence.text("findings", f"writes {writes}\nreads {reads}")
    writes.require()
    reads.require()
