"""The search for patterns in plain Python: the algorithm as the paper states it, and fastest for few distinct rows.

Two steps, both of the paper. *Local expansion* grows one pattern at a time: from nothing, the value (of any column not
yet fixed) that gives the grown pattern the largest saving on the rows that no earlier pattern covers is added, as
long as the saving grows. The next pattern is grown on what is left, until none saves anything. *Marshalling* then puts
them in order: again and again the pattern that saves most on the rows not covered by those before it; one that saves
nothing any more is left out.

Ties have one order, whatever the engine: on equal savings the column whose name comes first, then the value that comes
first (`values.order`); among patterns the one found first.

`vectorized.VectorizedSearch` gives the same answer from arrays; tests hold both to a brute-force search.
"""

from collections import Counter
from dataclasses import dataclass
from typing import TypeAlias

from reference.table_summarization.search.costs import CostModel
from reference.table_summarization.search.table import NO_VALUE, CodedTable

Fixed: TypeAlias = dict[int, int]
"""A pattern in codes: column position to the code of the value it fixes."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Which patterns are searched for.

    Attributes:
        patterns: Maximum number of patterns; None for all that save something.
        rows: Minimum number of rows that a pattern covers when it is found.
    """

    patterns: int | None
    rows: int


@dataclass(frozen=True, slots=True)
class Found:
    """A pattern found.

    Attributes:
        fixed: Its codes.
        saving: What it saves on the rows not covered by the patterns before it, in bits.
        rows: Number of rows of the whole table that it covers.
        new_rows: Number of those that no pattern before it covers.
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
        """Return one pattern, grown on these rows; empty if none saves anything."""
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
        """Marshal patterns: return those that save something, in their order."""
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
