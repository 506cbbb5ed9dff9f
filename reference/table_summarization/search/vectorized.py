"""The search for patterns over arrays: the same result as `plain.PlainSearch`, for millions of distinct rows.

All values of all columns are candidates in one array, in the order that breaks ties. A second array has the number of
rows of each that no pattern covers yet, and argmax finds the best. When a pattern is found, its rows are subtracted
from these numbers instead of counting again, so that all patterns together take one more pass over the cells.
"""

import numpy as np
import numpy.typing as npt

from reference.table_summarization.search.costs import CostModel
from reference.table_summarization.search.plain import Fixed, Found, Limits
from reference.table_summarization.search.table import NO_VALUE, CodedTable

_Longs = npt.NDArray[np.int64]
_Rows = npt.NDArray[np.intp]

# After this number of look-ups in one column, sorting its rows by value is cheaper than scanning them each time.
_SCANS_BEFORE_INDEX = 24


class VectorizedSearch:
    """The search over arrays.

    Args:
        table: The table.
        model: The cost model, by which a pattern saves bits.
    """

    def __init__(self, table: CodedTable, model: CostModel) -> None:
        codes = np.ascontiguousarray(table.codes, dtype=np.int32)
        sizes = np.array([len(column.values) for column in table.columns], dtype=np.int64)
        # Candidate 0 is for all cells without a code; the values of column i are the candidates from starts[i] on.
        self._starts = np.concatenate(([1], 1 + np.cumsum(sizes)))
        self._cells: npt.NDArray[np.int32] = np.where(
            codes == NO_VALUE, 0, codes + self._starts[:-1, None].astype(np.int32)
        )
        self._weights: _Longs = np.asarray(table.weights, dtype=np.int64)
        self._bits: _Longs = np.array([0, *(b for column in table.columns for b in model.bits(column))], dtype=np.int64)
        self._model = model
        self._reaches = np.array(model.reaches, dtype=np.int64)
        self._plain = bool((self._weights == 1).all())
        self._scans = np.zeros(len(codes), dtype=np.int64)
        self._index: dict[int, tuple[_Rows, _Rows]] = {}

    def _savings(self, counts: _Longs, bits: _Longs) -> _Longs:
        columns = len(self._cells)
        steps = np.searchsorted(self._reaches, counts, side="right")
        saved: _Longs = (counts - 1) * bits - self._model.fixed(columns) - self._model.per_step(columns) * steps
        return saved

    def _count(self, cells: npt.NDArray[np.int32], weights: _Longs) -> tuple[_Rows, _Longs]:
        """Return the candidates among these cells in ascending order, and the number of rows of each.

        The shapes of `cells` and `weights` are (columns, rows) and (rows,).
        """
        if cells.size * 4 < len(self._bits):
            present, positions = np.unique(cells, return_inverse=True)
            counts = np.bincount(positions.ravel(), np.broadcast_to(weights, cells.shape).ravel()).astype(np.int64)
            return present.astype(np.intp), counts
        counts = np.zeros(len(self._bits), dtype=np.int64)
        for row in cells:  # a column's cells
            # Sums of whole numbers in floating point are exact up to 2**53 rows.
            found = np.bincount(row) if self._plain else np.bincount(row, weights)
            counts[: len(found)] += found.astype(np.int64, copy=False)
        candidates = np.flatnonzero(counts)
        return candidates, counts[candidates]

    def _rows(self, column: int, candidate: int) -> _Rows:
        """Return all rows that have the value of a candidate."""
        if column not in self._index and self._scans[column] < _SCANS_BEFORE_INDEX:
            self._scans[column] += 1
            return np.flatnonzero(self._cells[column] == candidate)
        if column not in self._index:
            by_value = np.argsort(self._cells[column], kind="stable")
            ends = np.searchsorted(self._cells[column], np.arange(len(self._bits) + 1), sorter=by_value)
            self._index[column] = by_value, ends
        by_value, ends = self._index[column]
        return by_value[ends[candidate] : ends[candidate + 1]]

    def _column(self, candidate: int) -> int:
        return int(np.searchsorted(self._starts, candidate, side="right")) - 1

    def _fixed(self, candidates: list[int]) -> Fixed:
        return {(column := self._column(c)): c - int(self._starts[column]) for c in candidates}

    def _candidates(self, fixed: Fixed) -> list[tuple[int, int]]:
        return [(column, code + int(self._starts[column])) for column, code in fixed.items()]

    def _covered(self, fixed: Fixed) -> _Rows:
        """Return the rows that a pattern covers."""
        (column, candidate), *others = self._candidates(fixed)
        rows = self._rows(column, candidate)
        for column, candidate in others:
            rows = rows[self._cells[column, rows] == candidate]
        return rows

    def _grow(self, first: int, best: int, rows: _Rows, min_rows: int) -> tuple[list[int], _Rows]:
        """Expand a pattern of one value while its saving grows; return its candidates and its rows."""
        chosen = [first]
        while True:
            cells = self._cells[:, rows]
            candidates, counts = self._count(cells, self._weights[rows])
            open_ = (counts >= min_rows) & (candidates != 0)
            for candidate in chosen:
                column = self._column(candidate)
                open_ &= (candidates < self._starts[column]) | (candidates >= self._starts[column + 1])
            candidates, counts = candidates[open_], counts[open_]
            if not len(candidates):
                return chosen, rows
            savings = self._savings(counts, self._bits[candidates] + self._bits[chosen].sum())
            position = int(np.argmax(savings))
            if savings[position] <= best:
                return chosen, rows
            best = int(savings[position])
            chosen.append(int(candidates[position]))
            rows = rows[self._cells[self._column(chosen[-1]), rows] == chosen[-1]]

    def expand_all(self, limits: Limits) -> list[Fixed]:
        """Return the patterns of local expansion, in the order in which they are found."""
        candidates, found = self._count(self._cells, self._weights)
        counts = np.zeros(len(self._bits), dtype=np.int64)
        counts[candidates] = found
        savings = self._savings(counts, self._bits)

        def close(of: _Rows) -> None:
            savings[of[counts[of] < limits.rows]] = -1

        close(np.arange(len(counts)))
        savings[0] = -1
        alive = np.ones(len(self._weights), dtype=bool)
        patterns: list[Fixed] = []
        while limits.patterns is None or len(patterns) < limits.patterns:
            first = int(np.argmax(savings))
            if savings[first] <= 0:
                break
            rows = self._rows(self._column(first), first)
            rows = rows[alive[rows]]
            chosen, rows = self._grow(first, int(savings[first]), rows, limits.rows)
            patterns.append(self._fixed(chosen))
            alive[rows] = False
            gone, how_many = self._count(self._cells[:, rows], self._weights[rows])
            counts[gone] -= how_many
            savings[gone] = self._savings(counts[gone], self._bits[gone])
            close(gone)
            savings[0] = -1
        return patterns

    def marshal(self, patterns: list[Fixed]) -> list[Found]:
        """Marshal patterns: return the patterns that save something, in order."""
        if not patterns:
            return []
        covered = [self._covered(fixed) for fixed in patterns]
        everywhere = np.array([self._weights[rows].sum() for rows in covered], dtype=np.int64)
        bits = np.array([sum(self._bits[c] for _, c in self._candidates(fixed)) for fixed in patterns], dtype=np.int64)
        # `owners` lists the patterns that cover each row, row by row: the rows of a chosen pattern are subtracted from
        # the counts of all other patterns that cover them.
        owners = np.repeat(np.arange(len(patterns)), [len(rows) for rows in covered])
        flat = np.concatenate(covered)
        by_row = np.argsort(flat, kind="stable")
        owners = owners[by_row]
        ends = np.concatenate(([0], np.cumsum(np.bincount(flat, minlength=len(self._weights)))))
        alive = np.ones(len(self._weights), dtype=bool)
        counts = everywhere.copy()
        savings = self._savings(counts, bits)
        ordered: list[Found] = []
        while True:
            best = int(np.argmax(savings))
            if savings[best] <= 0:
                return ordered
            ordered.append(Found(patterns[best], int(savings[best]), int(everywhere[best]), int(counts[best])))
            rows = covered[best][alive[covered[best]]]
            alive[rows] = False
            lengths = ends[rows + 1] - ends[rows]
            positions = np.repeat(ends[rows] - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
            sharers = owners[positions + np.arange(len(positions))]
            taken = np.bincount(sharers, np.repeat(self._weights[rows], lengths), minlength=len(patterns))
            others = np.flatnonzero(taken)
            counts[others] -= taken[others].astype(np.int64)
            # The chosen pattern has no rows left, so it saves nothing, and is not chosen again.
            savings[others] = self._savings(counts[others], bits[others])
