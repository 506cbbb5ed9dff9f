"""How long a change takes until it is visible in Pinot and in the view, its commit in PostgreSQL included."""

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import settings

from fixtures.measure.comparison import Comparison
from scenarios.realtime_data_platform.latency import WARM_UP, draw, follow, joined, percentiles

WAYS = {"as published": "published", "tuned": "corrected"}
# The published view reads no more than the newest change of each key, and is wrong under updates.
BOUNDS = {"in Pinot": 1 / 5, "in the view": 2}
CHANGES, TO_THE_VIEW = (1_000, 1_000) if settings.get_current_profile_name() == "soak" else (300, 100)
ROUNDS = 2
ROWS = 2 * (CHANGES + TO_THE_VIEW) + 4 * WARM_UP


@pytest.fixture(scope="module")
def start_with_rows(make_pipeline):
    """Starts a pipeline of a table with rows to update, as published or tuned."""

    def start(way, attempt):
        pipeline = make_pipeline(f"latency_{way}_{attempt}")
        pipeline.sql(
            f"INSERT INTO {pipeline.quoted} (customer_id, name) SELECT i, 'one' FROM generate_series(1, %s) i", ROWS
        )
        return pipeline.start(way, people=[])

    return start


def measured(pipelines, seed):
    """Follow changes of both ways in turn, and return the timings by stage and way."""
    found, updated = defaultdict(lambda: defaultdict(list)), dict.fromkeys(pipelines, 0)
    for number in range(ROUNDS):
        warm_up = 0 if number else WARM_UP
        for stage, changes in (("in Pinot", CHANGES // ROUNDS), ("in the view", TO_THE_VIEW // ROUNDS)):
            for way, pipeline in pipelines.items():
                options = {"updated": updated[way], "view": stage == "in the view", "warm_up": warm_up}
                found[stage][way].append(follow(pipeline, changes, seed=seed + number, **options))
                updated[way] += (changes + warm_up) // 2 + 1
    return {stage: {way: joined(each) for way, each in ways.items()} for stage, ways in found.items()}


@pytest.mark.claim("rdp-14")
@pytest.mark.timeout(600)
def test_tuned_pipeline_is_five_times_faster(start_with_rows, versus, evidence):
    attempts = {}

    def measure(attempt):
        if attempt not in attempts:
            with ThreadPoolExecutor() as pool:  # before anything is measured: each start mostly waits for the servers
                started = pool.map(start_with_rows, WAYS.values(), [attempt] * len(WAYS))
                attempts[attempt] = measured(dict(zip(WAYS, started, strict=True)), seed=attempt)
        return attempts[attempt]

    def compared(stage):
        def compare(attempt):
            latencies = (measure(attempt)[stage][way].until(stage) for way in ("tuned", "as published"))
            return Comparison(*map(list, latencies), BOUNDS[stage], ("tuned", "as published"))

        return compare

    try:
        for stage in BOUNDS:
            versus.judge(compared(stage))
    finally:
        for attempt, stages in attempts.items():
            _add_evidence(stages, evidence, f" {attempt + 1}" if attempt else "")


def _add_evidence(stages, evidence, which):
    rows = [
        {"way": way, "seen": stage, "changes": len(timings.times), **percentiles(timings.until(stage))}
        for stage, measured in stages.items()
        for way, timings in measured.items()
    ]
    evidence.table(f"ms from sent to visible{which}", rows)
    hops = [
        {"way": way} | {hop: round(float(each), 1) for hop, each in timings.hops().items()}
        for way, timings in stages["in the view"].items()
    ]
    evidence.table(f"ms of each hop while the view is read, median{which}", hops)
    evidence.figure(f"distribution of the latency, and the time of each hop{which}", draw(*stages.values()))
