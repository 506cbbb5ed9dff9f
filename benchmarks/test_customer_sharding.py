"""The cost of sharding: throughput beside the published way and beside one database; route lookups by customers."""

import contextlib
import json
import random
import time
from functools import cache, partial

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from fixtures.load import Target
from fixtures.measure import Timed
from fixtures.serving import Served
from reference.customer_sharding.credentials import Credentials, Flavor
from reference.customer_sharding.requests.routes import Route, Routes
from reference.customer_sharding.service.store import Store
from scenarios.customer_sharding import published

SERVERS = dict(zip(published.CUSTOMERS, ("first", "second", "third"), strict=True))
SERVICES = {
    "published": "scenarios.customer_sharding.published:create_app()",
    "published sharding service": "scenarios.customer_sharding.published:create_sharding_service()",
    "sharding service": "reference.customer_sharding.service:create_app()",
    "sharded": "benchmarks.services:create_sharded()",
    "fixed": "benchmarks.services:create_fixed()",
}
THREADS = 16
NUMBERS = [10, 1000, 100_000]  # of customers
TOKEN = "token-of-an-application"
# The published way connects as superuser to the database `postgres`; ours as an ordinary user to a database of its own.
SETUP = ("CREATE ROLE app LOGIN PASSWORD 'app'", "CREATE DATABASE ours", "CREATE DATABASE fixed")
GRANTS = """GRANT SELECT, INSERT, UPDATE, DELETE ON person TO app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO app"""


DATABASE = """INSERT INTO sharding_database
    (name, host, port, "user", password, database, flavor, admin_user, admin_password, identifier_field, ready)
    VALUES ('first', 'db', 5432, 'app', 'app', 'people', 'postgres', 'owner', 'owner', 'customer_id', true)"""
PLACES = """INSERT INTO sharding_place (customer, database)
    SELECT 'customer-' || n, 'first' FROM generate_series(0, %s - 1) n"""


@pytest.fixture(scope="module")
def servers(environment):
    """Login of the three servers, by customer; each has the document's table in `postgres`, `ours` and `fixed`."""
    entries = {customer: conninfo_to_dict(environment[name].url) for customer, name in SERVERS.items()}
    with contextlib.ExitStack() as stack:
        for entry in entries.values():
            connection = stack.enter_context(psycopg.connect(**entry, autocommit=True))
            stack.callback(connection.execute, "DROP TABLE person")
            for statement in SETUP:
                connection.execute(statement)
            for database in ("postgres", "ours", "fixed"):
                with psycopg.connect(**{**entry, "dbname": database}) as each:
                    each.execute(published.TABLE)
                    each.execute(GRANTS)
        yield entries


@pytest.fixture(scope="module")
def meta(servers):
    """Create a meta database, with customers 1, 2 and 3 placed in `ours` of these servers, and return its URL."""

    def make(name, places):
        entry = servers[published.CUSTOMERS[-1]]
        with psycopg.connect(**entry, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        url = "postgresql://{user}:{password}@{host}:{port}/{name}".format(name=name, **entry)
        with contextlib.closing(Store(url)) as store:
            for customer, place in zip(published.CUSTOMERS, places, strict=True):
                where = servers[place]["host"], int(servers[place]["port"])
                owner = Credentials(*where, servers[place]["user"], servers[place]["password"], "ours", Flavor.POSTGRES)
                store.register(SERVERS[place], Credentials(*where, "app", "app", "ours", Flavor.POSTGRES), admin=owner)
                store.place(customer, SERVERS[place])
        return url

    return make


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    """Start a service that runs until the end of the module."""
    with contextlib.ExitStack() as stack:

        def start(name, **settings):
            folder = tmp_path_factory.mktemp(name.replace(" ", "-"))
            return stack.enter_context(contextlib.closing(Served(SERVICES[name], folder, settings, threads=THREADS)))

        yield start


@pytest.fixture(scope="module")
def api(serve):
    """Start a service in API mode, together with the sharding service that it asks."""

    def start(name, sharding_service, token="", **settings):
        sharding_service = serve(sharding_service, **settings)
        variables = {
            "SHARDING_MODE": "api",
            "SHARDING_IDENTIFIER_FIELD": "customer_id",
            "SHARDING_POOL_SIZE": str(THREADS),
        }
        variables |= {"SHARDING_API_ENDPOINT": sharding_service.url, "SHARDING_API_TOKEN": token}
        return serve(name, **variables, PGHOSTADDR="127.0.0.1")

    return start


@pytest.fixture(scope="module")
def sharded(api, meta):
    url = meta("three", published.CUSTOMERS)
    return api("sharded", "sharding service", TOKEN, SHARDING_META=url, SHARDING_SERVICE_TOKENS=TOKEN)


@pytest.fixture(scope="module")
def sharded_in_one(api, meta):
    """The sharded service with all three customers in one database."""
    url = meta("one", [published.CUSTOMERS[0]] * 3)
    return api("sharded", "sharding service", TOKEN, SHARDING_META=url, SHARDING_SERVICE_TOKENS=TOKEN)


@pytest.fixture(scope="module")
def as_published(api, servers):
    ports = {customer: int(entry["port"]) for customer, entry in servers.items()}
    return api("published", "published sharding service", PORTS=json.dumps(ports))


@pytest.fixture(scope="module")
def fixed(serve, servers):
    entry = next(iter(servers.values()))
    place = {"HOST": entry["host"], "PORT": entry["port"], "DATABASE": "fixed", "USER": "app", "PASSWORD": "app"}
    return serve("fixed", **place, THREADS=str(THREADS))


@pytest.fixture
def under_load(sizes, loads):
    """Put a service under the document's load, three customers at once, and return the seconds it took."""
    requests, at_once = {"smoke": (20, 4), "gate": (80, 20)}.get(sizes, (published.REQUESTS, published.AT_ONCE))

    def load(service, latencies):
        targets = [Target(f"{service.url}/person/{each}", {"X-Customer-ID": each}) for each in published.CUSTOMERS]
        done = loads(targets, requests=requests, at_once=at_once)
        for name in ("p50_ms", "p99_ms"):
            latencies.setdefault(name, []).append(max(getattr(each, name) for each in done))
        assert [each.refused for each in done] == [0, 0, 0]
        return Timed(max(each.seconds for each in done), sum(each.complete - each.failed for each in done))

    return load


def test_throughput_against_the_published_way(versus, under_load, sharded, as_published):
    ours, theirs = {}, {}
    versus(
        partial(under_load, sharded, ours),
        partial(under_load, as_published, theirs),
        rounds=3,
        warmup=1,
        memory=False,
        facts={"latencies": {"ours": ours, "other": theirs}},
    )


def test_throughput_against_one_fixed_database(versus, under_load, sharded_in_one, fixed):
    ours, theirs = {}, {}
    versus(
        partial(under_load, sharded_in_one, ours),
        partial(under_load, fixed, theirs),
        rounds=9,
        warmup=1,
        memory=False,
        facts={"latencies": {"ours": ours, "other": theirs}},
    )


@pytest.fixture(scope="module")
def known():
    """`known(number)` returns a route cache that holds this number of routes, and its customers."""

    @cache
    def known(number):
        somewhere = Credentials("db", 5432, "app", "app", "people", Flavor.POSTGRES)
        routes = Routes(lambda customer: Route(customer, somewhere, 1), expiry=3600)
        customers = [f"customer-{each}" for each in range(number)]
        for customer in customers:
            routes.of(customer)
        return routes, customers

    return known


def test_a_known_route_by_the_number_of_customers(growth, known):
    """Look up the same ten routes in tables of growing size, so that the processor's caches do not matter."""

    def ten_of(number):
        routes, customers = known(number)
        return routes, random.Random(number).sample(customers, k=10) * 1000

    for number in NUMBERS:
        routes, customers = ten_of(number)
        assert [routes.of(each).customer for each in customers[:10]] == customers[:10]
    growth(lookups, NUMBERS, setup=ten_of, rounds=9)


def test_a_known_route_of_a_customer_who_was_long_away(record, known):
    """Look up all 100,000 in turn, so that each lookup misses the processor's caches. Recorded, without a bound."""
    routes, customers = known(NUMBERS[-1])
    shuffled = random.Random(0).sample(customers, k=len(customers))
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        lookups((routes, shuffled))
        seconds.append((time.perf_counter() - start) / len(shuffled))
    record(seconds)


def lookups(given):
    routes, asked = given
    return [routes.of(customer).epoch for customer in asked]


def test_a_route_asked_for_by_the_number_of_customers(growth, servers):
    """Look up routes in the meta database, for a growing number of customers."""
    entry = next(iter(servers.values()))
    with contextlib.ExitStack() as stack:
        administration = stack.enter_context(psycopg.connect(**entry, autocommit=True))

        def store_of(number):
            administration.execute(f"CREATE DATABASE meta_{number}")
            url = "postgresql://{user}:{password}@{host}:{port}/meta_{number}".format(number=number, **entry)
            store = stack.enter_context(contextlib.closing(Store(url)))
            with psycopg.connect(url) as connection:
                connection.execute(DATABASE)
                connection.execute(PLACES, [number])
            return store, [f"customer-{each}" for each in random.Random(number).choices(range(number), k=100)]

        def asked(given):
            store, customers = given
            return [store.route(customer).epoch for customer in customers]

        stores = cache(store_of)  # a second measurement reuses the stores of the first
        for number in (NUMBERS[0], NUMBERS[-1]):
            store, customers = stores(number)
            assert [store.route(each).customer for each in customers] == customers
        growth(asked, [NUMBERS[0], NUMBERS[-1]], setup=stores, rounds=9)
