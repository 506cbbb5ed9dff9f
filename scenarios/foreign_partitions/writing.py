"""Clients that write and read the table all the time, and a judgement of what was acknowledged."""

import contextlib
import itertools
import random
import threading
import time
from functools import partial

import psycopg

from fixtures.waiting import eventually
from reference.foreign_partitions import DirectRows, Rows

QUARTERS = range(1, 41)


class Clients:
    """Two writers of rows of their own, and two readers of rows that nobody changes, each in a thread.

    Attributes:
        expected: By id, the quarter and name that were acknowledged last; None for a deleted row.
        operations: Number of operations that were acknowledged, by kind.
        errors: Errors and wrong answers that clients got, each of which stops its client.
        longest: The longest time in seconds that one operation took.
    """

    def __init__(self, url, description, settled):
        self.expected, self.operations, self.errors, self.longest = {}, {}, [], 0.0
        self._url, self._description, self._settled = url, description, settled
        self._ended = threading.Event()
        work = (self._write, self._write, self._read_directly, self._count)
        self._threads = [threading.Thread(target=self._run, args=(each, n)) for n, each in enumerate(work)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "a client waits for more than a minute"

    def work_on(self):
        """Wait until every kind of operation has been acknowledged once more."""
        before = dict(self.operations)
        kinds = ("insert", "update", "move", "delete", "read", "count")

        def more():
            assert self.errors == []
            return all(self.operations.get(kind, 0) > before.get(kind, 0) for kind in kinds)

        eventually(more, within=60, message="each client goes on")

    def judge(self, table):
        """Return the ids that are lost, twice or otherwise there than they were acknowledged."""
        found = {}
        for person, quarter, name in table.rows(
            "SELECT id, quarter, name FROM person WHERE id > %s", max(self._settled, default=0)
        ):
            found.setdefault(person, []).append((quarter, name))
        wanted = {person: [row] for person, row in self.expected.items() if row is not None}
        return {
            person: (found.get(person), wanted.get(person))
            for person in {*found, *wanted}
            if found.get(person) != wanted.get(person)
        }

    def _run(self, work, number):
        try:
            with contextlib.ExitStack() as stack:
                connection = stack.enter_context(psycopg.connect(self._url, autocommit=True))
                for _ in work(connection, random.Random(number)):
                    if self._ended.is_set():
                        return
        except Exception as error:  # noqa: BLE001 the test's to judge
            self.errors.append(f"{work.__name__}: {error!r}")

    def _timed(self, kind, operation):
        began = time.monotonic()
        done = operation()
        self.longest = max(self.longest, time.monotonic() - began)
        self.operations[kind] = self.operations.get(kind, 0) + 1
        return done

    def _write(self, connection, chance):
        rows, own = Rows(connection, self._description), []
        for turn in itertools.count():
            own.append(self._insert(rows, chance.choice(QUARTERS)))
            yield
            self._update(connection, chance.choice(own))
            yield
            if turn % 2:
                self._move(rows, chance.choice(own), chance.choice(QUARTERS))
                yield
                self._delete(connection, own.pop(chance.randrange(len(own))))
                yield
            time.sleep(0.002)  # or two writers leave no time to the readers of a machine with two cores

    def _insert(self, rows, quarter):
        (person,) = rows.reserve()
        row = {"id": person, "quarter": quarter, "name": "new", "address": "", "customer_id": "4"}
        assert self._timed("insert", partial(rows.insert, row)), f"{person} was there before it was inserted"
        self.expected[person] = (quarter, "new")
        return person

    def _update(self, connection, person):
        quarter, name = self.expected[person]
        name = f"{name}, again"[-60:]
        statement = "UPDATE person SET name = %s WHERE id = %s AND quarter = %s"
        changed = self._timed("update", partial(connection.execute, statement, [name, person, quarter])).rowcount
        assert changed == 1, f"{changed} rows of {person} in {quarter} were updated"
        self.expected[person] = (quarter, name)

    def _move(self, rows, person, to):
        quarter, name = self.expected[person]
        moved = self._timed("move", partial(rows.move, to, id=person, quarter=quarter))
        assert moved == 1, f"{moved} rows of {person} were moved from {quarter} to {to}"
        self.expected[person] = (to, name)

    def _delete(self, connection, person):
        quarter, _ = self.expected[person]
        statement = "DELETE FROM person WHERE id = %s AND quarter = %s"
        deleted = self._timed("delete", partial(connection.execute, statement, [person, quarter])).rowcount
        assert deleted == 1, f"{deleted} rows of {person} in {quarter} were deleted"
        self.expected[person] = None

    def _read_directly(self, connection, chance):
        people = list(self._settled.items())
        with DirectRows(connection, self._description) as direct:
            while True:
                person, quarter = chance.choice(people)
                found = self._timed("read", partial(direct.find, id=person, quarter=quarter))
                assert [each["id"] for each in found] == [person], f"{person} in {quarter}: {found}"
                yield

    def _count(self, connection, _):
        query = "SELECT count(*), count(DISTINCT id) FROM person WHERE id <= %s"
        number = len(self._settled)
        while True:
            counted = self._timed("count", lambda: connection.execute(query, [number]).fetchone())
            assert counted == (number, number), f"{counted} of {number} rows are seen"
            yield
            time.sleep(0.01)
