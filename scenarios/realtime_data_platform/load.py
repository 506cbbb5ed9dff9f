"""One client writes every kind of change to a table, and another reads its view: each read is a moment of the table."""

import random
from itertools import count

import psycopg

from fixtures.faults import Moments, Reads
from fixtures.waiting import eventually
from reference.realtime_data_platform.errors import PlatformError

DDL = "CREATE TABLE {name} (id bigint PRIMARY KEY, step bigint NOT NULL, note text NOT NULL DEFAULT repeat('note ', 9))"
KEYS = range(1, 401)
LIVE = 320
MANY = 300
# One after the other, so that some seconds have every kind of change.
CYCLE = ["many", "truncate", *["update"] * 50, *["insert"] * 16, *["delete"] * 16, *["move"] * 16]
# Changes that no read has shown yet, beyond which the writer waits: a longer fault would only make the rest slower.
MOST_AHEAD = 3000
BACK_WITHIN = 180


class Load:
    """The writer of a table.

    Each transaction also sets the number of a row in a table that nobody follows. By that number the writer finds out
    whether a transaction was committed whose answer was lost.

    Args:
        pipeline: The pipeline of the table.
        journal: The journal of faults.
        seed: Seed of the order of changes and the choice of keys.
    """

    def __init__(self, pipeline, journal, seed=0):
        self.pipeline, self.journal = pipeline, journal
        self.chance = random.Random(seed)
        self.moments = Moments()
        self.reads = Reads(self.moments)
        self.numbers = count(1)
        self.kinds = iter(())
        self.said = {}  # by the fault, what an operator's command said of it
        self.clock = f"{pipeline.name}_clock"
        self.connection = pipeline.connection()
        self.connection.execute(f"DROP TABLE IF EXISTS {self.clock}")
        self.connection.execute(f"CREATE TABLE {self.clock} AS SELECT 0::bigint AS number")
        self.write("truncate")

    def close(self):
        self.connection.execute(f"DROP TABLE {self.clock}")
        self.connection.close()

    # The writer

    def step(self):
        """Make the next change, unless reads have fallen behind."""
        if self.moments.newest - self.reads.seen > MOST_AHEAD:
            return
        kind = next(self.kinds, None)
        if kind is None:
            self.kinds = iter(self.chance.sample(CYCLE, len(CYCLE)))
            kind = next(self.kinds)
        self.write(kind)

    def write(self, kind):
        """Make a change of a kind, in a transaction that is committed, and note each moment of it."""
        number = next(self.numbers)
        statements = list(self._statements(kind, number))
        with self.journal.operation("writer", "write", kind, number), self.moments.writing():
            for change in self._committed(number, statements):
                self.moments.change(change)

    def _statements(self, kind, number):
        """Yield statements with their values, and what becomes of the keys that each returns."""
        table, live = self.pipeline.quoted, list(self.moments.rows)
        absent = [key for key in KEYS if key not in self.moments.rows]
        if kind == "truncate":
            yield f"TRUNCATE {table}", [], None
            yield f"INSERT INTO {table} SELECT i, %s FROM generate_series(1, {LIVE}) i RETURNING id", [number], number
        elif kind == "many":
            chosen = self.chance.sample(live, MANY)
            yield f"UPDATE {table} SET step = %s WHERE id = ANY(%s) RETURNING id", [number, chosen], number
        elif kind == "insert" or len(live) <= MANY + 5:
            key = self.chance.choice(absent)
            yield f"INSERT INTO {table} VALUES (%s, %s) RETURNING id", [key, number], number
        elif kind == "delete" or len(absent) <= 5:
            yield f"DELETE FROM {table} WHERE id = %s RETURNING id", [self.chance.choice(live)], 0
        elif kind == "move":  # sent as the deletion of one key and the insertion of another
            old, new = self.chance.choice(live), self.chance.choice(absent)
            yield f"SELECT id FROM {table} WHERE id = %s", [old], 0
            yield f"UPDATE {table} SET id = %s, step = %s WHERE id = %s RETURNING id", [new, number, old], number
        else:
            yield (
                f"UPDATE {table} SET step = %s WHERE id = %s RETURNING id",
                [number, self.chance.choice(live)],
                number,
            )

    def _committed(self, number, statements):
        """Run statements in one transaction until it is committed, and return its changes in the order of the log."""
        while True:
            try:
                with self.connection.transaction():
                    self.connection.execute(f"UPDATE {self.clock} SET number = %s", [number])
                    changes = [change for each in statements for change in self._changes(*each)]
            except psycopg.OperationalError:
                if self._reconnected() == number:
                    return changes
            else:
                return changes

    def _changes(self, statement, values, step):
        keys = self.connection.execute(statement, values)
        if step is None:
            return [dict.fromkeys(self.moments.rows)]
        return [{key: step or None} for (key,) in keys.fetchall()]

    def _reconnected(self):
        """Connect again, which PostgreSQL may refuse for a while, and return the number of the last transaction."""

        def number():
            self.connection.close()
            self.connection = self.pipeline.connection()
            return self.connection.execute(f"SELECT number FROM {self.clock}").fetchall()

        [(last,)] = eventually(number, within=BACK_WITHIN, every=0.2, despite=psycopg.OperationalError)
        return last

    # The reader

    def read(self):
        """Read the view; an error of the platform is one of the answers that it may give."""
        with self.journal.operation("reader", "read", "the view"):
            try:
                rows = self.pipeline.platform.trino.query(f"SELECT id, step FROM hive.views.{self.pipeline.quoted}")
            except PlatformError as error:
                self.reads.failed(error)
            else:
                self.reads.answered(rows)

    def caught_up(self, moment, within):
        """Wait until a read has shown a moment, or one that is later; a wrong read ends the wait."""
        eventually(
            lambda: self.reads.judge() >= moment or self.reads.wrong,
            within=within,
            message=lambda: (
                f"moment {moment} of {self.moments.newest} was read; {self.reads.exact} reads, the newest of moment "
                f"{self.reads.seen}; {len(self.reads.refused)} refused, the last: {self.reads.refused[-1:]}"
            ),
        )
