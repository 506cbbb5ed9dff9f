"""Update rows and read them at the same time, and count the reads that are wrong.

Several tests use this to show that reads are exact while servers restart, segments move or changes are compacted.
"""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle

from reference.realtime_data_platform.errors import PlatformError


@dataclass
class ReadCheck:
    """Counts of wrong reads, by the kind of anomaly; a row is a key and a number that grows with each update.

    Attributes:
        reads: Reads that were answered.
        refused: Error messages of the reads that failed.
        duplicated: Reads with a key more than once.
        incomplete: Reads that lack a key.
        stale: Reads with an older number of a key than an earlier read.
        newest: The newest number of each key that any read returned.
    """

    reads: int = 0
    refused: list[str] = field(default_factory=list)
    duplicated: int = 0
    incomplete: int = 0
    stale: int = 0
    newest: dict = field(default_factory=dict)

    def wrong(self):
        """Return the number of anomalies; a read may have several."""
        return self.duplicated + self.incomplete + self.stale

    def read(self, query, keys):
        """Read all rows by `query`, and compare them with the keys that exist and with earlier reads."""
        try:
            rows = [(key, int(number)) for key, number in query()]
        except PlatformError as error:
            self.refused.append(str(error))
            return
        counts = Counter(key for key, _ in rows)
        self.reads += 1
        self.duplicated += max(counts.values(), default=0) > 1
        self.incomplete += not keys <= counts.keys()
        self.stale += any(number < self.newest.get(key, 0) for key, number in rows)
        self.newest |= dict(rows)

    def summary(self):
        """Return the counts by their names in the evidence."""
        return {
            "reads": self.reads,
            "refused": len(self.refused),
            "a key twice": self.duplicated,
            "a key missing": self.incomplete,
            "a key older than in an earlier read": self.stale,
        }


@contextmanager
def repeating(act, pause=0.02):
    """Call `act` in a thread every `pause` seconds until the block ends; an error of `act` is raised there."""
    finished = threading.Event()

    def run():
        while not finished.wait(pause):
            act()

    with ThreadPoolExecutor() as pool:
        running = pool.submit(run)
        try:
            yield
        finally:
            finished.set()
        running.result()


# If updates were faster than the pipeline, its lag would grow without bound, above all on a slow machine.
MOST_AHEAD = 250


@contextmanager
def updating_rows(pipeline, keys, seen):
    """Increment the number in each row in turn, with a commit for each update, until the block ends.

    Args:
        pipeline: The pipeline of the table to update.
        keys: The ids of the rows.
        seen: The newest number of each key that was read; the reader updates this mapping. While the rows are more than
            `MOST_AHEAD` updates ahead of it, no row is updated; the updates in transit still change what is read.
    """
    statement = f"UPDATE {pipeline.quoted} SET name = (name::bigint + 1)::text WHERE id = %s RETURNING name::bigint"
    endless_keys = cycle(keys)
    written = {}

    with pipeline.connection() as connection:

        def update():
            if sum(number - seen.get(key, 0) for key, number in written.items()) > MOST_AHEAD:
                return
            key = next(endless_keys)
            written[key] = connection.execute(statement, [key]).fetchone()[0]

        with repeating(update, pause=0.001):
            yield
