"""Customers under load that move between databases that fail, and the checks of the outcome."""

import contextlib
from itertools import pairwise

import psycopg

from fixtures.faults import Found, Nemesis, check_reads, check_writes
from fixtures.faults.history import operations
from fixtures.waiting import eventually
from scenarios.customer_sharding.clients import Clients
from scenarios.customer_sharding.moves.held_commit import HeldCommit
from scenarios.customer_sharding.moves.movers import STEPS, Mover

BEFORE = 60  # people of a customer at the start
LEASE, EXPIRY, RETRY_AFTER = 0.2, 1.0, 0.5  # seconds
SETTINGS = {
    "SHARDING_MODE": "api",
    "SHARDING_IDENTIFIER_FIELD": "customer_id",
    "SHARDING_LEASE": str(LEASE),
    "SHARDING_ROUTE_EXPIRY": str(EXPIRY),
    "SHARDING_RETRY_AFTER": str(RETRY_AFTER),
    "SHARDING_API_TIMEOUT": "0.5",
}
PATIENCE = ("--batch=20", "--patience=30")
SECONDS = (f"--lease={LEASE}", "--drain=0.2")
FENCE_LIMIT = 6  # seconds, of movers that are given `--fence-limit`
INSERT = "INSERT INTO person (name, address, customer_id) VALUES (%s, %s, %s)"
# Whether a mover holds a customer's exclusive lock, or waits for it (that is, for the customer's open transactions).
LOCK = """SELECT EXISTS (
    SELECT FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE application_name = 'customer-sharding mover'
    AND locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted = %s)"""


class Sharded:
    """Customers with their clients, movers, and the journal.

    Args:
        standing: The services that several tests share: databases, the sharding service, the people service.
        journal: The clients' operations, and the faults that were injected.
        command: Runs the command to its end.
        folder: Folder for the movers' output.
    """

    def __init__(self, standing, journal, command, folder):
        self.journal = journal
        self._standing, self._command, self._folder = standing, command, folder
        self._databases = {name: database.url for name, database in standing.databases.items()}
        self._customers, self._movers = [], []

    def place(self, *databases):
        """Place new customers, one in each of these databases, with some people each; return their identifiers."""
        return [self._place(database) for database in databases]

    def _place(self, database):
        customer = f"customer-{next(self._standing.numbers)}"
        self._standing.sharding_service.place(customer, database)
        self._customers.append(customer)
        names = [f"{each}" for each in range(BEFORE)]
        with psycopg.connect(self._databases[database]) as connection, contextlib.ExitStack() as stack:
            for name in names:
                client = f"{customer}/before/{name}"
                stack.enter_context(self.journal.operation(client, "write", [customer, name], "here"))
            connection.cursor().executemany(INSERT, [[name, "here", customer] for name in names])
            connection.commit()
        return customer

    def clients(self, *customers, **options):
        """Run two clients of each customer for the duration of the block."""
        return Clients(self._standing.people.url, self.journal, customers, **options)

    def nemesis(self, **targets):
        """Return a nemesis for these targets, by name."""
        return Nemesis(self.journal, targets)

    def server_frozen(self, name):
        """SIGSTOP a database's server, `meta` among them, as long as the block lasts."""
        return self.nemesis(**{name: self._standing.servers[name]}).breaking(name, "pause")

    # Movers, and steps in which they are held

    def mover(self, customer, target, *options, successor=("resume", *PATIENCE)):
        """Start a mover; `successor` has the arguments of the command that takes over from it."""
        output = self._folder / f"mover {len(self._movers)}"
        words = ["move", customer, target, *SECONDS, *PATIENCE, *options]
        self._movers.append(Mover(self._command, self._standing.meta, words, output, successor))
        return self._movers[-1]

    def movers(self):
        """Return all movers that were started, ended ones, too."""
        return list(self._movers)

    def close(self):
        """Kill the movers that still run."""
        for mover in self._movers:
            mover.close()

    def gate(self, step):
        """Hold the commit of a step of a move from the first to the second database, for the duration of the block."""
        where = {"meta": self._standing.meta, "source": self._databases["first"], "target": self._databases["second"]}
        url = where[step.where]
        return HeldCommit(url, step.table, step.event, step.condition)

    @contextlib.contextmanager
    def killed_in(self, step, clients, customer, *words, done, **options):
        """Kill a mover from the first to the second database during a step; in the end its successor takes over.

        Args:
            step: Name of the step.
            clients: The running clients, of this customer and of others.
            customer: Identifier of the customer that moves.
            words: Further options of the command.
            done: Whether the server commits the step nevertheless.
            options: Options of the mover.
        """
        lead = {"acknowledge": self._to_acknowledge, "drain": self._to_drain}.get(step.name, self._to)
        clients.go_on()
        with self.gate(step) as gate:
            mover = lead(gate, clients, customer, *words, **options)
            with self.nemesis(mover=mover).breaking("mover", "kill"):
                gate.open(committed=done)
                yield

    def _to(self, gate, clients, customer, *words, **options):
        mover = self.mover(customer, "second", *words, **options)
        gate.reached()
        return mover

    def _to_acknowledge(self, gate, clients, customer, **options):
        """Reach the step `acknowledge`: clients must have written since the first rows were copied."""
        with self.gate(STEPS["copy"]) as copy:
            mover = self._to(copy, clients, customer, **options)
            clients.go_on(customer, what=["write"])
            copy.open(committed=True)
            gate.reached()
        return mover

    def _to_drain(self, gate, clients, customer, **options):
        """Reach the step `drain`: a late transaction must have delayed the fence, when all others had ended."""
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
        """Begin a write of a person `late` in the first database, and yield a function that commits it."""
        with (
            psycopg.connect(self._databases["first"]) as connection,
            self.journal.operation(f"{customer}/late", "write", [customer, "late"], "late"),
        ):
            connection.execute(INSERT, ["late", "late", customer])
            yield connection.commit

    def falsify(self, customer):
        """Change a row of the customer in the second database, past its guard."""
        with psycopg.connect(self._databases["second"]) as connection:
            connection.execute("SET session_replication_role = replica")
            changed = connection.execute(
                "UPDATE person SET address = 'falsified' WHERE customer_id = %s AND name = '0'", [customer]
            )
            assert changed.rowcount == 1

    def lock_awaited(self):
        """Wait until a mover waits for a customer's transactions in the first database."""
        self._lock(granted=False)

    def lock_had(self):
        """Wait until a mover holds a customer's lock in the first database."""
        self._lock(granted=True)

    def _lock(self, *, granted):
        with psycopg.connect(self._databases["first"], autocommit=True) as connection:
            eventually(lambda: connection.execute(LOCK, [granted]).fetchone()[0], within=30, every=0.01)

    # Checks of the outcome

    def whereabouts(self, *customers):
        """Return the database of each customer, from the meta database."""
        answers = [self._standing.sharding_service.ask("GET", f"/customers/{customer}") for customer in customers]
        return [answer.json()["database"] for answer in answers]

    def states(self, customer):
        """Return the state of a customer by database, as the guard stores it."""
        query = "SELECT state FROM sharding_customer WHERE customer = %s"
        return {name: state for name, url in self._databases.items() for (state,) in _rows(url, query, [customer])}

    def judged(self):
        """Check the journal's writes against the rows in all databases."""
        query = "SELECT customer_id, name, address FROM person WHERE customer_id = ANY(%s)"
        found = [
            Found([customer, name], address, database)
            for database, url in self._databases.items()
            for customer, name, address in _rows(url, query, [self._customers])
        ]
        places = dict(zip(self._customers, self.whereabouts(*self._customers), strict=True))
        return check_writes(self.journal.entries(), found, place=lambda key: places[key[0]])

    def judged_reads(self):
        """Check the journal's reads: none may see a value older than one acknowledged before it was sent."""
        return check_reads(self.journal.entries())

    def longest_wait(self, customer):
        """Return the longest time between two acknowledged writes of the customer, in seconds."""
        writes = [each for each in operations(self.journal.entries()) if each.op in ("write", "delete")]
        ends = sorted(each.end_ns for each in writes if each.state == "ok" and each.key[0] == customer)
        return max(later - earlier for earlier, later in pairwise(ends)) / 1e9


def _rows(url, statement, values):
    with psycopg.connect(url) as connection:
        return connection.execute(statement, values).fetchall()
