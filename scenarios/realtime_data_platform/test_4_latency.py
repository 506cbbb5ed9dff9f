"""How long a change takes to Pinot and to the view, from when it is sent to PostgreSQL: its commit included."""

import pytest
from hypothesis import settings

from fixtures.measure.comparison import Comparison
from scenarios.realtime_data_platform.latency import WARM_UP, drawn, follow, percentiles

TIMES_FASTER = 5
AIMS = {"in Pinot": 250, "in the view": 500}  # p99 in milliseconds, aimed at and not gated
CHANGES, TO_THE_VIEW = (1_000, 1_000) if settings.get_current_profile_name() == "soak" else (300, 100)


@pytest.fixture(scope="module")
def lines(chains):
    """A chain as published and one as tuned, with rows to update; one way's at a time, asked as `lines(way)`."""

    def lay(way):
        chain = chains(f"quick_{way}")
        chain.sql(
            f"INSERT INTO {chain.quoted} (customer_id, name) SELECT i, 'one' FROM generate_series(1, %s) i",
            CHANGES + TO_THE_VIEW + WARM_UP,
        )
        return chain.lay(way, people=[])

    return lay


@pytest.mark.claim("rdp-14")
@pytest.mark.timeout(600)
def test_tuned_a_change_is_seen_five_times_sooner_than_as_published(lines, versus, evidence):
    kept = []

    def measure(attempt):
        passages, views = {}, {}
        for way, called in (("published", "as published"), ("corrected", "tuned")):
            chain = lines(way)
            passages[called] = follow(chain, CHANGES, seed=attempt)
            views[called] = follow(chain, TO_THE_VIEW, seed=attempt, updated=CHANGES, view=True)
            chain.remove()
        kept.append((passages, views))
        seen = (passages[called].until("in Pinot") for called in ("tuned", "as published"))
        return Comparison(*map(list, seen), 1 / TIMES_FASTER, ("tuned", "as published"))

    try:
        versus.judge(measure)
    finally:
        for attempt, followed in enumerate(kept, 1):
            _keep(*followed, evidence, f" {attempt}" if attempt > 1 else "")


def _keep(passages, views, evidence, which):
    rows = [
        {"way": way, "seen": station, "changes": len(passage.times), **(shares := percentiles(passage.until(station)))}
        | {"p99 aimed at": aim, "met": shares["p99"] < aim}
        for (station, aim), followed in zip(AIMS.items(), (passages, views), strict=True)
        for way, passage in followed.items()
    ]
    evidence.table(f"ms from sent to seen{which}", rows)
    hops = [
        {"way": way} | {hop: round(float(each), 1) for hop, each in passage.hops().items()}
        for way, passage in views.items()
    ]
    evidence.table(f"ms of each hop while the view is read, median{which}", hops)
    evidence.figure(f"the distribution, and where the time goes{which}", drawn(passages, views))
