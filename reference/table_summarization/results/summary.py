"""The result of `summarize`: ordered patterns and the number of rows left over; as JSON, text, Markdown or a DataFrame.

Open it to see which fields a summary has, and what each of them means.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reference.table_summarization.binning.rules import Intervals
from reference.table_summarization.values import Interval, Value, as_json, printable, shown

if TYPE_CHECKING:
    import pandas as pd


MOST_COUNTED = 100
"""Maximum number of further patterns that are searched only to report how many are not shown."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """Values that many rows have in common.

    Attributes:
        pattern: The values that it fixes, by column, in the order of the table's columns. For a binned column the value
            is the label of an interval in `Summary.bins`.
        saving: Bits that it saves on the rows that no pattern before it covers; see `costs`.
        coverage: Percentage of the table's rows that it covers.
        rows: Number of the table's rows that it covers.
        new_rows: Number of the rows that it covers and no pattern before it does.
    """

    pattern: dict[str, Value]
    saving: int
    coverage: float
    rows: int
    new_rows: int

    def as_dict(self) -> dict[str, Any]:
        """Return pattern, saving and coverage, as the published package shows them, in values that JSON supports."""
        return {
            "pattern": {column: as_json(value) for column, value in self.pattern.items()},
            "saving": self.saving,
            "coverage": self.coverage,
        }

    def __str__(self) -> str:
        return printable(", ".join(f"{column} = {shown(value)}" for column, value in self.pattern.items()))


@dataclass(frozen=True, slots=True)
class Plan:
    """How a summary was made.

    Attributes:
        source: A description of the data, and of where it was counted.
        distinct_rows: Number of distinct rows that were searched.
        exact: Whether all rows were searched. If not, the patterns were found in a sample, and then counted in all
            rows: their savings and coverages are exact, but all rows might have other patterns.
        sampled_rows: Number of rows of the sample; the number of all rows if exact.
        error: Bound, in percent of the table and with a probability of 99 %, on the difference between a pattern's
            share of the sample and its share of the table; 0 if exact.
    """

    source: str
    distinct_rows: int
    exact: bool
    sampled_rows: int
    error: float

    def __str__(self) -> str:
        if self.exact:
            return f"{self.source}; {self.distinct_rows} distinct rows searched, exact"
        return (
            f"{self.source}; too many distinct rows: patterns searched in a sample of {self.sampled_rows} rows "
            f"({self.distinct_rows} distinct; shares within {self.error:.2g} % of the table's, 99 times in 100), "
            "then counted in all rows"
        )


@dataclass(frozen=True, slots=True)
class Summary:
    """A summarized table.

    Attributes:
        patterns: The patterns, in descending order of what they save.
        columns: The summarized columns, in the order of the table.
        rows: Number of rows of the table.
        left_over: Number of the rows that no pattern covers.
        cost: The name of the cost model.
        bins: The intervals of the columns that were binned.
        plan: How the summary was made.
        not_shown: Number of further patterns that save something, beyond the maximum; at most `MOST_COUNTED` are
            searched.
    """

    patterns: tuple[Pattern, ...]
    columns: tuple[str, ...]
    rows: int
    left_over: int
    cost: str
    bins: Mapping[str, Intervals]
    plan: Plan
    not_shown: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return the whole summary in values that JSON supports."""
        return {
            "patterns": [
                {**found.as_dict(), "rows": found.rows, "new_rows": found.new_rows} for found in self.patterns
            ],
            "columns": list(self.columns),
            "rows": self.rows,
            "left_over": self.left_over,
            "not_shown": self.not_shown,
            "cost": self.cost,
            "bins": {column: [_edges(interval) for interval in intervals] for column, intervals in self.bins.items()},
            "plan": str(self.plan),
            "exact": self.plan.exact,
        }

    def to_json(self, indent: int | None = 4) -> str:
        """Return the summary as JSON; unprintable characters are escaped."""
        written = json.dumps(self.as_dict(), indent=indent, ensure_ascii=False)
        return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in written)

    def to_frame(self) -> "pd.DataFrame":
        """Return a DataFrame with a row for each pattern: its values (`*` if it fixes none), and its figures."""
        import pandas as pd

        return pd.DataFrame(
            [
                {column: found.pattern.get(column, "*") for column in self.columns}
                | {"saving": found.saving, "coverage": found.coverage, "rows": found.rows, "new_rows": found.new_rows}
                for found in self.patterns
            ],
            columns=[*self.columns, "saving", "coverage", "rows", "new_rows"],
        )

    def table(self) -> list[list[str]]:
        """Return the patterns as rows of texts, after a header; columns that no pattern fixes are left out."""
        fixed = [column for column in self.columns if any(column in found.pattern for found in self.patterns)]
        header = [*map(printable, fixed), "saving", "coverage", "rows"]
        return [header] + [
            [
                *(printable(shown(found.pattern[column])) if column in found.pattern else "*" for column in fixed),
                str(found.saving),
                f"{found.coverage:.1f} %",
                str(found.rows),
            ]
            for found in self.patterns
        ]

    def to_text(self) -> str:
        """Return the patterns as an aligned table, and a sentence about the other rows."""
        table = self.table()
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
        ]
        lines.insert(1, "  ".join("-" * width for width in widths))
        return "\n".join([*(lines if self.patterns else ["no pattern saves anything"]), self._rest()])

    __str__ = to_text

    def to_markdown(self) -> str:
        """Return the patterns as a Markdown table, and a sentence about the other rows."""
        header, *rows = [[cell.replace("|", "\\|") for cell in row] for row in self.table()]
        lines = [header, ["---"] * len(header), *rows] if self.patterns else []
        return "\n".join([*("| " + " | ".join(line) + " |" for line in lines), "", self._rest()])

    def sentences(self) -> list[str]:
        """Return a sentence for each pattern, and one about the other rows."""
        return [
            f"{found.coverage:.1f} % of the rows ({found.rows} of {self.rows}) have {_and(found.pattern)}."
            for found in self.patterns
        ] + [self._rest()]

    def _rest(self) -> str:
        share = 100 * self.left_over / self.rows
        rest = f"{self.left_over} of {self.rows} rows ({share:.1f} %) are in none of these patterns."
        if not self.not_shown:
            return rest
        more = f"{self.not_shown} or more" if self.not_shown == MOST_COUNTED else str(self.not_shown)
        return f"{rest} {more} further patterns are not shown."


def _and(pattern: Mapping[str, Value]) -> str:
    *most, last = [
        printable(f"{column} {'missing' if value is None else shown(value)}") for column, value in pattern.items()
    ]
    return f"{', '.join(most)} and {last}" if most else last


def _edges(interval: Interval) -> dict[str, Any]:
    return {
        "label": interval.label,
        "low": as_json(interval.low),
        "high": as_json(interval.high),
        "closed": interval.closed,
    }
