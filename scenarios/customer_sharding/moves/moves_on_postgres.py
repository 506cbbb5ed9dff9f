"""The state machine of the move's model check, over the library's real code and two PostgreSQL databases.

The rules, the clients' beliefs and the invariants are those of `fixtures.tests.customer_sharding`; databases, the meta
database and writes are real. Time is the model's: a second of its clock is `SCALE` seconds of the servers', and where
it passes, the moments that the servers keep are put forward, so that the seconds that a test takes mean nothing.
A commit that lands late is left to the model.
"""

import contextlib
import functools
import math
from collections import Counter
from dataclasses import replace

import psycopg
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from fixtures.tests.customer_sharding.model import CUSTOMER, TABLE, Client, Clock, Deaths, Delays
from fixtures.tests.customer_sharding.test_moving_model import CLIENTS, LEASE, MOVERS, Moves, clients, keys
from reference.customer_sharding.errors import Conflict
from reference.customer_sharding.guard import COPYING, OPEN, WHERE_IS, is_refusal
from reference.customer_sharding.move.protocol import Copied

SCALE = 1000
FLAVOR = next(iter(WHERE_IS))
EMPTY = "TRUNCATE person, sharding_customer, sharding_change, sharding_copied"
EMPTY_META = "TRUNCATE sharding_move, sharding_place"
SHIFT = "UPDATE sharding_customer SET until = until - make_interval(secs => %s)"
SHIFT_META = "UPDATE sharding_move SET switched_at = switched_at - make_interval(secs => %s)"
PUT = """INSERT INTO person (id, name, address, customer_id) VALUES (%s, %s, 'here', %s)
    ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name"""
DELETE = "DELETE FROM person WHERE id = %s AND customer_id = %s"


def change(name):
    """A change by a mover, after which it may die."""

    def method(self, *arguments, **options):
        answer = getattr(self.real, name)(*arguments, **options)
        self.done[name] += 1
        self.deaths.after_change()
        return answer

    return functools.wraps(method)(method)


class RealDatabase:
    """A database as the machine knows it, and as a mover does.

    Args:
        name: Under which it is registered.
        real: What a mover does there.
        admin: A superuser's connection, which sees everything.
        deaths: Deaths of movers.
        done: Counts what movers change, by the name of the step.
    """

    landed = None

    def __init__(self, name, real, admin, deaths, done):
        self.name, self.real, self.deaths, self.done = name, real, deaths, done
        self.open_transactions = 0
        self._admin = admin

    # What the machine asks

    @property
    def place(self):
        return self.real.customer_state(CUSTOMER)

    @property
    def rows(self):
        found = self._admin.execute("SELECT id::text, name FROM person WHERE customer_id = %s", [CUSTOMER])
        return {(number,): name for number, name in found}

    def effective(self):
        row = self._admin.execute(WHERE_IS[FLAVOR], [CUSTOMER]).fetchone()
        return None if row is None else row[0]

    def takes_writes(self):
        return self.effective() in (OPEN, COPYING)

    def land(self, *, committed):
        """Nothing is delayed here."""

    def pass_time(self, seconds):
        self._admin.execute(SHIFT, [seconds * SCALE])

    # What a mover asks and does

    def customer_state(self, customer):
        state = self.real.customer_state(customer)
        return state and replace(state, left=math.ceil(state.left / SCALE))

    def copied(self, customer):
        return {TABLE: Copied(), **self.real.copied(customer)}

    def change_state(self, claim, before, after, limit=None):
        self.real.change_state(claim, before, after, None if limit is None else limit * SCALE)
        self.done["change_state"] += 1
        self.deaths.after_change()

    def __getattr__(self, name):
        return getattr(self.real, name)  # what changes nothing

    acknowledge, take_over, purge = change("acknowledge"), change("take_over"), change("purge")
    receive, apply, discard = change("receive"), change("apply"), change("discard")


class RealMeta:
    """The meta database as the machine knows it, and as a mover does."""

    landed = None

    def __init__(self, store, admin, databases, deaths, done):
        self.real, self.databases, self.deaths, self.done = store, databases, deaths, done
        self._admin = admin

    @property
    def place(self):
        return self.real.whereabouts(CUSTOMER)[0]

    @property
    def epoch(self):
        return self.real.whereabouts(CUSTOMER)[1]

    @property
    def under_way(self):
        return self.real.move(CUSTOMER)

    def begin(self, target):
        self.real.begin_move(CUSTOMER, target)

    def abort(self):
        with contextlib.suppress(Conflict):  # none is under way, or it has switched
            self.real.abort_move(CUSTOMER)

    def land(self, *, committed):
        """Nothing is delayed here."""

    def pass_time(self, seconds):
        self._admin.execute(SHIFT_META, [seconds * SCALE])

    def end(self, name):
        return self.databases[name]

    def since_switch(self, move):
        return math.floor(self.real.since_switch(move) / SCALE)

    def __getattr__(self, name):
        return getattr(self.real, name)

    claim_move, switch, finish_move = change("claim_move"), change("switch"), change("finish_move")


class RealClock(Clock):
    """Time that passes on the servers, too."""

    def __init__(self, servers):
        super().__init__()
        self._servers = servers

    def sleep(self, seconds):
        seconds = math.ceil(seconds)
        self.now += seconds
        for server in self._servers:
            server.pass_time(seconds)


class MovesOnPostgres(Moves):
    """The machine; `world` is what it runs on, empty at the beginning of each example."""

    world = None

    def __init__(self):
        RuleBasedStateMachine.__init__(self)
        world = self.world
        world.empty()
        self.deaths, self.delays = Deaths(), Delays()
        counted = self.deaths, world.done
        self.databases = {name: RealDatabase(name, world.ends[name], world.admins[name], *counted) for name in "ab"}
        self.meta = RealMeta(world.store, world.admins["meta"], self.databases, *counted)
        self.clock = RealClock([self.meta, *self.databases.values()])
        self.clients = [Client(self.meta, self.clock, LEASE) for _ in range(CLIENTS)]
        self.movers = [self.new_mover() for _ in range(MOVERS)]
        self.truth, self.open, self.written = {}, {}, 0

    @rule(client=clients, key=keys, deletes=st.booleans())
    def begin_write(self, client, key, deletes):
        """The guard of the real database decides, and it decides what the readers' question would say."""
        database = self.clients[client].database
        busy = {(there.name, each) for there, each, *_ in self.open.values()}
        if client in self.open or (database.name, key) in busy:
            return
        self.written += 1
        value = None if deletes else f"v{self.written}"
        expected = database.takes_writes()
        connection = self.world.client(client, database.name)
        statement = (DELETE, [key[0], CUSTOMER]) if deletes else (PUT, [key[0], value, CUSTOMER])
        connection.execute("BEGIN")
        try:
            written = connection.execute(*statement).rowcount
        except psycopg.Error as error:
            connection.execute("ROLLBACK")
            if not is_refusal(error):
                raise
            assert not expected, "a write was refused where the customer is"
            self.clients[client].look_up()
            return
        if not written:
            connection.execute("ROLLBACK")  # there is nothing to delete, so that nobody was asked
            self.clients[client].look_up()
            return
        assert expected, "a write was taken where the customer is not"
        self.open[client] = (database, key, value, False)
        database.open_transactions += 1

    def _commit(self, client):
        database, key, value, _ = self.open.pop(client)
        database.open_transactions -= 1
        self.world.client(client, database.name).execute("COMMIT")
        self.truth.pop(key, None)
        if value is not None:
            self.truth[key] = value

    def commit_of_a_step_is_delayed(self):
        """Left to the model: no rule here."""

    def delayed_commits_end(self, committed):
        """Left to the model: no rule here."""


class World:
    """Two databases, a meta database, and connections to them, for many examples one after the other.

    Args:
        store: The meta database, in which the two are registered as `a` and `b`.
        urls: By name: of `a`, `b` and `meta`, as a superuser.
        user: Connection parameters of the applications' user, by name.

    Attributes:
        done: How often movers did each step that changes something, in all examples.
    """

    def __init__(self, store, urls, user):
        self.store = store
        self._stack = contextlib.ExitStack()
        self.admins = {name: self._opened(psycopg.connect(url, autocommit=True)) for name, url in urls.items()}
        self.ends = {name: self._stack.enter_context(contextlib.closing(store.end(name))) for name in "ab"}
        self._user, self._clients = user, {}
        self.done = Counter()

    def empty(self):
        """Leave nothing but the customer, in `a`."""
        for connection in self._clients.values():
            connection.close()
        self._clients.clear()
        for name in "ab":
            self.admins[name].execute(EMPTY)
        self.admins["meta"].execute(EMPTY_META)
        self.store.place(CUSTOMER, "a")

    def client(self, number, name):
        """The connection of a client to a database."""
        if (number, name) not in self._clients:
            connection = psycopg.connect(**self._user[name], autocommit=True, options="-c lock_timeout=10s")
            self._clients[number, name] = self._opened(connection)
        return self._clients[number, name]

    def close(self):
        self._stack.close()

    def _opened(self, connection):
        return self._stack.enter_context(contextlib.closing(connection))
