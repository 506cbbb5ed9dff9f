"""Customers under load, in databases that fail and from which they move; and how what came of it is judged."""

import contextlib
from itertools import pairwise

import psycopg

from fixtures.faults import Found, Nemesis, check_reads, check_writes
from fixtures.faults.history import operations
from fixtures.waiting import eventually
from scenarios.customer_sharding.clients import Clients
from scenarios.customer_sharding.held_commit import HeldCommit
from scenarios.customer_sharding.movers import STEPS, Mover

BEFORE = 60  # people that a customer has at first
LEASE, EXPIRY, RETRY_AFTER = 0.3, 1.0, 0.5  # seconds
SETTINGS = {
    "SHARDING_MODE": "api",
    "SHARDING_IDENTIFIER_FIELD": "customer_id",
    "SHARDING_LEASE": str(LEASE),
    "SHARDING_ROUTE_EXPIRY": str(EXPIRY),
    "SHARDING_RETRY_AFTER": str(RETRY_AFTER),
    "SHARDING_API_TIMEOUT": "0.5",
}
PATIENCE = (f"--lease={LEASE}", "--drain=0.3", "--batch=20", "--patience=30")
INSERT = "INSERT INTO person (name, address, customer_id) VALUES (%s, %s, %s)"
# A mover waits for a customer's lock, that is for its transactions under way; or has it.
LOCK = """SELECT EXISTS (
    SELECT FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE application_name = 'customer-sharding mover'
    AND locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted = %s)"""


class Sharded:
    """Customers, their clients, movers, and the journal.

    Args:
        standing: What stands for several tests: databases, the sharding service, the service of people.
        journal: The clients' operations, and the faults that were injected.
        command: Runs the command to its end.
        folder: For the movers' output.
    """

    def __init__(self, standing, journal, command, folder):
        self.journal = journal
        self._standing, self._command, self._folder = standing, command, folder
        self._databases = {name: database.url for name, database in standing.databases.items()}
        self._customers, self._movers = [], []

    def place(self, *databases):
        """Place new customers, one in each of these databases, with some people each; their identifiers."""
        return [self._place(database) for database in databases]

    def _place(self, database):
        customer = f"customer-{next(self._standing.numbers)}"
        self._standing.sharding_service.place(customer, database)
        self._customers.append(customer)
        with psycopg.connect(self._databases[database], autocommit=True) as connection:
            for each in range(BEFORE):
                with self.journal.operation(f"{customer}/before", "write", [customer, f"{each}"], "here"):
                    connection.execute(INSERT, [f"{each}", "here", customer])
        return customer

    def clients(self, *customers, **options):
        """Two clients of each customer, as long as the block lasts."""
        return Clients(self._standing.people.url, self.journal, customers, **options)

    def nemesis(self, **targets):
        """What breaks things, by their names."""
        return Nemesis(self.journal, targets)

    # Movers, and steps in which they are held

    def mover(self, customer, target, *options, successor=("resume", *PATIENCE)):
        """Start a mover; the words of the command that takes over from it are its successor's."""
        output = self._folder / f"mover {len(self._movers)}"
        words = ["move", customer, target, *PATIENCE, *options]
        self._movers.append(Mover(self._command, self._standing.meta, words, output, successor))
        return self._movers[-1]

    def close(self):
        """End the movers that are still there."""
        for mover in self._movers:
            mover.close()

    def gate(self, step):
        """A gate in the commit of a step of a move from the first to the second, as long as the block lasts."""
        where = {"meta": self._standing.meta, "source": self._databases["first"], "target": self._databases["second"]}
        url = where[step.where]
        return HeldCommit(url, step.table, step.event, step.condition)

    @contextlib.contextmanager
    def killed_in(self, step, clients, customer, *, done, **options):
        """Kill a mover of the customer, from the first to the second database, in a step; it is succeeded in the end.

        Args:
            step: Which.
            clients: Of the customer, and of others.
            customer: Who moves.
            done: Whether the server carries the step out nevertheless.
            options: Of the mover.
        """
        lead = {"acknowledge": self._to_acknowledge, "drain": self._to_drain}.get(step.name, self._to)
        clients.go_on()
        with self.gate(step) as gate:
            mover = lead(gate, clients, customer, **options)
            with self.nemesis(mover=mover).breaking("mover", "kill"):
                gate.open(committed=done)
                yield

    def _to(self, gate, clients, customer, **options):
        mover = self.mover(customer, "second", **options)
        gate.reached()
        return mover

    def _to_acknowledge(self, gate, clients, customer, **options):
        """There is something to acknowledge when clients have written since the first rows were copied."""
        with self.gate(STEPS["copy"]) as copy:
            mover = self._to(copy, clients, customer, **options)
            clients.go_on(customer, what=["write"])
            copy.open(committed=True)
            gate.reached()
        return mover

    def _to_drain(self, gate, clients, customer, **options):
        """There is something to drain when a transaction has kept the fence waiting: a late one, all others over."""
        clients.only_read(customer)
        with self.gate(STEPS["copy"]) as copy:
            mover = self._to(copy, clients, customer, **options)
            with self.late_transaction(customer) as commit:
                copy.open(committed=True)
                self.lock_awaited()
                commit()
            gate.reached()
        clients.write_again(customer)
        assert self.states(customer)["first"] == "fenced"
        return mover

    @contextlib.contextmanager
    def late_transaction(self, customer):
        """Begin a write of the customer in the first database, `late`; what is given commits it."""
        with (
            psycopg.connect(self._databases["first"]) as connection,
            self.journal.operation(f"{customer}/late", "write", [customer, "late"], "late"),
        ):
            connection.execute(INSERT, ["late", "late", customer])
            yield connection.commit

    def lock_awaited(self):
        """Wait until a mover waits for a customer's transactions in the first database."""
        self._lock(granted=False)

    def lock_had(self):
        """Wait until a mover has a customer's lock in the first database."""
        self._lock(granted=True)

    def _lock(self, *, granted):
        with psycopg.connect(self._databases["first"], autocommit=True) as connection:
            eventually(lambda: connection.execute(LOCK, [granted]).fetchone()[0], within=30, every=0.01)

    # What came of it

    def whereabouts(self, *customers):
        """In which database each is, by the meta database."""
        answers = [self._standing.sharding_service.ask("GET", f"/customers/{customer}") for customer in customers]
        return [answer.json()["database"] for answer in answers]

    def states(self, customer):
        """State of a customer by database, as its guard has it."""
        query = "SELECT state FROM sharding_customer WHERE customer = %s"
        return {name: state for name, url in self._databases.items() for (state,) in _rows(url, query, [customer])}

    def judged(self):
        """Judge the journal's writes by what is in all databases."""
        query = "SELECT customer_id, name, address FROM person WHERE customer_id = ANY(%s)"
        found = [
            Found([customer, name], address, database)
            for database, url in self._databases.items()
            for customer, name, address in _rows(url, query, [self._customers])
        ]
        places = dict(zip(self._customers, self.whereabouts(*self._customers), strict=True))
        return check_writes(self.journal.entries(), found, place=lambda key: places[key[0]])

    def judged_reads(self):
        """Judge the journal's reads: none may be older than what was acknowledged before it was sent."""
        return check_reads(self.journal.entries())

    def longest_wait(self, customer):
        """The longest that the customer had no write acknowledged, in seconds."""
        writes = [each for each in operations(self.journal.entries()) if each.op in ("write", "delete")]
        ends = sorted(each.end_ns for each in writes if each.state == "ok" and each.key[0] == customer)
        return max(later - earlier for earlier, later in pairwise(ends)) / 1e9


def _rows(url, statement, values):
    with psycopg.connect(url) as connection:
        return connection.execute(statement, values).fetchall()
