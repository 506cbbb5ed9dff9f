"""A customer with many rows and keys of all widths moves, at a cost linear in its rows."""

import contextlib
import itertools
import threading
import time
from statistics import median

import psycopg
import pytest
from hypothesis import settings

from reference.customer_sharding.credentials import Credentials
from reference.customer_sharding.guard import is_refusal
from reference.customer_sharding.move.moving import Mover
from reference.customer_sharding.service.store import Store

ONE, OTHER = "17", "170"
LONG = settings().max_examples > 1000  # HYPOTHESIS_PROFILE=soak
ROWS = 1_000_000 if LONG else 100_000
BATCH = 500
LEASE, FENCE_LIMIT = 0.2, 30.0
BOTH = ("first", "second")
TABLES = """
CREATE TABLE measurement (id bigint PRIMARY KEY, note text, customer_id text NOT NULL);
CREATE TABLE reading (sensor text, at bigint, customer_id text NOT NULL, note text, PRIMARY KEY (sensor, at));
CREATE TABLE sign (name text PRIMARY KEY, customer_id text NOT NULL, note text);
GRANT SELECT, INSERT, UPDATE, DELETE ON measurement, reading, sign TO app;
"""
# Numbers of 1 to 17 characters, half of them negative; keys of two columns; texts of 1 to 58 characters. The other
# customer's rows lie between.
FILL = f"""
SET session_replication_role = replica;
INSERT INTO measurement SELECT n, 'x', '{ONE}' FROM generate_series(1, {ROWS * 4 // 10}) n;
INSERT INTO measurement SELECT -n * power(10::numeric, n % 13), 'x', '{ONE}'
    FROM generate_series(1, {ROWS * 4 // 10}) n ON CONFLICT DO NOTHING;
INSERT INTO measurement SELECT -n * 1000003, 'x', '{OTHER}' FROM generate_series(1, 1000) n ON CONFLICT DO NOTHING;
INSERT INTO reading SELECT 's' || n % 97, n * (n % 3 * 2 - 1), '{ONE}', 'x' FROM generate_series(1, {ROWS // 10}) n;
INSERT INTO sign SELECT repeat(chr(65 + n % 57), n % 53) || n, '{ONE}', 'x' FROM generate_series(1, {ROWS // 10}) n;
RESET session_replication_role;
ANALYZE measurement, reading, sign;
"""
NAMES = ("measurement", "reading", "sign")
DIGEST = "SELECT count(*), sum(hashtextextended(t::text, 7)::numeric) FROM {} t WHERE customer_id = %s"
WIDTHS = "SELECT length(id::text), count(*) FROM measurement WHERE customer_id = %s GROUP BY 1 ORDER BY 1"


@pytest.fixture
def store(meta, databases):
    """The sharding service's storage, with two databases that have the tables, and two customers in the first."""
    with contextlib.closing(Store(meta)) as store:
        for name in BOTH:
            databases[name].connection.execute(TABLES)
            store.register(name, Credentials(**databases[name].user), admin=Credentials(**databases[name].owner))
        for customer in (ONE, OTHER):
            store.place(customer, "first")
        databases["first"].connection.execute(FILL)
        yield store


def digests(database, customer):
    return {name: database.rows(DIGEST.format(name), customer)[0] for name in NAMES}


class Writer(threading.Thread):
    """Inserts people of a customer one after the other, wherever they are taken.

    Attributes:
        acknowledged: Names of the people.
        longest: Seconds between two acknowledged writes, at most.
    """

    def __init__(self, databases, customer):
        super().__init__(daemon=True)
        self.acknowledged, self.longest, self.error = [], 0.0, None
        self.stop = threading.Event()
        self._customer = customer
        self._entries = []
        for name in BOTH:
            entry = {key: databases[name].user[key] for key in ("host", "port", "user", "password")}
            self._entries.append({**entry, "dbname": databases[name].user["database"]})

    def run(self):
        with contextlib.ExitStack() as stack:
            connections = [stack.enter_context(psycopg.connect(**entry, autocommit=True)) for entry in self._entries]
            last = time.monotonic()
            for number in itertools.count():
                if self.stop.wait(0.005):
                    return
                for connection in connections:
                    try:
                        connection.execute(
                            "INSERT INTO person (name, address, customer_id) VALUES (%s, 'here', %s)",
                            [str(number), self._customer],
                        )
                    except psycopg.Error as error:
                        if not is_refusal(error):
                            self.error = error
                            return
                    else:
                        now = time.monotonic()
                        self.longest, last = max(self.longest, now - last), now
                        self.acknowledged.append(str(number))
                        break


@pytest.mark.claim("shard-17")
@pytest.mark.timeout(1800 if LONG else 300)
def test_large_customer_moves_at_linear_cost(store, databases, evidence):
    """The last rows cost no more than the first ones, while the customer's clients write."""
    first, second = (databases[name] for name in BOTH)
    before, others = digests(first, ONE), digests(first, OTHER)
    widths = first.rows(WIDTHS, ONE)
    copies = []
    writer = Writer(databases, ONE)
    store.begin_move(ONE, "second", lease=LEASE, drain=0.0)

    writer.start()
    since = time.monotonic()
    with contextlib.closing(Mover(store, ONE, batch=BATCH, fence_limit=FENCE_LIMIT)) as mover:
        last = since
        for step in iter(mover.step, None):
            now = time.monotonic()
            if step == "copy":
                copies.append(now - last)
            last = now
    writer.stop.set()
    writer.join(30)

    quarter = ROWS // BATCH // 4
    quarters = [median(copies[at * quarter : (at + 1) * quarter]) for at in range(4)]
    evidence.table("rows by the width of their key", [{"characters": width, "rows": rows} for width, rows in widths])
    evidence.json(
        "the move",
        {
            "rows": sum(count for count, _ in before.values()),
            "seconds": time.monotonic() - since,
            f"seconds to copy {BATCH} rows, median of each quarter": quarters,
            "seconds without an acknowledged write, at most": writer.longest,
            "writes acknowledged meanwhile": len(writer.acknowledged),
        },
    )
    assert writer.error is None
    assert before["measurement"][0] + before["reading"][0] + before["sign"][0] >= 0.95 * ROWS
    assert {1, 5, 10} <= {width for width, _ in widths}
    assert digests(second, ONE) == before
    assert {count for count, _ in digests(first, ONE).values()} == {0}
    assert digests(first, OTHER) == others
    people = second.rows("SELECT name FROM person WHERE customer_id = %s", ONE)
    assert sorted(name for (name,) in people) == sorted(writer.acknowledged)
    assert max(quarters) < 3 * min(quarters)
    assert writer.longest <= LEASE + FENCE_LIMIT
