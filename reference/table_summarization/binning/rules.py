"""Binning rules: group the many numbers or times of a column into few intervals, which patterns use as values.

Open it to see how a rule chooses its edges, or to add one. A rule gets all distinct values of a column with their row
counts, and returns the intervals, which therefore depend neither on partitions nor on the order of rows. Intervals are
half-open, `[low, high)`, except that the last quantile is closed; `Summary.bins` has their edges.
"""

import bisect
import datetime as dt
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from reference.table_summarization.errors import SummaryError
from reference.table_summarization.values import Interval, Value, canonical, order, shown

Intervals: TypeAlias = tuple[Interval, ...]

_MOST_INTERVALS = 100_000


class Binning(Protocol):
    """A rule that returns the intervals of a column."""

    def intervals(self, values: Sequence[Any], counts: Sequence[int]) -> Intervals | None:
        """Return the intervals of a column of numbers or times.

        Args:
            values: The column's distinct values in ascending order, without missing ones; all are numbers, or all are
                dates, or all are instants.
            counts: The number of rows of each value.

        Returns:
            Ascending intervals without gaps that cover all values; None to leave the values as they are.
        """


@dataclass(frozen=True)
class AsValues:
    """No bins: numbers and times stay as they are."""

    def intervals(self, values: Sequence[Any], counts: Sequence[int]) -> None:
        """Return None: the values stay as they are."""


@dataclass(frozen=True)
class Quantiles:
    """Intervals with about the same number of rows.

    The k-th edge is the smallest value such that at least k/n of the rows have it or a smaller value, so every edge is
    a value of the table. Equal edges are merged: if half of a column's rows are 0, it has fewer intervals.

    Attributes:
        n: Number of intervals; at least 2.
    """

    n: int = 4

    def __post_init__(self) -> None:
        if self.n % 1 or not 2 <= self.n <= _MOST_INTERVALS:
            raise SummaryError(f"quantiles need at least 2 parts and at most {_MOST_INTERVALS}, not {self.n}")

    def intervals(self, values: Sequence[Any], counts: Sequence[int]) -> Intervals:
        """Return the intervals between quantiles, from the least value to the greatest."""
        running = list(itertools.accumulate(counts))
        edges = [values[0]]
        for k in range(1, self.n):
            edge = values[bisect.bisect_left(running, k * running[-1], key=lambda rows: rows * self.n)]
            if edge > edges[-1]:
                edges.append(edge)
        return _between([*edges, values[-1]])


def _between(edges: Sequence[Any]) -> Intervals:
    """Return the intervals between neighbouring edges; the last interval is closed."""
    pairs = list(itertools.pairwise(edges))
    return tuple(_interval(low, high, closed=position == len(pairs) - 1) for position, (low, high) in enumerate(pairs))


def _interval(low: Any, high: Any, *, closed: bool) -> Interval:
    low, high = canonical(low), canonical(high)
    label = shown(low) if closed and low == high else f"[{shown(low)}, {shown(high)}{']' if closed else ')'}"
    return Interval(low, high, closed, label)


@dataclass(frozen=True)
class Auto:
    """The default: few values stay as they are, many become quantiles.

    Attributes:
        values: Maximum number of distinct values that stay as they are.
        quantiles: Number of intervals for a column with more distinct values.
    """

    values: int = 32
    quantiles: int = 4

    def intervals(self, values: Sequence[Any], counts: Sequence[int]) -> Intervals | None:
        """Return None for few values, quantiles for many."""
        return Quantiles(self.quantiles).intervals(values, counts) if len(values) > self.values else None


@dataclass(frozen=True)
class Edges:
    """Intervals with given edges: below the first edge, from edge to edge, from the last edge on.

    Attributes:
        edges: Ascending numbers, dates or instants.
        labels: The intervals' labels, one more than edges; by default `< 0`, `[0, 15)`, `>= 15`.
    """

    edges: tuple[Any, ...]
    labels: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if not self.edges or any(edge != edge for edge in self.edges):
            raise SummaryError(f"give one or more edges, which are numbers or times, not {list(self.edges)}")
        try:
            ascending = all(low < high for low, high in itertools.pairwise(self.edges))
        except TypeError:
            raise SummaryError(f"give edges that are all numbers, or all times, not {list(self.edges)}") from None
        if not ascending:
            raise SummaryError(f"give edges in ascending order, not {list(self.edges)}")
        if self.labels is not None and len(set(self.labels)) != len(self.edges) + 1:
            raise SummaryError(f"{len(self.edges)} edges need {len(self.edges) + 1} different labels")

    def intervals(self, values: Sequence[Any], counts: Sequence[int]) -> Intervals:
        """Return the stated intervals, whatever the values are."""
        edges = [_comparable(canonical(edge), values[0]) for edge in self.edges]
        intervals = [
            Interval(None, edges[0], False, f"< {shown(edges[0])}"),
            *(_interval(low, high, closed=False) for low, high in itertools.pairwise(edges)),
            Interval(edges[-1], None, False, f">= {shown(edges[-1])}"),
        ]
        labels = self.labels or tuple(interval.label for interval in intervals)
        return tuple(
            Interval(interval.low, interval.high, interval.closed, label)
            for interval, label in zip(intervals, labels, strict=True)
        )


def _comparable(edge: Any, value: Any) -> Any:
    """Return an edge converted to the type of a column's values: for instants, a date becomes its first instant."""
    if isinstance(value, dt.datetime):
        if not isinstance(edge, dt.datetime) and isinstance(edge, dt.date):
            edge = dt.datetime.combine(edge, dt.time())
        if isinstance(edge, dt.datetime) and edge.tzinfo is None:
            edge = edge.replace(tzinfo=value.tzinfo)
    if order(edge)[0] != order(value)[0]:
        raise SummaryError(f"an edge of {shown(edge)} cannot cut values such as {shown(value)}")
    return edge


@dataclass(frozen=True)
class Width:
    """Intervals of equal width for numbers; the edges are multiples of the width.

    Attributes:
        width: The width, above 0.
    """

    width: float

    def __post_init__(self) -> None:
        if not (self.width > 0 and math.isfinite(self.width)):
            raise SummaryError(f"a width must be a number above 0, not {self.width}")

    def intervals(self, values: Sequence[Any], counts: Sequence[int]) -> Intervals:
        """Return the intervals from the least value to the greatest."""
        if isinstance(values[0], dt.date):
            raise SummaryError("a width is for numbers; bin times by year, month, day or hour")
        if not (math.isfinite(values[0]) and math.isfinite(values[-1])):
            raise SummaryError("a column with infinite values cannot be binned by a width; give edges")
        try:
            first, last = math.floor(values[0] / self.width), math.floor(values[-1] / self.width)
        except OverflowError:
            raise SummaryError(f"a width of {self.width} is too small for these values; take a larger one") from None
        if last - first > _MOST_INTERVALS:
            raise SummaryError(f"a width of {self.width} makes {last - first + 1} intervals; take a larger one")
        edges = [k * self.width for k in range(first, last + 2)]
        if any(low >= high for low, high in itertools.pairwise(edges)):  # adding the width changes no value so large
            raise SummaryError(f"a width of {self.width} is too small for these values; take a larger one")
        return tuple(_interval(low, high, closed=False) for low, high in itertools.pairwise(edges))


_UNITS = {"year": 4, "month": 7, "day": 10, "hour": 13}


@dataclass(frozen=True)
class Every:
    """Calendar intervals for dates and instants: every year, month, day or hour that occurs.

    Attributes:
        unit: `year`, `month`, `day` or `hour`.
    """

    unit: str

    def __post_init__(self) -> None:
        if self.unit not in _UNITS:
            raise SummaryError(f"a unit of time is one of {', '.join(_UNITS)}, not {self.unit!r}")

    def intervals(self, values: Sequence[Any], counts: Sequence[int]) -> Intervals:
        """Return an interval for each unit that has values, labeled as in ISO 8601, such as `2013-01`.

        An interval ends at the start of the next unit that has values.
        """
        if not isinstance(values[0], dt.date):
            raise SummaryError(f"{self.unit} is for times; bin numbers by edges, quantiles or a width")
        starts = []
        position = 0
        while position < len(values):
            starts.append(self._start(values[position]))
            position = bisect.bisect_left(values, self._next(starts[-1]), lo=position + 1)
        return tuple(
            Interval(low, high, False, low.isoformat()[: _UNITS[self.unit]])
            for low, high in zip(starts, [*starts[1:], None], strict=True)
        )

    def _next(self, start: dt.date) -> dt.date:
        """Return the start of the next unit; the end of the calendar if there is none."""
        days = {"year": 366, "month": 31, "day": 1, "hour": 0}[self.unit]
        try:
            return self._start(start + dt.timedelta(days=days, hours=self.unit == "hour"))
        except OverflowError:
            return type(start).max.replace(tzinfo=start.tzinfo) if isinstance(start, dt.datetime) else dt.date.max

    def _start(self, value: dt.date) -> dt.date:
        if self.unit != "hour":
            month = value.month if self.unit != "year" else 1
            value = value.replace(month=month, day=value.day if self.unit == "day" else 1)
        if isinstance(value, dt.datetime):
            return value.replace(hour=value.hour if self.unit == "hour" else 0, minute=0, second=0, microsecond=0)
        return value


Rules: TypeAlias = Binning | Mapping[Any, Binning]
"""One rule for all columns, or rules by column; the key None is for columns without a rule, by default `Auto()`."""


def rule_for(rules: Rules, column: str) -> Binning:
    """Return the rule of a column."""
    if not isinstance(rules, Mapping):
        return rules
    return rules.get(column) or rules.get(None) or Auto()


def binnable(values: Sequence[Value]) -> bool:
    """Return whether values, which ascend by `order`, are all numbers, or all dates, or all instants."""
    if not values or order(values[0])[0] != order(values[-1])[0]:
        return False
    return isinstance(values[0], int | float | dt.date) and not isinstance(values[0], bool)


def parse_rule(text: str) -> Binning:
    """Parse a rule as it is written on the command line.

    `values`, `auto`, `quantiles:5`, `width:10`, `year`, `month`, `day`, `hour`, or edges such as `0,15,60` and
    `2013-06-01,2013-09-01`.

    Raises:
        SummaryError: The text is none of these.
    """
    name, _, argument = text.partition(":")
    try:
        match name:
            case "values":
                return AsValues()
            case "auto":
                return Auto()
            case "quantiles":
                return Quantiles(int(argument or 4))
            case "width":
                return Width(_number(argument))
            case _ if name in _UNITS:
                return Every(name)
            case _:
                return Edges(tuple(_edge(edge) for edge in text.split(",")))
    except SummaryError:
        raise
    except ValueError:
        raise SummaryError(
            f"{text!r} is not a binning rule; write values, auto, quantiles:4, width:10, year, month, day, hour, "
            "or edges such as 0,15,60"
        ) from None


def _number(text: str) -> float:
    number = float(text)
    return int(number) if number.is_integer() else number


def _edge(text: str) -> Any:
    for read in (_number, dt.date.fromisoformat):
        try:
            return read(text)
        except ValueError:
            continue
    return dt.datetime.fromisoformat(text)


def interval_of(intervals: Intervals, value: Any) -> int:
    """Return the position of the interval that contains a value."""
    return bisect.bisect_right([i.low for i in intervals[1:]], value)
