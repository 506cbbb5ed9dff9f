"""The cost of the hop to the second server, what the planner pushes down to it, and its crash under load."""

import threading
import time
from dataclasses import replace

import pytest

from fixtures.faults import Found, Journal, Nemesis, Step, check_writes
from reference.foreign_partitions.access.rows import Rows
from reference.foreign_partitions.deploy.deployment import Deployment
from reference.foreign_partitions.description import Partition, Table
from reference.foreign_partitions.errors import PartitionUnavailable
from scenarios.foreign_partitions.plans import nodes, remote_sql, visited
from scenarios.foreign_partitions.table import BELONGS, PERSON

pytestmark = pytest.mark.claim("fdw-7")

FILL = """
INSERT INTO person (quarter, name, address, customer_id)
SELECT 1 + n %% 4, 'Ada ' || n, '12 St James''s Square', '4' FROM generate_series(1, %s) n
"""
MANY = """
INSERT INTO person (quarter, name, address, customer_id)
SELECT %s, 'Ada', '', '4' FROM generate_series(1, %s)
"""
# Seconds within which an error must report that a partition's server is down: two attempts to connect, and a margin.
REPORTED_WITHIN = 5


@pytest.fixture
def hop(made):
    """The corrected table, which sends a thousand rows at once."""
    table = made("corrected")
    batched(table, 1000)
    return table


def batched(table, rows):
    """Set the server's batch_size."""
    (server,) = table.description.servers
    table.description = replace(table.description, servers=[replace(server, batch_size=rows)])
    with Deployment(table.description) as deployment:
        deployment.apply()
        assert deployment.verify().sound


@pytest.fixture
def full(hop):
    """The table with twenty thousand rows, analyzed."""
    hop.first.execute(FILL, [20000])
    hop.first.execute("ANALYZE person")
    return hop


def quarter_two(table, count):
    """Return some ids of the second quarter, whose partition is foreign."""
    return [number for (number,) in table.rows("SELECT id FROM person WHERE quarter = 2 LIMIT %s", count)]


class TestPlans:
    def test_insert_sends_rows_in_batches(self, hop, plan):
        found = plan(
            "insert",
            hop.first,
            "INSERT INTO person_2 OVERRIDING SYSTEM VALUE SELECT n, 2, '', '', '' FROM generate_series(1, 9) n",
        )

        assert found["Batch Size"] == 1000

    def test_scans_of_foreign_partitions_are_asynchronous(self, full, plan):
        found = plan("scan", full.first, "SELECT * FROM person")

        scans = {node["Relation Name"]: node["Async Capable"] for node in nodes(found) if "Relation Name" in node}
        assert scans == {"person_0": False, "person_1": False, "person_2": True, "person_3": True}

    def test_partitions_that_cannot_match_are_pruned(self, full, plan):
        found = plan("pruned", full.first, "SELECT * FROM person WHERE quarter IN (2, 4)")

        assert visited(found) == ["person_2", "person_3"]

    def test_aggregates_are_pushed_down(self, full, plan):
        found = plan("aggregate", full.first, "SELECT quarter, count(*), max(name) FROM person GROUP BY quarter")

        sent = remote_sql(found)
        assert len(sent) == 2
        assert all("count(*)" in statement and "GROUP BY" in statement for statement in sent)

    def test_joins_of_copartitioned_tables_are_pushed_down(self, full, plan):
        visit = Table(
            "visit",
            {name: full.description.table.columns[name] for name in ("id", "quarter")},
            hash="quarter",
            identity=None,
            key=("id", "quarter"),
        )
        leaves = [Partition(f"visit_{n}", each.server) for n, each in enumerate(full.description.partitions)]
        with Deployment(replace(full.description, table=visit, partitions=leaves)) as deployment:
            deployment.apply()
        full.first.execute("INSERT INTO visit SELECT id, quarter FROM person WHERE id % 100 = 0")
        full.first.execute("ANALYZE visit")

        found = plan(
            "join", full.first, "SELECT person.name FROM person JOIN visit USING (quarter, id) WHERE quarter = 2"
        )

        (sent,) = remote_sql(found)
        assert "INNER JOIN" in sent


class TestCost:
    """Ratios on this machine, where a round trip is short: a network between the servers only adds to the hop."""

    @pytest.fixture
    def inserting(self, hop):
        """Insert rows of a quarter, some in each statement, and return their number.

        The transaction is rolled back, so that the disk time of commits is not measured.
        """

        def insert(quarter, rows, a_statement):
            with hop.first.transaction(force_rollback=True):
                return sum(hop.first.execute(MANY, [quarter, a_statement]).rowcount for _ in range(rows // a_statement))

        return insert

    @pytest.mark.parametrize(("rows", "faster"), [(10, 4), (100, 5), (1000, 5)])
    def test_batched_insert_against_row_by_row(self, rows, faster, hop, inserting, versus):
        batched(hop, rows)
        hop.first.execute("ALTER FOREIGN TABLE person_2 OPTIONS (ADD batch_size '1')")

        def batches():
            return inserting(4, 3000, a_statement=3000)

        def row_by_row():
            return inserting(2, 3000, a_statement=3000)

        versus(batches, row_by_row, faster=faster, rounds=9, warmup=1)

    def test_one_insert_statement_against_one_per_row(self, hop, inserting, versus):
        batched(hop, 100)

        def batches():
            return inserting(4, 1000, a_statement=1000)

        def row_by_row():
            return inserting(2, 1000, a_statement=1)

        versus(batches, row_by_row, faster=20, rounds=5, warmup=1)

    def test_foreign_insert_against_a_local_one(self, hop, versus):
        def foreign():
            return hop.first.execute(MANY, [2, 1]).rowcount

        def local():
            return hop.first.execute(MANY, [1, 1]).rowcount

        versus(foreign, local, slower=5)

    def test_pruned_lookup_against_the_foreign_table(self, full, versus):
        """Measures what the base table and its pruning add."""
        (number,) = quarter_two(full, 1)

        def through_the_base():
            return full.rows("SELECT * FROM person WHERE quarter = 2 AND id = %s", number)

        def by_its_name():
            return full.rows("SELECT * FROM person_2 WHERE quarter = 2 AND id = %s", number)

        versus(through_the_base, by_its_name, slower=1.5)

    # One row is asked for in five round trips (a transaction and a cursor, opened and closed) where the server asked
    # directly needs one; many rows share them.
    @pytest.mark.parametrize(("keys", "slower"), [(1, 8), (900, 3)])
    def test_pruned_lookup_against_the_remote_server(self, keys, slower, full, versus):
        ids = quarter_two(full, keys)

        def through_the_base():
            return len(full.rows("SELECT * FROM person WHERE quarter = 2 AND id = ANY(%s)", ids))

        def directly():
            query = "SELECT * FROM person_2 WHERE quarter = 2 AND id = ANY(%s)"
            return len(full.second.execute(query, [ids]).fetchall())

        versus(through_the_base, directly, slower=slower)

    def test_pushed_down_aggregate_against_a_local_one(self, full, versus):
        query = "SELECT quarter, count(*) FROM person GROUP BY quarter ORDER BY quarter"
        with full.connect() as plain:
            plain.execute("SET enable_partitionwise_aggregate = off")
            plain.execute("SET enable_async_append = off")

            def there():
                return full.rows(query)

            def here():
                return plain.execute(query).fetchall()

            versus(there, here, faster=1.5)


class Client(threading.Thread):
    """Inserts rows of a quarter one after the other, each again until it is acknowledged."""

    def __init__(self, table, journal, quarter):
        super().__init__(name=f"quarter {quarter}")
        self.quarter = quarter
        self.acknowledged = 0
        self.errors = []
        self.stop = threading.Event()
        self._table, self._journal = table, journal
        # The partitions of every second quarter lie on the second server.
        self._server = "second" if quarter % 2 == 0 else "first"

    def run(self):
        with self._table.connect() as connection:
            rows = Rows(connection, self._table.description)
            while not self.stop.is_set():
                (number,) = rows.reserve()
                while not self.insert(rows, number):
                    self.stop.wait(0.02)
                self.acknowledged += 1

    def insert(self, rows, number):
        name = f"Ada {number}"
        begun = time.monotonic()
        try:
            with self._journal.operation(self.name, "write", [number, self.quarter], name, server=self._server):
                rows.insert({**PERSON, "id": number, "quarter": self.quarter, "name": name})
        except PartitionUnavailable as error:
            self.errors.append((str(error).splitlines()[0], time.monotonic() - begun))
            return False
        return True


class TestCrash:
    def test_killed_remote_loses_no_acknowledged_row(self, hop, servers, tmp_path, waited, evidence):
        with Journal(tmp_path / "journal") as journal:
            clients = [Client(hop, journal, quarter) for quarter in BELONGS]
            local, foreign = clients[::2], clients[1::2]

            def go_on(some):
                before = [client.acknowledged for client in some]
                waited(lambda: all(c.acknowledged >= n + 20 for c, n in zip(some, before, strict=True)))

            def broken(_):
                go_on(local)
                waited(lambda: all(client.errors for client in foreign))

            for client in clients:
                client.start()
            try:
                go_on(clients)
                steps = [Step("second", "kill")]
                nemesis = Nemesis(journal, {"second": servers.second})
                nemesis.run(steps, within=10, broken=broken, healed=lambda _: go_on(clients))
            finally:
                for client in clients:
                    client.stop.set()
                for client in clients:
                    client.join(30)
            entries = journal.entries()

        there = hop.rows("SELECT id, quarter, name, tableoid::regclass::text FROM person")
        found = [Found([number, quarter], name, leaf) for number, quarter, name, leaf in there]
        findings = check_writes(entries, found, place=lambda key: BELONGS[key[1]])
        errors = [each for client in foreign for each in client.errors]
        evidence.text("findings", str(findings))
        evidence.json("errors that the application got", sorted({message for message, _ in errors}))
        evidence.json("seconds until an error, at most", max(seconds for _, seconds in errors))
        findings.require()
        assert not any(client.errors for client in local)
        assert max(seconds for _, seconds in errors) < REPORTED_WITHIN
        assert hop.misplaced() == dict.fromkeys(hop.misplaced(), 0)
