"""How long changes of a table take to be seen, and where on the way."""

import random
import time
from bisect import bisect_left
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from reference.realtime_data_platform.description import in_pinot
from scenarios.realtime_data_platform.chain import SEEN_WITHIN

STATIONS = ["sent", "read by Debezium", "in Kafka", "in Pinot", "in the view"]
HOPS = [f"{before} to {after}" for before, after in pairwise(STATIONS)]
MEAN_PAUSE = 0.04
# Between two looks: who looks without a pause takes the time that the changes need, on two cores.
PAUSES = {"in Pinot": 0.002, "in the view": 0.05}
WARM_UP = 30


@dataclass(frozen=True)
class Passage:
    """When each change was at each station of the way, in seconds: a row a change, a column a station looked at."""

    times: np.ndarray

    def until(self, station):
        """Return the seconds that each change took from when it was sent to a station."""
        return self.times[:, STATIONS.index(station)] - self.times[:, 0]

    def hops(self):
        """Return the median of each hop, in milliseconds."""
        medians = np.median(np.diff(self.times, axis=1), axis=0) * 1000
        return dict(zip(HOPS[: len(medians)], medians, strict=True))


def percentiles(seconds):
    """Return p50, p95, p99 and the most, in milliseconds."""
    shares = np.percentile(seconds, [50, 95, 99, 100]) * 1000
    return dict(zip(("p50", "p95", "p99", "max"), map(float, shares.round(1)), strict=True))


def follow(chain, changes, seed, updated=0, view=False):
    """Make changes one by one, at times that keep no step with anyone's polling, and follow each to Pinot.

    To the view too, where that is asked for: reading it again and again takes time from everything else on the way.
    The first changes warm up what runs in virtual machines, and are not counted. Rows up to the id `updated` are left.
    Every second one updates a row that was there before the chain, the others insert. A topic of one partition keeps
    their order: as many as are seen, so many of the first are.
    """
    pauses = random.Random(seed)
    changes += WARM_UP
    counted = "SELECT count(*) FROM {} WHERE op IN ('u', 'c')"
    with chain.connection() as connection, ThreadPoolExecutor() as pool:
        over = time.monotonic() + changes * MEAN_PAUSE + SEEN_WITHIN
        ways = {"in Pinot": lambda: chain.platform.pinot.query(counted.format(in_pinot(chain.name)))[0][0]}
        before = ways["in Pinot"]()
        if view:
            asked = counted.format(f"hive.views.{chain.quoted}")
            ways["in the view"] = lambda: chain.platform.trino.query(asked)[0][0]
        watched = [pool.submit(_watch, seen, PAUSES[way], before, changes, over) for way, seen in ways.items()]
        sent = []
        for number in range(changes):
            time.sleep(pauses.uniform(0, 2 * MEAN_PAUSE))
            if number % 2:
                statement = f"INSERT INTO {chain.quoted} (customer_id, name) VALUES (%s, 'new')"
            else:
                statement = f"UPDATE {chain.quoted} SET name = 'other' WHERE id = %s"
            sent.append(time.time())
            connection.execute(statement, [updated + number // 2 + 1])
        seen = [future.result() for future in watched]
    messages = [(message, event) for message, event in chain.told() if event["op"] in {"u", "c"}][-changes:]
    read = [event["ts_ms"] / 1000 for _, event in messages]
    kept = [message.timestamp()[1] / 1000 for message, _ in messages]
    return Passage(np.array([sent, read, kept, *seen]).T[WARM_UP:])


def _watch(seen, pause, before, changes, over):
    """Return when each change was first seen, by an answer that shows it."""
    counts, times = [], []
    while not counts or counts[-1] < changes:
        counts.append(seen() - before)
        times.append(time.time())
        time.sleep(pause)
        if time.monotonic() > over:
            raise AssertionError(f"only {counts[-1]} of {changes} changes were seen")
    return [times[bisect_left(counts, number)] for number in range(1, changes + 1)]


def drawn(passages, views):
    """Draw the distribution of each way, and where the time of those changes goes that were followed to the view."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    distribution, hops = figure.subplots(1, 2)
    for line, station, followed in (("-", "in Pinot", passages), ("--", "in the view", views)):
        for way, passage in followed.items():
            seconds = np.sort(passage.until(station)) * 1000
            distribution.plot(seconds, np.arange(1, len(seconds) + 1) / len(seconds), line, label=f"{way}, {station}")
    distribution.set(xscale="log", xlabel="ms since it was sent", ylabel="share of changes seen")
    distribution.legend()
    for way, passage in views.items():
        left = 0
        for place, (hop, length) in enumerate(passage.hops().items()):
            hops.barh(way, length, left=left, color=f"C{place}", label=hop if way == next(iter(views)) else None)
            left += length
    hops.set(xlabel="ms, median of each hop")
    hops.legend()
    return figure
