"""Measure how long a change takes from PostgreSQL to each stage of the pipeline, up to the Trino view."""

import random
import time
from bisect import bisect_left
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from reference.realtime_data_platform.source.description import in_pinot
from scenarios.realtime_data_platform.pipeline import VISIBLE_WITHIN

STAGES = ["sent", "read by Debezium", "in Kafka", "in Pinot", "in the view"]
HOPS = [f"{before} to {after}" for before, after in pairwise(STAGES)]
MEAN_PAUSE = 0.04
# Seconds between two queries: queries without a pause would take the processor time that the changes need.
PAUSES = {"in Pinot": 0.002, "in the view": 0.05}
WARM_UP = 30


@dataclass(frozen=True)
class Timings:
    """When each change reached each stage.

    Attributes:
        times: Seconds since the epoch; a row for each change, a column for each stage.
    """

    times: np.ndarray

    def until(self, stage):
        """Return the seconds from when each change was sent until it reached a stage."""
        return self.times[:, STAGES.index(stage)] - self.times[:, 0]

    def hops(self):
        """Return the median milliseconds between each two stages."""
        medians = np.median(np.diff(self.times, axis=1), axis=0) * 1000
        return dict(zip(HOPS[: len(medians)], medians, strict=True))


def joined(measured):
    """Return the timings of several measurements as one."""
    return Timings(np.vstack([each.times for each in measured]))


def percentiles(seconds):
    """Return p50, p95, p99 and the maximum, in milliseconds."""
    shares = np.percentile(seconds, [50, 95, 99, 100]) * 1000
    return dict(zip(("p50", "p95", "p99", "max"), map(float, shares.round(1)), strict=True))


def follow(pipeline, changes, seed, updated=0, view=False, warm_up=WARM_UP):
    """Make changes one by one and return when each reached Kafka, Pinot and, with `view`, the Trino view.

    The pauses between changes are random, so that they are not in step with any polling. Updates and inserts alternate.
    The topic has one partition, which keeps the order: when n changes are visible, they are the first n. The first
    changes let the JVMs compile their code and are not counted.

    Args:
        pipeline: A running pipeline with rows to update.
        changes: Number of changes.
        seed: Seed of the random pauses.
        updated: Highest id that earlier measurements updated; this one updates the rows after it.
        view: Whether to query the view too, which takes processor time from all other stages.
        warm_up: Number of changes before those that are counted.
    """
    pauses = random.Random(seed)
    changes += warm_up
    query = "SELECT count(*) FROM {} WHERE op IN ('u', 'c')"
    with pipeline.connection() as connection, ThreadPoolExecutor() as pool:
        deadline = time.monotonic() + changes * MEAN_PAUSE + VISIBLE_WITHIN
        counts = {"in Pinot": lambda: pipeline.platform.pinot.query(query.format(in_pinot(pipeline.name)))[0][0]}
        before = counts["in Pinot"]()
        if view:
            view_query = query.format(f"hive.views.{pipeline.quoted}")
            counts["in the view"] = lambda: pipeline.platform.trino.query(view_query)[0][0]
        watched = [
            pool.submit(_first_seen, count, PAUSES[stage], before, changes, deadline) for stage, count in counts.items()
        ]
        sent = []
        for number in range(changes):
            time.sleep(pauses.uniform(0, 2 * MEAN_PAUSE))
            if number % 2:
                statement = f"INSERT INTO {pipeline.quoted} (customer_id, name) VALUES (%s, 'new')"
            else:
                statement = f"UPDATE {pipeline.quoted} SET name = 'other' WHERE id = %s"
            sent.append(time.time())
            connection.execute(statement, [updated + number // 2 + 1])
        seen = [future.result() for future in watched]
    changed = [pair for pair in pipeline.messages_with_events() if pair[1]["op"] in {"u", "c"}][-changes:]
    read = [event["ts_ms"] / 1000 for _, event in changed]
    stored = [message.timestamp()[1] / 1000 for message, _ in changed]
    return Timings(np.array([sent, read, stored, *seen]).T[warm_up:])


def _first_seen(count, pause, before, changes, deadline):
    """Return when each change was first counted, by calling `count` until all are."""
    counts, times = [], []
    while not counts or counts[-1] < changes:
        counts.append(count() - before)
        times.append(time.time())
        time.sleep(pause)
        if time.monotonic() > deadline:
            raise AssertionError(f"only {counts[-1]} of {changes} changes became visible")
    return [times[bisect_left(counts, number)] for number in range(1, changes + 1)]


def draw(to_pinot, to_view):
    """Draw the latency distribution of each way, and how long the changes followed to the view were in each stage."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    distribution, hops = figure.subplots(1, 2)
    for line, stage, measured in (("-", "in Pinot", to_pinot), ("--", "in the view", to_view)):
        for way, timings in measured.items():
            milliseconds = np.sort(timings.until(stage)) * 1000
            shares = np.arange(1, len(milliseconds) + 1) / len(milliseconds)
            distribution.plot(milliseconds, shares, line, label=f"{way}, {stage}")
    distribution.set(xscale="log", xlabel="ms since it was sent", ylabel="share of changes visible")
    distribution.legend()
    for way, timings in to_view.items():
        left = 0
        for place, (hop, length) in enumerate(timings.hops().items()):
            hops.barh(way, length, left=left, color=f"C{place}", label=hop if way == next(iter(to_view)) else None)
            left += length
    hops.set(xlabel="ms, median of each hop")
    hops.legend()
    return figure
