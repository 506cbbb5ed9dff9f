"""Rounds of moves with a random fault in each, drawn from a seed: what fails, where, at which step, for how long."""

import contextlib
import random
import threading
from dataclasses import asdict, dataclass

import psycopg

from fixtures.services.runtimes.orphans import ended
from fixtures.waiting import eventually
from scenarios.customer_sharding.moves.held_commit import HeldCommit

NAMES = ("first", "second", "third")
STEPS = ("claim", "check", "take over", "receive", "track", "copy", "fence", "compare", "switch", "retire", "open")
LONGEST = 1.5  # seconds that a fault lasts
WITHIN = 90  # seconds until a customer that moved is served again, on a slow machine
OPTIONS = ("--lease=0.3", "--drain=0.5", "--batch=20", "--patience=30", "--fence-limit=4")
INSERT = "INSERT INTO person (name, address, customer_id) VALUES (%s, %s, %s)"
# By the step: the server, table, event and condition of the change whose commit is held, in any move of a customer.
COMMITS = {
    "track": ("source", "sharding_customer", "UPDATE", "OLD.state = 'open' AND NEW.state = 'copying'"),
    "fence": ("source", "sharding_customer", "UPDATE", "OLD.state = 'copying' AND NEW.state = 'fenced'"),
    "switch": ("meta", "sharding_move", "UPDATE", "NEW.phase = 'switched'"),
    "retire": ("source", "sharding_customer", "UPDATE", "NEW.state = 'gone'"),
    "open": ("target", "sharding_customer", "UPDATE", "OLD.state = 'incoming' AND NEW.state = 'open'"),
    "finish": ("meta", "sharding_move", "DELETE", "true"),
}


@dataclass(frozen=True)
class Round:
    """The plan of one round.

    Attributes:
        customer: The customer that moves.
        source: The database that it leaves.
        target: The database that it moves to.
        fault: What fails: one of `FAULTS`.
        where: Which server fails: `source`, `target` or `meta`.
        step: The fault begins after this step, or in its commit.
        seconds: How long it lasts.
    """

    customer: str
    source: str
    target: str
    fault: str
    where: str
    step: str
    seconds: float

    @property
    def server(self):
        """Return the name of the server that fails."""
        return {"source": self.source, "target": self.target, "meta": "meta"}[self.where]


class RandomFaults:
    """Moves one customer after the other, and breaks something during each move.

    Args:
        seed: Seed of all choices; the same seed chooses the same faults.
        sharded: The customers, movers and servers.
        servers: The databases' servers and the meta database's, by name.
        urls: URLs of the same, as a superuser.
        command: Runs the command `customer-sharding` to its end.

    Attributes:
        rounds: What was done in each round, as rows of a table.
    """

    def __init__(self, seed, sharded, servers, urls, command):
        self.rounds = []
        self._chance = random.Random(seed)
        self._sharded, self._servers, self._urls, self._command = sharded, servers, urls, command
        self._faults = []

    def round(self, customer):
        """Move a customer to another database with a random fault on the way, and wait until the move has ended."""
        this = self._draw(customer)
        self.rounds.append(asdict(this))
        FAULTS[this.fault](self, this)
        self._movers_end()
        eventually(lambda: self._is_over(customer), within=WITHIN, message=f"the move of {customer} ends")

    def _draw(self, customer):
        if not self._faults:  # each fault comes once before any comes twice
            self._faults = self._chance.sample(list(FAULTS), len(FAULTS))
        (source,) = self._sharded.whereabouts(customer)
        target = self._chance.choice([name for name in NAMES if name != source])
        fault = self._faults.pop()
        where, step = self._chance.choice(["source", "target", "meta"]), self._chance.choice(STEPS)
        if fault == "slow commit":
            step = self._chance.choice(list(COMMITS))
            where = COMMITS[step][0]
        return Round(customer, source, target, fault, where, step, round(self._chance.uniform(0, LONGEST), 2))

    def _mover(self, this):
        return self._sharded.mover(this.customer, this.target, *OPTIONS)

    def _mover_after(self, this, step=None):
        """Start a mover, and return it once it has done the round's step or another one, or has ended."""
        mover = self._mover(this)
        reached = f"\t{step or this.step}\n"
        eventually(lambda: reached in mover.said() or ended(mover.process), within=WITHIN, every=0.01)
        return mover

    def _movers_end(self):
        for mover in self._sharded.movers():
            eventually(lambda mover=mover: ended(mover.process), within=WITHIN, message="the mover ends")

    def _is_over(self, customer):
        """Have the move carried out, or undone where its tables have changed."""
        code, _ = self._command("resume", *OPTIONS)
        if code:
            self._command("abort", customer, "--patience=30")
        return self._command("moves") == (0, "")

    # The faults

    def kill_the_mover(self, this):
        self._mover_after(this).close()

    def freeze_the_mover(self, this):
        """Another one carries the move out meanwhile, or begins to."""
        mover = self._mover_after(this)
        if ended(mover.process):
            return
        mover.pause()
        try:
            self._mover(this)
            _last(this.seconds)
        finally:
            mover.resume()

    def let_two_move(self, this):
        self._mover_after(this)
        self._mover(this)

    def hang_a_server(self, this):
        self._break_a_server(this, "pause")

    def kill_a_server(self, this):
        self._break_a_server(this, "kill")

    def _break_a_server(self, this, fault):
        self._mover_after(this)
        with self._sharded.nemesis(**self._servers).breaking(this.server, fault):
            _last(this.seconds)

    def hold_a_commit(self, this):
        """The server completes it later, or rolls it back."""
        _, table, event, condition = COMMITS[this.step]
        with HeldCommit(self._urls[this.server], table, event, condition) as gate:
            self._mover(this)
            gate.reached(within=WITHIN)
            _last(this.seconds)
            gate.open(committed=self._chance.random() < 0.7)

    def change_the_schema(self, this):
        """Add a column or a table, in one database after the other."""
        number = len(self.rounds)
        column = f"ALTER TABLE label ADD COLUMN added_{number} text"
        table = f"CREATE TABLE added_{number} (customer_id text, id bigint, PRIMARY KEY (customer_id, id))"
        change = self._chance.choice([column, table])
        self._mover_after(this)
        for name in NAMES:
            with psycopg.connect(self._urls[name], autocommit=True) as connection:
                connection.execute(change)
        self._movers_end()
        for name in NAMES:
            code, output = self._command("prepare", name)
            assert code == 0, output

    def write_in_a_long_request(self, this):
        """It begins before the mover, or while rows are copied; the mover waits for it, or it is refused."""
        name, first = f"late-{len(self.rounds)}", self._chance.random() < 0.5
        with (
            contextlib.suppress(psycopg.Error),
            psycopg.connect(self._urls[this.source]) as connection,
            self._sharded.journal.operation(f"{this.customer}/late", "write", [this.customer, name], "late"),
        ):
            if not first:
                self._mover_after(this, "copy")
            connection.execute(INSERT, [name, "late", this.customer])
            if first:
                self._mover_after(this, "check")
            _last(2 * this.seconds)
            connection.commit()

    def abort_the_move(self, this):
        self._mover_after(this)
        self._command("abort", this.customer, "--patience=30")


FAULTS = {
    "mover killed": RandomFaults.kill_the_mover,
    "mover frozen": RandomFaults.freeze_the_mover,
    "two movers": RandomFaults.let_two_move,
    "server hangs": RandomFaults.hang_a_server,
    "server restarts": RandomFaults.kill_a_server,
    "slow commit": RandomFaults.hold_a_commit,
    "change of the schema": RandomFaults.change_the_schema,
    "long request": RandomFaults.write_in_a_long_request,
    "abort": RandomFaults.abort_the_move,
}


def _last(seconds):
    threading.Event().wait(seconds)  # the random duration of a fault
