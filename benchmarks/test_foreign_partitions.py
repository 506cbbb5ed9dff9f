"""The cost of the hop to a foreign partition: inserts in batches, lookups, aggregates over two servers."""

import contextlib
from types import SimpleNamespace

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from reference.foreign_partitions.access.direct import DirectRows
from reference.foreign_partitions.deploy.deployment import Deployment
from reference.foreign_partitions.description import Column, Description, Endpoint, Partition, Secret, Server, Table

ROWS = 20_000
# By quarter, 1 to 4: the partitions of the second and the fourth are foreign.
FILL = "INSERT INTO person (quarter, name) SELECT 1 + n %% 4, 'Ada ' || n FROM generate_series(1, %s) n"
MANY = "INSERT INTO {table} (quarter, name) SELECT %s, 'Ada' FROM generate_series(1, %s)"
AGGREGATE = "SELECT quarter, count(*) FROM person GROUP BY quarter ORDER BY quarter"


def endpoint(running, address):
    parameters = conninfo_to_dict(running.url)
    return Endpoint(
        address.host, address.port, parameters["dbname"], parameters["user"], Secret(parameters["password"])
    )


def described(first, second, name, address, batch_size=100):
    """Describe a table with four partitions, two on the first server and two on the second.

    The first server reaches the second one at `address`, this process at the second's own address.
    """
    reached = second.address()
    remote = Server(
        f"there_{name}", endpoint(second, address), reached=(reached.host, reached.port), batch_size=batch_size
    )
    columns = {"id": Column("bigint"), "quarter": Column("bigint"), "name": Column("text")}
    places = [None, None, remote.name, remote.name]
    return Description(
        base=endpoint(first, first.address()),
        table=Table(name, columns, hash="quarter", identity="id", key=("id",)),
        partitions=[Partition(f"{name}_{number}", place) for number, place in enumerate(places)],
        servers=[remote],
    )


@contextlib.contextmanager
def deployed(description, url):
    """Deploy a description, and yield an autocommit connection to the server that applications use.

    Rows go to one of the two foreign partitions one by one, to the other in batches.
    """
    with Deployment(description) as deployment:
        deployment.apply()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER FOREIGN TABLE {description.table.name}_2 OPTIONS (ADD batch_size '1')")
        yield connection


@pytest.fixture(scope="module")
def servers(environment):
    """Connections to two servers that have a table of 20,000 rows, and its `description`.

    `first` is the server that applications use, `plain` the same without asynchronous scans and partitionwise
    aggregates, `second` the server of the foreign partitions.
    """
    first, second = environment["first"], environment["second"]
    description = described(first, second, "person", second.peer_address())
    with (
        deployed(description, first.url) as here,
        psycopg.connect(first.url, autocommit=True) as plain,
        psycopg.connect(second.url, autocommit=True) as direct,
    ):
        here.execute(FILL, [ROWS])
        here.execute("ANALYZE person")
        for setting in ("enable_partitionwise_aggregate", "enable_async_append"):
            plain.execute(f"SET {setting} = off")
        yield SimpleNamespace(first=here, plain=plain, second=direct, description=description)


@pytest.fixture
def distant(environment):
    """A connection to the first server, with partitions of `traveller` behind a latency of one millisecond."""
    first, far = environment["first"], environment["far"]
    address = environment["toxiproxy"].peer_address("far:sql")
    # The longer the way, the larger the batches that pay.
    with deployed(described(first, far, "traveller", address, batch_size=500), first.url) as connection:
        far.slow(0.001)
        yield connection
        far.mend()


def inserted(connection, table, quarter, rows, a_statement):
    """Insert rows of a quarter, so many in a statement, and roll back, so that no commit's disk time is measured."""
    statement = MANY.format(table=table)
    with connection.transaction(force_rollback=True):
        return sum(connection.execute(statement, [quarter, a_statement]).rowcount for _ in range(rows // a_statement))


def same_rows(connection, table, rows, a_statement):
    """Assert that what is inserted in a batch and row by row is the same."""
    found = []
    for quarter, at_once in ((4, rows), (2, a_statement)):
        with connection.transaction(force_rollback=True):
            for _ in range(rows // at_once):
                connection.execute(MANY.format(table=table), [quarter, at_once])
            query = f"SELECT count(*), count(DISTINCT id) FROM {table} WHERE quarter = %s AND name = 'Ada'"
            found += connection.execute(query, [quarter]).fetchall()
    assert found == [(rows, rows)] * 2


def test_batches_against_row_by_row(sizes, versus, distant):
    rows = 100 if sizes == "smoke" else 1000
    same_rows(distant, "traveller", rows, rows)

    def insert(quarter):
        return lambda: inserted(distant, "traveller", quarter, rows, rows)

    versus(insert(4), insert(2), rounds=9, facts={"rows": rows, "seconds_away": 0.001})


def test_one_statement_against_a_statement_a_row(sizes, versus, servers):
    rows = 100 if sizes == "smoke" else 1000
    same_rows(servers.first, "person", rows, 1)
    versus(
        lambda: inserted(servers.first, "person", 4, rows, rows),
        lambda: inserted(servers.first, "person", 2, rows, 1),
        rounds=9,
        facts={"rows": rows},
    )


def test_insert_against_a_local_one(versus, servers):
    def insert(quarter):
        return lambda: servers.first.execute(MANY.format(table="person"), [quarter, 1]).rowcount

    versus(insert(2), insert(1), rounds=15)
    there = servers.second.execute("SELECT count(*), count(DISTINCT id) FROM person_2").fetchall()
    assert there == servers.first.execute("SELECT count(*), count(*) FROM person WHERE quarter = 2").fetchall()


@pytest.fixture
def person(servers):
    """The id of a row of the second quarter."""
    return servers.first.execute("SELECT id FROM person WHERE quarter = 2 LIMIT 1").fetchone()[0]


def asking(connection, table, person):
    """Return a function that looks a person up in a table."""
    query = f"SELECT * FROM {table} WHERE quarter = 2 AND id = %s"
    return lambda: connection.execute(query, [person]).fetchall()


def test_pruned_lookup_against_the_foreign_table(versus, servers, person):
    versus(asking(servers.first, "person", person), asking(servers.first, "person_2", person), rounds=15)


def test_pruned_lookup_against_the_server_itself(versus, servers, person):
    versus(asking(servers.first, "person", person), asking(servers.second, "person_2", person), rounds=15)


def test_lookup_past_the_base_against_the_server_itself(versus, servers, person):
    """Look up by the library, which asks the server that has the row and returns rows as dicts."""
    with DirectRows(servers.first, servers.description) as direct:

        def past_the_base():
            return [tuple(row.values()) for row in direct.find(quarter=2, id=person)]

        # Both ways use one connection: the wake-up time of another backend process would disturb the comparison.
        server = direct.connection(direct.partition(2).server)
        versus(past_the_base, asking(server, "person_2", person), rounds=15)


def test_aggregate_against_one_computed_here(versus, servers):
    versus(
        lambda: servers.first.execute(AGGREGATE).fetchall(),
        lambda: servers.plain.execute(AGGREGATE).fetchall(),
        rounds=15,
        facts={"rows": ROWS},
    )
