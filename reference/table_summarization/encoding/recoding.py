"""Replace the values of a column before rows are counted: by their interval, or by "any other value".

A recoding replaces the values of a column's dictionary, and so handles each distinct value once. Its result is a
dictionary of positions in the recoding's `values`; no other dictionary has their type, int32. Open this module to add
another replacement.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from reference.table_summarization.binning.rules import Intervals, interval_of
from reference.table_summarization.encoding.arrays import missing_in, to_arrow, to_numpy
from reference.table_summarization.encoding.dictionaries import Coded, Codes, values_of
from reference.table_summarization.values import Value

POSITIONS = pa.int32()

_Numbers: TypeAlias = npt.NDArray[np.int64 | np.int32 | np.float64]


class Recoding(Protocol):
    """A replacement of values."""

    @property
    def quick(self) -> bool:
        """Whether replacing a value is as fast as encoding it, so that the column need not be encoded first."""

    @property
    def values(self) -> list[Value]:
        """The values after the replacement; positions beyond them stand for values that no pattern can fix."""

    def positions(self, dictionary: pa.Array) -> Codes:
        """Return for each value of a dictionary the position of its replacement."""


def recode(column: Coded, recoding: Recoding) -> Coded:
    """Return a column with its values replaced."""
    positions = recoding.positions(column.dictionary)
    return Coded(positions[column.codes], to_arrow(np.arange(len(recoding.values) + 1, dtype=np.int32)))


@dataclass(frozen=True)
class ReplaceByInterval:
    """Replaces each value by the interval that contains it; a missing value stays missing.

    Attributes:
        intervals: The intervals.
        quick: True: the interval is found by a binary search.
    """

    intervals: Intervals
    quick: bool = True

    @property
    def values(self) -> list[Value]:
        """The intervals, and then the missing value."""
        return [*self.intervals, None]

    def positions(self, dictionary: pa.Array) -> Codes:
        """Return the position of each value's interval; the last position is for missing values."""
        edges = [interval.low for interval in self.intervals[1:]]
        missing = len(edges) + 1
        numbers = _as_numbers(dictionary, edges)
        if numbers is None:
            values = values_of(dictionary)
            return np.array([missing if v is None else interval_of(self.intervals, v) for v in values], dtype=np.int32)
        positions: Codes = np.searchsorted(numbers[1], numbers[0], side="right").astype(np.int32)
        positions[missing_in(dictionary)] = missing
        return positions


def _as_numbers(dictionary: pa.Array, edges: Sequence[Any]) -> tuple[_Numbers, _Numbers] | None:
    """Return values and edges as numbers of one type, in the same order; None for `dictionaries.serialized` values."""
    kind = dictionary.type
    if pa.types.is_floating(kind):
        return to_numpy(dictionary), np.array([_float_from(edge) for edge in edges])
    if pa.types.is_integer(kind) and all(abs(edge) < 1 << 62 for edge in edges):
        return to_numpy(dictionary), np.array([math.ceil(edge) for edge in edges], dtype=np.int64)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        whole = pa.int32() if pa.types.is_date(kind) else pa.int64()
        values = (to_numpy(array.cast(whole)) for array in (dictionary, pa.array(edges, kind)))
        return next(values), next(values)
    return None


def _float_from(edge: float) -> float:
    """Return the smallest float that is not below an edge, which may be an integer beyond 2**53."""
    try:
        nearest = float(edge)
    except OverflowError:
        return math.inf if edge > 0 else -math.inf
    return nearest if nearest >= edge else math.nextafter(nearest, math.inf)


@dataclass(frozen=True)
class KeepOnly:
    """Keeps a few values, and replaces all others by one value that no pattern can fix.

    Attributes:
        values: The values that stay.
        before: A recoding that is applied first, or None.
        quick: False: values are looked up one by one.
    """

    values: list[Value]
    before: Recoding | None = None
    quick: bool = False

    @cached_property
    def _position_by_value(self) -> dict[tuple[type, Value], int]:
        # True equals 1 in Python, but is a different value here.
        return {(type(value), value): position for position, value in enumerate(self.values)}

    def positions(self, dictionary: pa.Array) -> Codes:
        """Return the positions of the values that stay; all others get the position after those."""
        if self.before is None:
            first = None
            values = values_of(dictionary)
        else:
            first = self.before.positions(dictionary)
            values = self.before.values
        kept_positions = [self._position_by_value.get((type(value), value), len(self.values)) for value in values]
        kept = np.array([*kept_positions, len(self.values)], dtype=np.int32)
        # A value that the first recoding does not keep has the position after its values, and gets that position here.
        positions: Codes = kept[:-1] if first is None else kept[first]
        return positions
