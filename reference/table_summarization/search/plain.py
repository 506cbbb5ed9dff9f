"""The search for patterns in plain Python: the algorithm as the paper states it, and fastest for few distinct rows.

The algorithm has the two steps of the paper. *Local expansion* grows one pattern at a time, beginning with the empty
one. In each round it adds the value (of a column not yet fixed) with which the pattern saves most on the rows that no
earlier pattern covers; it stops when the saving no longer grows. The next pattern is grown on the rows that are left,
until no pattern saves anything. *Marshalling* then puts the patterns in order: it repeatedly chooses the pattern that
saves most on the rows that no chosen pattern covers, and drops the patterns that no longer save anything.

Ties are broken in the same way in every engine: of equal savings, the column whose name comes first wins, then the
value that comes first (`values.order`); of two patterns, the one that was found first.

`vectorized.VectorizedSearch` gives the same result from arrays; tests compare both with a brute-force search.
"""

from collections import Counter
from dataclasses import dataclass
from typing import TypeAlias

from reference.table_summarization.search.costs import CostModel
from reference.table_summarization.search.table import NO_VALUE, CodedTable

Fixed: TypeAlias = dict[int, int]
"""A pattern in codes: the position of each column that it fixes, and the code of the value."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the patterns to find.

    Attributes:
        patterns: Maximum number of patterns; None for all patterns that save something.
        rows: Minimum number of rows that a pattern covers when it is found.
    """

    patterns: int | None
    rows: int


@dataclass(frozen=True, slots=True)
class Found:
    """A pattern that the search has found.

    Attributes:
        fixed: Its codes.
        saving: Bits that it saves on the rows that no pattern before it covers.
        rows: Number of rows of the whole table that it covers.
        new_rows: Number of the rows that it covers and no pattern before it does.
    """

    fixed: Fixed
    saving: int
    rows: int
    new_rows: int


class PlainSearch:
    """The search over Python lists.

    Args:
        table: The table.
        model: The cost model, by which a pattern saves bits.
    """

    def __init__(self, table: CodedTable, model: CostModel) -> None:
        self._codes = [[int(code) for code in codes] for codes in table.codes]
        self._weights = [int(weight) for weight in table.weights]
        self._bits = [model.bits(column) for column in table.columns]
        self._model = model

    def _covered(self, rows: list[int], fixed: Fixed) -> list[int]:
        return [row for row in rows if all(self._codes[column][row] == code for column, code in fixed.items())]

    def _count(self, rows: list[int]) -> int:
        return sum(self._weights[row] for row in rows)

    def _saving(self, rows: int, fixed: Fixed) -> int:
        bits = sum(self._bits[column][code] for column, code in fixed.items())
        return self._model.saving(rows, bits, len(self._codes))

    def _expand(self, rows: list[int], min_rows: int) -> Fixed:
        """Return one pattern, grown on these rows; an empty one if no pattern saves anything."""
        fixed: Fixed = {}
        best = bits = 0
        while True:
            counts: Counter[tuple[int, int]] = Counter()
            for column, codes in enumerate(self._codes):
                if column not in fixed:
                    for row in rows:
                        counts[column, codes[row]] += self._weights[row]
            candidates = [
                (-self._model.saving(count, bits + self._bits[column][code], len(self._codes)), column, code)
                for (column, code), count in counts.items()
                if code != NO_VALUE and count >= min_rows
            ]
            loss, column, code = min(candidates, default=(0, 0, 0))
            if -loss <= best:
                return fixed
            best = -loss
            fixed[column] = code
            bits += self._bits[column][code]
            rows = self._covered(rows, {column: code})

    def expand_all(self, limits: Limits) -> list[Fixed]:
        """Return the patterns of local expansion, in the order in which they are found."""
        patterns: list[Fixed] = []
        left = list(range(len(self._weights)))
        while left and (limits.patterns is None or len(patterns) < limits.patterns):
            fixed = self._expand(left, limits.rows)
            if not fixed:
                break
            patterns.append(fixed)
            covered = set(self._covered(left, fixed))
            left = [row for row in left if row not in covered]
        return patterns

    def marshal(self, patterns: list[Fixed]) -> list[Found]:
        """Marshal patterns: return the patterns that save something, in order."""
        left = list(range(len(self._weights)))
        remaining = dict(enumerate(patterns))
        ordered: list[Found] = []
        while remaining:
            counts = {position: self._count(self._covered(left, fixed)) for position, fixed in remaining.items()}
            best = max(remaining, key=lambda position: (self._saving(counts[position], remaining[position]), -position))
            fixed = remaining.pop(best)
            saving = self._saving(counts[best], fixed)
            if saving <= 0:
                break
            everywhere = self._count(self._covered(list(range(len(self._weights))), fixed))
            ordered.append(Found(fixed, saving, everywhere, counts[best]))
            covered = set(self._covered(left, fixed))
            left = [row for row in left if row not in covered]
        return ordered
