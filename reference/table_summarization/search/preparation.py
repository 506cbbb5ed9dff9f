"""Convert counted rows to the input of the search, and a column's counts to the input of a binning rule.

Values get codes in the order that breaks ties (`values.order`). A value of a single row gets no code, since no pattern
with it saves anything.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from reference.table_summarization.binning.rules import binnable
from reference.table_summarization.encoding.arrays import missing_in, to_arrow, to_numpy
from reference.table_summarization.encoding.counts import Counts, Recodings, tally_of
from reference.table_summarization.encoding.dictionaries import values_of
from reference.table_summarization.encoding.sorting import sorted_distinct
from reference.table_summarization.search.costs import stored_bits
from reference.table_summarization.search.table import NO_VALUE, CodedTable, Column
from reference.table_summarization.values import Value, canonical, order

_Longs = npt.NDArray[np.int64]


def prepare_table(counts: Counts, recodings: Recodings, *, ignore_missing: bool) -> CodedTable:
    """Return the input of the search.

    Under every cost model a pattern of one row saves nothing. A value of one row therefore gets no code, so that a
    column of a hundred million different names need not be sorted.

    Args:
        counts: The distinct rows.
        recodings: The replacements of values that were applied when rows were counted, by column.
        ignore_missing: Whether patterns may not fix a missing value.
    """
    columns, codes = [], []
    rows = int(counts.weights.sum())
    for name in sorted(counts.names):
        position = counts.names.index(name)
        cells, dictionary = counts.column(position)
        tally = tally_of(cells, counts.weights, len(dictionary))
        recoding = recodings.get(name)
        if recoding is None:
            missing = missing_in(dictionary)
            chosen = np.flatnonzero((tally > 1) & ~(missing & ignore_missing))
            values = values_of(dictionary.take(to_arrow(chosen)))
            bits = _stored_bits(dictionary)
        else:
            replaced: list[Value] = recoding.values
            positions = to_numpy(dictionary)
            missing = np.array([p < len(replaced) and replaced[p] is None for p in positions])
            chosen = np.flatnonzero((tally > 1) & (positions < len(replaced)) & ~(missing & ignore_missing))
            values = [replaced[positions[c]] for c in chosen]
            bits = np.array([stored_bits(replaced[p]) if p < len(replaced) else 0 for p in positions], dtype=np.int64)
        ascending = sorted(range(len(values)), key=lambda position: order(values[position]))
        code_of = np.full(len(dictionary), NO_VALUE, dtype=np.int32)
        code_of[chosen[ascending]] = np.arange(len(chosen), dtype=np.int32)
        domain = int(np.count_nonzero(tally))
        mean_bits = -(-int(tally @ bits) // rows)
        columns.append(Column(name, [values[position] for position in ascending], domain, mean_bits))
        codes.append(code_of[cells])
    return CodedTable(tuple(columns), np.array(codes, dtype=np.int32), counts.weights, rows)


def _stored_bits(dictionary: pa.Array) -> _Longs:
    """Return `costs.stored_bits` of each value of a dictionary."""
    if dictionary.type == pa.large_binary():
        return np.array([stored_bits(value) for value in values_of(dictionary)], dtype=np.int64)
    missing = missing_in(dictionary)
    bits = np.where(missing | (dictionary.type == pa.bool_()), 8, 64).astype(np.int64)
    if dictionary.type == pa.large_string():
        bits[~missing] = 8 * to_numpy(pc.binary_length(dictionary.drop_null()))
    return bits


class _Values(Sequence[Any]):
    """An array's values, each of which is converted when it is read: a binning rule reads few of millions."""

    def __init__(self, array: pa.Array) -> None:
        self._array = array

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, position: Any) -> Any:
        return canonical(self._array[position].as_py())


def distribution(counts: Counts) -> tuple[Sequence[Any], list[int]] | None:
    """Return a column's values in ascending order, without missing ones, and the number of rows of each.

    Args:
        counts: The distinct rows of this single column.

    Returns:
        Values and numbers of rows; None if the column cannot be binned: it has no values, or they are not all numbers,
        or all dates, or all instants.
    """
    (dictionary,) = counts.dictionaries
    found = sorted_distinct(dictionary, tally_of(counts.codes[0], counts.weights, len(dictionary)))
    if found is not None:
        values, tally = found
        known = len(values) - values.null_count  # a missing one is last
        return (_Values(values[:known]), tally[:known].tolist()) if known else None
    if dictionary.type != pa.large_binary():
        return None
    cells, dictionary = counts.column(0)
    tally = tally_of(cells, counts.weights, len(dictionary))
    present = np.flatnonzero((tally > 0) & ~missing_in(dictionary))
    serialized = values_of(dictionary.take(to_arrow(present)))
    positions: Iterable[int] = sorted(range(len(serialized)), key=lambda position: order(serialized[position]))
    ordered = [serialized[position] for position in positions]
    return (ordered, tally[present][list(positions)].tolist()) if binnable(ordered) else None
