"""The document's table of times, seen again and beside ours, and the sentence that misreads it."""

import math
import time

import dask.dataframe as dd
import pytest

from fixtures.services.service import NotAvailable
from reference.table_summarization import summarize
from scenarios.table_summarization import published
from scenarios.table_summarization.published import PATTERNS

SECONDS = published.seconds()
PEERS = "0001_peers.json"


def slope(seconds, rows):
    """The exponent of growth over the decade up to so many rows."""
    return math.log10(seconds[rows] / seconds[rows // 10])


@pytest.fixture(scope="module")
def ours(client, patients):
    """Our seconds by rows on the document's cluster, making the table left out as there; the quicker of two."""

    def seconds(rows):
        table = dd.from_pandas(patients(rows), npartitions=published.PARTITIONS)
        taken = []
        for _ in range(2):
            start = time.perf_counter()
            summary = summarize(table, client=client)
            taken.append(time.perf_counter() - start)
        assert summary.patterns[0].pattern == PATTERNS[0]["pattern"]
        return min(taken)

    return {rows: seconds(rows) for rows in (10, 1_000, 100_000)}


class TestTheTable:
    @pytest.mark.claim("tsum-3")
    def test_is_flat_and_then_grows(self):
        assert list(SECONDS) == [10**power for power in range(1, 8)]
        assert max(SECONDS[rows] for rows in (100, 1_000, 10_000)) < 1.05 * SECONDS[1_000]
        assert slope(SECONDS, 1_000_000) == pytest.approx(0.57, abs=0.005)
        assert slope(SECONDS, 10_000_000) == pytest.approx(0.94, abs=0.005)

    @pytest.mark.claim("tsum-3")
    def test_begins_as_flat_here_and_far_above_ours(self, published_package, ours, evidence):
        """A hundred times the rows cost the published package little: it is not the rows that take its time."""
        peer = published_package(1)
        theirs = {rows: peer.run("patients", rows, within=200) for rows in (10, 1_000)}

        assert in_order(theirs[10].value) == PATTERNS
        assert theirs[1_000].seconds < 4 * theirs[10].seconds
        assert all(theirs[rows].seconds > 20 * ours[rows] for rows in theirs)
        evidence.table(
            "seconds: ours on the document's cluster, the published package without one, which is quicker",
            [
                {
                    "rows": rows,
                    "published, i7-8750H": SECONDS[rows],
                    "published package here": round(theirs[rows].seconds, 2) if rows in theirs else "",
                    "ours here": round(ours[rows], 4) if rows in ours else "",
                }
                for rows in SECONDS
            ],
        )

    @pytest.mark.claim("tsum-3")
    def test_grows_here_as_it_does_there(self, evidence):
        """The sizes that take minutes are run by `make peers`, and its run is stored."""
        if not (published.RUNS / PEERS).exists():
            raise NotAvailable("no run of the published package's large sizes is stored: make peers")
        here = published.seconds(PEERS)

        assert list(here) == list(SECONDS)
        assert max(here[rows] for rows in (100, 1_000, 10_000)) < 2 * here[100]
        assert 0.25 < slope(here, 1_000_000) < 0.85
        assert 0.75 < slope(here, 10_000_000) < 1.15
        evidence.table(
            "the published package's seconds", [{"rows": n, "there": SECONDS[n], "here": here[n]} for n in SECONDS]
        )


def in_order(patterns):
    return sorted(patterns, key=lambda each: -each["saving"])


class TestTheSlowestRun:
    """The text puts its minutes beside a number of rows; the loop's last n makes n copies of ten rows."""

    @pytest.mark.claim("tsum-8", shows="published")
    def test_stands_beside_another_number_in_the_table(self, document):
        rows, minutes = document.SLOWEST

        assert rows == 1_000_000
        assert round(SECONDS[rows] / 60) == 2
        (table_rows,) = (each for each, seconds in SECONDS.items() if int(seconds / 60) == minutes)
        assert table_rows == 10_000_000 == 10 * rows

    @pytest.mark.claim("tsum-8", shows="corrected")
    def test_stands_beside_the_same_number_in_the_table(self, document):
        rows, minutes = document.SLOWEST

        assert int(SECONDS[rows] / 60) == minutes
        assert rows == len(published.data()) * 1e6
