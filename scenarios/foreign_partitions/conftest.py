"""Fixtures of the scenario: empty servers, the table published and corrected, the service, query plans, clients."""

import contextlib
import threading
from dataclasses import replace
from types import SimpleNamespace

import psycopg
import pytest

from fixtures.serving import Served
from fixtures.waiting import eventually
from reference.foreign_partitions import Deployment, Partition, Server
from scenarios.foreign_partitions.plans import explained
from scenarios.foreign_partitions.table import EMPTY, WAYS, describe, endpoint
from scenarios.foreign_partitions.writing import Clients

FILL = """
INSERT INTO person (quarter, name, address, customer_id)
SELECT 1 + n % 40, 'Ada', n, '4' FROM generate_series(1, 400) n
"""


@pytest.fixture
def servers(environment):
    """The first server and the second, empty."""
    servers = SimpleNamespace(first=environment["first"], second=environment["second"])
    for server in vars(servers).values():
        with psycopg.connect(server.url, autocommit=True) as connection:
            # Sessions of killed clients may still hold locks on what is to be dropped.
            connection.execute(
                """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"""
            )
            connection.execute("SET client_min_messages = warning")
            connection.execute(EMPTY)
    return servers


@pytest.fixture
def made(servers):
    """Return a function that sets the table up, published or corrected."""
    with contextlib.ExitStack() as stack:

        def make(way):
            table = WAYS[way](servers.first, servers.second)
            stack.callback(table.close)
            return table

        yield make


@pytest.fixture
def table(made, way):
    """The table, set up the way that the test shows."""
    return made(way)


@pytest.fixture
def service(servers, tmp_path):
    """The address of the service, which knows the address of the first server only."""
    application = "scenarios.foreign_partitions.application:create_app()"
    with contextlib.closing(Served(application, tmp_path, {"DATABASE": servers.first.url})) as service:
        yield service.url


@pytest.fixture
def plan(evidence):
    """The plan of a statement, kept as evidence."""

    def plan(title, connection, statement, parameters=()):
        found = explained(connection, statement, parameters)
        evidence.json(title, found)
        return found

    return plan


@pytest.fixture
def background():
    """Run work in a thread; `result` returns its error, or None."""
    threads = []

    def start(work, *arguments):
        outcome = SimpleNamespace(error=None)

        def run():
            try:
                work(*arguments)
            except Exception as error:  # noqa: BLE001 returned to the test
                outcome.error = error

        thread = threading.Thread(target=run)
        threads.append(thread)
        thread.start()

        def result(within):
            thread.join(within)
            assert not thread.is_alive(), f"not done within {within} s"
            return outcome.error

        return SimpleNamespace(result=result)

    yield start
    for thread in threads:
        thread.join(30)


@pytest.fixture
def waited():
    """Wait for a condition under load, with the time limit for a slow machine."""
    return lambda condition: eventually(condition, within=30)


@pytest.fixture
def gate(servers):
    """Hold a commit on the second server, by a deferred trigger that waits for a lock.

    `shut(leaf)` begins to hold commits, `reached()` waits until one is held, `open()` lets it continue.
    """
    key = 9
    with psycopg.connect(servers.second.url, autocommit=True) as holder:

        def shut(leaf):
            holder.execute(
                f"""CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
                'BEGIN PERFORM pg_advisory_xact_lock_shared({key}); RETURN NULL; END';
                CREATE CONSTRAINT TRIGGER gate AFTER INSERT ON {leaf} DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION hold();
                SELECT pg_advisory_lock({key})"""
            )

        def waiting():
            query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            return holder.execute(query).fetchone()[0]

        def reached():
            eventually(waiting, within=10, message="a commit on the second server stands before the gate")

        def open_():
            holder.execute("SELECT pg_advisory_unlock(%s)", [key])
            eventually(lambda: not waiting(), within=10)
            # What stood before the gate has committed when its transaction is over.
            active = """SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'
                AND state <> 'idle' AND pid <> pg_backend_pid()"""
            eventually(lambda: not holder.execute(active).fetchone()[0], within=10)

        yield SimpleNamespace(shut=shut, reached=reached, open=open_)


@pytest.fixture
def third(environment):
    """A third server, empty."""
    third = environment["third"]
    with psycopg.connect(third.url, autocommit=True) as connection:
        connection.execute("SET client_min_messages = warning")
        connection.execute(EMPTY)
    return third


@pytest.fixture
def larger(servers, third):
    """The table's description with eight partitions on three servers: the base has two, the others three each."""
    person = describe(servers.first, servers.second)
    reached = third.address()
    server = Server("postgres_6", endpoint(third, third.peer_address("sql")), reached=(reached.host, reached.port))
    homes = [None, None, "postgres_5", "postgres_5", "postgres_6", "postgres_6", "postgres_6", "postgres_5"]
    return replace(
        person,
        partitions=[Partition(f"person_{n}_of_8", home) for n, home in enumerate(homes)],
        servers=[*person.servers, server],
    )


@pytest.fixture
def filled(made):
    """The table with four partitions on two servers, and 400 rows."""
    table = made("corrected")
    table.first.execute(FILL)
    return table


@pytest.fixture
def clients(filled, servers):
    """Clients that write and read until the block ends, and know only the old description."""
    settled = dict(filled.rows("SELECT id, quarter FROM person"))
    return Clients(servers.first.url, filled.description, settled)


@pytest.fixture
def sound(filled, clients, larger, evidence):
    """Assert that what was acknowledged to the clients is there, in the described partitions."""

    def sound():
        evidence.json("operations that were acknowledged meanwhile", clients.operations)
        assert clients.errors == []
        assert clients.judge(filled) == {}
        with Deployment(larger) as deployment:
            report = deployment.verify()
        assert report.sound, report
        assert set(report.rows) == {each.name for each in larger.partitions}

    return sound
