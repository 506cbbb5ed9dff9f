"""The options of `summarize`: which of them are valid, and which fit the table.

Open it to add an option, or to see which values it may have.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reference.table_summarization.binning.rules import AsValues, Auto, Intervals, Rules, rule_for
from reference.table_summarization.errors import EmptyTableError, SummaryError, UnknownColumnError
from reference.table_summarization.search.costs import CostModel
from reference.table_summarization.search.plain import Limits


@dataclass(frozen=True)
class Options:
    """The arguments of `summarize`, with `missing` and `cost` parsed.

    Attributes:
        columns: The columns to summarize; None for all.
        patterns: Maximum number of patterns; None for no maximum.
        min_coverage: Minimum percentage of the rows that a pattern covers.
        model: The cost model of a pattern.
        binning: One rule for all columns, or rules by column; the key None is for columns without one.
        ignore_missing: Whether patterns may not fix a missing value.
        max_distinct: Maximum number of distinct rows; if a table has more, a sample is searched.
    """

    columns: Sequence[str] | None
    patterns: int | None
    min_coverage: float
    model: CostModel
    binning: Rules
    ignore_missing: bool
    max_distinct: int

    def __post_init__(self) -> None:
        if isinstance(self.columns, str):
            raise SummaryError(f"columns are a list of names, such as [{self.columns!r}]")
        if self.patterns is not None and not _at_least_one(self.patterns):
            raise SummaryError(f"the maximum number of patterns is 1 or more, not {self.patterns!r}")
        if not _is_percentage(self.min_coverage):
            raise SummaryError(f"a coverage is between 0 and 100 percent, not {self.min_coverage!r}")
        if not _at_least_one(self.max_distinct):
            raise SummaryError(f"the maximum number of distinct rows is 1 or more, not {self.max_distinct!r}")
        for rule in self.binning.values() if isinstance(self.binning, Mapping) else [self.binning]:
            if not hasattr(rule, "intervals"):
                raise SummaryError(f"a rule for binning is one such as Quantiles(4), not {rule!r}")

    @property
    def _columns_with_rules(self) -> list[str]:
        """The columns that have a rule of their own."""
        return [name for name in self.binning if name is not None] if isinstance(self.binning, Mapping) else []

    def limits(self, rows: int) -> Limits:
        """Return the limits on patterns, for a table of this number of rows."""
        return Limits(self.patterns, math.ceil(round(self.min_coverage * rows / 100, 6)))

    def chosen(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the columns to summarize, in the order of the table.

        Raises:
            UnknownColumnError: A named column is not in the table, or is named twice.
            EmptyTableError: No column is left.
        """
        named = [*(self.columns or ()), *self._columns_with_rules]
        for name in named:
            if name not in names:
                raise UnknownColumnError(f"the table has no column {name!r}; it has {', '.join(map(repr, names))}")
        if self.columns is not None and len(set(self.columns)) < len(self.columns):
            raise UnknownColumnError(f"a column is named twice: {', '.join(self.columns)}")
        chosen = tuple(name for name in names if self.columns is None or name in self.columns)
        if not chosen:
            raise EmptyTableError("the table has no columns to summarize")
        return chosen

    def intervals(self, name: str, distribution: tuple[Sequence[Any], Sequence[int]] | None) -> Intervals | None:
        """Return the intervals of a column, or None if it is not binned.

        Args:
            name: The column.
            distribution: Its distinct values, and the number of rows of each; None for values that cannot be binned.

        Raises:
            SummaryError: The column's rule does not fit its values.
        """
        if distribution is None:
            if name in self._columns_with_rules and not isinstance(rule_for(self.binning, name), Auto | AsValues):
                raise SummaryError(f"column {name!r} cannot be binned: its values are not all numbers, or all times")
            return None
        try:
            return rule_for(self.binning, name).intervals(*distribution)
        except SummaryError as error:
            raise SummaryError(f"column {name!r} cannot be binned by this rule: {error}") from None


def _at_least_one(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number >= 1


def _is_percentage(number: object) -> bool:
    return isinstance(number, int | float) and 0 <= number <= 100
