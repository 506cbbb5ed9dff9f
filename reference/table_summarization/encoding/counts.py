"""Count distinct rows part by part, and merge the counts of the parts.

Threads, the workers of a cluster and the client exchange `Counts` only: distinct rows with their counts, never all
rows. If even the distinct rows are too many, they are sampled: see `Counts.sampled`. Open this module to see how rows
are grouped, which takes most of the time of a summary.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from reference.table_summarization.encoding.arrays import to_arrow, to_numpy
from reference.table_summarization.encoding.dictionaries import (
    Coded,
    Codes,
    encode,
    merge_dictionaries,
    to_common_type,
)
from reference.table_summarization.encoding.recoding import Recoding, recode
from reference.table_summarization.encoding.sorting import sorted_distinct

Recodings: TypeAlias = Mapping[str, Recoding]
_Longs: TypeAlias = npt.NDArray[np.int64]

# Maximum number of combinations of values for which rows are counted in an array with an element for each combination.
_FEW = 1 << 16
# Number of rows that are counted at a time, so that their keys stay in a core's cache.
_BLOCK = 1 << 16
# Maximum number of combinations of values that a key of 64 bits can number.
_MOST_KEYS = 1 << 62


@dataclass(frozen=True)
class Counts:
    """Distinct rows of a part of a table.

    Attributes:
        names: The columns.
        dictionaries: Each column's values; see `dictionaries`.
        codes: Shape (columns, distinct rows): positions in the dictionaries.
        weights: Shape (distinct rows,): the number of rows of the table that each represents. If nearly all rows
            differ, equal rows may be listed more than once, because merging them would take more time than it saves.
        rows: Number of rows that were counted.
        halvings: Number of times that sampling kept about half of the rows; 0 if the counts are exact.
        deduplicated: Whether each dictionary is known to hold each value once.
    """

    names: tuple[str, ...]
    dictionaries: tuple[pa.Array, ...]
    codes: npt.NDArray[np.int32]
    weights: _Longs
    rows: int
    halvings: int = 0
    deduplicated: bool = False

    def sampled(self, max_rows: int) -> "Counts":
        """Return these counts, sampled down to at most `max_rows` distinct rows.

        Each row of the table is kept with probability 1/2 (by one binomial draw for each distinct row), and this is
        repeated until at most `max_rows` are left. The result is a simple random sample of rows, so frequent patterns
        keep about their share. The random numbers have a fixed seed; unlike exact counts, they depend on the
        partitioning.
        """
        if len(self.weights) <= max_rows:
            return self
        codes, weights = _grouped(self.codes, self._sizes, self.weights, exhaustive=True)
        random = np.random.default_rng([self.rows, self.halvings])
        halvings = self.halvings
        while len(weights) > max_rows:
            drawn = random.binomial(weights, 0.5)
            codes, weights = codes[:, drawn > 0], drawn[drawn > 0]
            halvings += 1
        sampled = replace(self, codes=codes, weights=weights.astype(np.int64), halvings=halvings)
        return sampled.compacted() if halvings > self.halvings else sampled

    def column(self, position: int) -> tuple[Codes, pa.Array]:
        """Return a column's codes, and its dictionary without duplicates."""
        if self.deduplicated:
            return self.codes[position], self.dictionaries[position]
        (moves,), dictionary = merge_dictionaries([self.dictionaries[position]])
        return moves[self.codes[position]], dictionary

    def recounted(self, names: Sequence[str], recodings: Recodings, max_rows: int) -> "Counts":
        """Return the counts of some of the columns, with values replaced, as if the table had been read again."""
        columns = {name: Coded(*self.column(self.names.index(name))) for name in names}
        return count(columns, self.rows, recodings, max_rows, self.weights)

    def at(self, halvings: int) -> "Counts":
        """Return these counts, sampled at the rate of `halvings`: that of the counts they are merged with."""
        if halvings == self.halvings:
            return self
        drawn = np.random.default_rng([self.rows, halvings]).binomial(self.weights, 0.5 ** (halvings - self.halvings))
        stays = drawn > 0
        return replace(self, codes=self.codes[:, stays], weights=drawn[stays].astype(np.int64), halvings=halvings)

    def compacted(self) -> "Counts":
        """Return these counts without the dictionary values that no row has after sampling."""
        dictionaries, codes = [], []
        for dictionary, cells in zip(self.dictionaries, self.codes, strict=True):
            used = np.bincount(cells, minlength=len(dictionary)) > 0
            dictionaries.append(dictionary.take(to_arrow(np.flatnonzero(used))))
            codes.append((np.cumsum(used, dtype=np.int32) - 1)[cells])
        return replace(self, dictionaries=tuple(dictionaries), codes=np.array(codes, dtype=np.int32))

    @property
    def _sizes(self) -> list[int]:
        return [len(dictionary) for dictionary in self.dictionaries]


def are_few(columns: Iterable[Coded]) -> bool:
    """Return whether columns have so few combinations of values that an array can count them quickly."""
    combinations = 1
    for column in columns:
        combinations *= max(len(column.dictionary), 1)
    return combinations <= _FEW


def count_few(columns: Mapping[str, Any], rows: int, max_rows: int) -> Counts | None:
    """Return the counts of the distinct rows of a part of a table; None if there are more than `max_rows`.

    Args:
        columns: As in `count`.
        rows: As in `count`.
        max_rows: Maximum number of distinct rows.
    """
    coded: dict[str, Coded] = {}
    for name, column in columns.items():
        coded[name] = encode(name, column, distinct=False)
        if not are_few(coded.values()):
            return None
    dictionaries = tuple(column.dictionary for column in coded.values())
    codes, weights = _grouped([c.codes for c in coded.values()], [len(d) for d in dictionaries], None)
    return Counts(tuple(coded), dictionaries, codes, weights, rows) if len(weights) <= max_rows else None


def count(
    columns: Mapping[str, Any], rows: int, recodings: Recodings, max_rows: int, weights: _Longs | None = None
) -> Counts:
    """Count the distinct rows of a part of a table.

    Args:
        columns: By name: Arrow arrays, pandas Series, or `Coded` columns.
        rows: Number of rows of the table that they represent.
        recodings: Replacements of values before counting, by column.
        max_rows: Maximum number of distinct rows; more are sampled.
        weights: Number of rows of the table that each row represents; None if each represents one.
    """
    coded = {}
    alone = len(columns) == 1
    for name, column in columns.items():
        recoding = recodings.get(name)
        coded[name] = encode(name, column, distinct=not (alone if recoding is None else recoding.quick))
        if recoding is not None:
            coded[name] = recode(coded[name], recoding)
    if alone:
        ((name, column),) = coded.items()
        tally = tally_of(column.codes, weights, len(column.dictionary))
        if (ordered := _ordered(name, column.dictionary, tally, rows)) is not None:
            return ordered.sampled(max_rows)
    dictionaries = tuple(column.dictionary for column in coded.values())
    codes, weights = _grouped([c.codes for c in coded.values()], [len(d) for d in dictionaries], weights)
    return Counts(tuple(coded), dictionaries, codes, weights, rows).sampled(max_rows)


def merge(parts: Sequence[Counts], max_rows: int) -> Counts:
    """Return the counts of a table from the counts of its parts, sampled if there are more than `max_rows`."""
    if len(parts) == 1:
        return parts[0].sampled(max_rows)
    halvings = max(part.halvings for part in parts)
    parts = [part.at(halvings) for part in parts]
    rows = sum(part.rows for part in parts)
    if len(parts[0].names) == 1:
        values = pa.concat_arrays(to_common_type([part.dictionaries[0] for part in parts]))
        tally = np.concatenate([tally_of(part.codes[0], part.weights, len(part.dictionaries[0])) for part in parts])
        if (ordered := _ordered(parts[0].names[0], values, tally, rows, halvings)) is not None:
            return ordered.sampled(max_rows)
    deduplicated = [
        merge_dictionaries(list(dictionaries))
        for dictionaries in zip(*(part.dictionaries for part in parts), strict=True)
    ]
    codes = np.array(
        [
            np.concatenate([moves[position][part.codes[column]] for position, part in enumerate(parts)])
            for column, (moves, _) in enumerate(deduplicated)
        ],
        dtype=np.int32,
    )
    weights = np.concatenate([part.weights for part in parts])
    dictionaries = tuple(dictionary for _, dictionary in deduplicated)
    codes, weights = _grouped(codes, [len(dictionary) for dictionary in dictionaries], weights)
    return Counts(parts[0].names, dictionaries, codes, weights, rows, halvings, deduplicated=True).sampled(max_rows)


def tally_of(cells: Codes, weights: _Longs | None, size: int) -> _Longs:
    """Return the number of rows for each position in a dictionary."""
    # Sums of whole numbers in floating point are exact up to 2**53 rows.
    return np.bincount(cells, weights, minlength=size).astype(np.int64, copy=False)


def _ordered(name: str, dictionary: pa.Array, tally: _Longs, rows: int, halvings: int = 0) -> Counts | None:
    """Return the counts of a single column of numbers or times, sorted; None for a column of another type."""
    found = sorted_distinct(dictionary, tally)
    if found is None:
        return None
    codes = np.arange(len(found[0]), dtype=np.int32)[np.newaxis]
    return Counts((name,), (found[0],), codes, found[1], rows, halvings, deduplicated=True)


def _grouped(
    codes: Sequence[Codes] | npt.NDArray[np.int32],
    sizes: Sequence[int],
    weights: _Longs | None,
    *,
    exhaustive: bool = False,
) -> tuple[npt.NDArray[np.int32], _Longs]:
    """Return the codes and the weights of the distinct rows.

    Args:
        codes: Shape (columns, rows).
        sizes: Number of codes of each column.
        weights: Number of rows of the table that each row represents; None if each represents one.
        exhaustive: Whether to merge equal rows even if more than half of the rows are distinct.
    """
    rows = len(codes[0])
    if len(codes) == 1 and sizes[0] <= max(rows, _FEW):
        counted = tally_of(codes[0], weights, sizes[0])  # the codes of a single column identify its rows
        present = np.flatnonzero(counted)
        return present.astype(np.int32)[np.newaxis], counted[present]
    combinations = 1
    for size in sizes:
        combinations *= max(size, 1)
    if combinations <= _FEW:
        return _grouped_in_place(codes, sizes, combinations, weights)
    key = codes[0].astype(np.int64)
    reach = sizes[0]
    for cells, size in zip(codes[1:], sizes[1:], strict=True):
        if reach * size > _MOST_KEYS:
            key, reach = _compact(key)
            if reach * 2 > rows and not exhaustive:
                break
        key *= size
        key += cells
        reach *= size
    else:
        key, reach = _compact(key)
    if reach * 2 > rows and not exhaustive:
        return np.asarray(codes, dtype=np.int32), np.ones(rows, dtype=np.int64) if weights is None else weights
    one_of_each = np.empty(reach, dtype=np.intp)
    one_of_each[key] = np.arange(rows)
    counted = np.bincount(key, weights, minlength=reach).astype(np.int64)
    return np.array([cells[one_of_each] for cells in codes], dtype=np.int32), counted


def _compact(key: _Longs) -> tuple[_Longs, int]:
    """Renumber keys from 0 in the order of their appearance, and return them with the number of distinct keys."""
    encoded = pc.dictionary_encode(to_arrow(key))
    return to_numpy(encoded.indices).astype(np.int64), len(encoded.dictionary)


def _grouped_in_place(
    codes: Sequence[Codes] | npt.NDArray[np.int32], sizes: Sequence[int], combinations: int, weights: _Longs | None
) -> tuple[npt.NDArray[np.int32], _Longs]:
    """Do the same as `_grouped`, for few combinations of values: an array has an element for each."""
    counted = np.zeros(combinations, dtype=np.int64)
    for start in range(0, len(codes[0]), _BLOCK):
        block = slice(start, start + _BLOCK)
        key = codes[0][block].copy()
        for cells, size in zip(codes[1:], sizes[1:], strict=True):
            key *= size
            key += cells[block]
        # Sums of whole numbers in floating point are exact up to 2**53 rows.
        found = np.bincount(key, None if weights is None else weights[block], minlength=combinations)
        counted += found.astype(np.int64, copy=False)
    present = np.flatnonzero(counted)
    cells, rest = np.empty((len(sizes), len(present)), dtype=np.int32), present
    for column in reversed(range(len(sizes))):  # np.unravel_index supports at most 64 columns
        rest, cells[column] = np.divmod(rest, max(sizes[column], 1))
    return cells, counted[present]
