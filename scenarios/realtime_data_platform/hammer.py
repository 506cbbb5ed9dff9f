"""Writes and reads at once, and what the reads show."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle

from reference.realtime_data_platform.errors import Refused


@dataclass
class Judgement:
    """What the reads of one way showed; a row is a key and a number that grows with each update.

    Attributes:
        reads: How many were answered.
        refused: What was said to those that were not.
        twice: How many showed a key more than once.
        lacking: How many lacked a key.
        older: How many showed a key older than a read before them had.
    """

    reads: int = 0
    refused: list[str] = field(default_factory=list)
    twice: int = 0
    lacking: int = 0
    older: int = 0
    newest: dict = field(default_factory=dict)

    def wrong(self):
        return self.twice + self.lacking + self.older

    def read(self, ask, keys):
        """Ask for all rows, and judge the answer against the keys that there are."""
        try:
            rows = [(key, int(number)) for key, number in ask()]
        except Refused as refusal:
            self.refused.append(str(refusal))
            return
        counts = Counter(key for key, _ in rows)
        self.reads += 1
        self.twice += max(counts.values(), default=0) > 1
        self.lacking += not keys <= counts.keys()
        self.older += any(number < self.newest.get(key, 0) for key, number in rows)
        self.newest |= dict(rows)

    def told(self):
        """Return the counts by name."""
        return {
            "reads": self.reads,
            "refused": len(self.refused),
            "a key twice": self.twice,
            "a key not at all": self.lacking,
            "a key as it was before": self.older,
        }


@contextmanager
def again_and_again(act, pause=0.02):
    """Call `act` in a thread of its own until left, `pause` seconds apart, and raise what it raised."""
    over = threading.Event()

    def run():
        while not over.wait(pause):
            act()

    with ThreadPoolExecutor() as pool:
        running = pool.submit(run)
        try:
            yield
        finally:
            over.set()
        running.result()


# A pipeline that is written to faster than it carries falls behind without bound, the more so on a slow machine.
MOST_AHEAD = 500


@contextmanager
def hammered(chain, keys, seen):
    """Update each row of a table to the next number, one commit a row, again and again until left.

    Args:
        chain: Whose table is written.
        keys: The rows to update, in turn.
        seen: The newest number of each key that a reader has seen, kept up by the reader. While all keys together are
            more than `MOST_AHEAD` updates ahead of it, no row is updated; what is under way still changes the view.
    """
    statement = f"UPDATE {chain.quoted} SET name = (name::bigint + 1)::text WHERE id = %s RETURNING name::bigint"
    turns = cycle(keys)
    written = {}

    with chain.connection() as connection:

        def update():
            if sum(number - seen.get(key, 0) for key, number in written.items()) > MOST_AHEAD:
                return
            key = next(turns)
            written[key] = connection.execute(statement, [key]).fetchone()[0]

        with again_and_again(update, pause=0.001):
            yield
