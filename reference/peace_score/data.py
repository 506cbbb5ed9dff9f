"""The interactions of nations over the years, read from a directory of CSV files.

The files are nations.csv, disputes.csv, alliances.csv, conflicts_within.csv and, for a comparison alone,
global_peace_index.csv. A directory in this form, with the sources of its figures, is the project's
fixtures/data/peace_score. It holds no trade, the one interaction that the essay gives as its example.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from reference.peace_score.interactions import (
    DEFAULT,
    UNKNOWN_FATALITY,
    Alliance,
    Dispute,
    Measure,
    peace_graph,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import networkx as nx

Pair = tuple[str, str]

MOST_PEACEFUL, LEAST_PEACEFUL, NOT_MEASURED = 1.0, 5.0, 0.0
"""The ends of the Global Peace Index's scale, and what its file holds where there was no score that year."""


class DataError(ValueError):
    """A directory, file or row that cannot be what it should be; the message says where."""


@dataclass(frozen=True, slots=True)
class History:
    """What nations did to and promised each other, by year.

    Attributes:
        joined: the year from which each nation counts.
        disputes: by year and pair.
        alliances: by pair, each with its first and last year.
        conflicts: intensities of the conflicts within, by year and nation.
        peace_index: the Global Peace Index by year and nation, from 1 (most peaceful) to 5; empty where there
            is none.
    """

    joined: dict[str, int]
    disputes: dict[int, dict[Pair, list[Dispute]]] = field(default_factory=dict)
    alliances: dict[Pair, list[tuple[int, int, Alliance]]] = field(default_factory=dict)
    conflicts: dict[int, dict[str, list[int]]] = field(default_factory=dict)
    peace_index: dict[int, dict[str, float]] = field(default_factory=dict)

    @property
    def years(self) -> range:
        """The years that the interactions cover."""
        ends = [*self.disputes, *self.conflicts]
        for runs in self.alliances.values():
            ends += [year for first, last, _ in runs for year in (first, last)]
        return range(min(ends), max(ends) + 1) if ends else range(0)

    def nations(self, year: int) -> list[str]:
        """The nations that there were in a year."""
        return [nation for nation, joined in self.joined.items() if joined <= year]

    def graph(self, year: int, measure: Measure = DEFAULT) -> nx.Graph[str]:
        """The ``peace_graph`` of a year's nations. What was promised to one that was not there yet is left out.

        Raises:
            DataError: a year that the interactions do not cover.
        """
        self.require(year)
        nations = self.nations(year)
        there = set(nations)
        alliances = {
            pair: [alliance for first, last, alliance in runs if first <= year <= last]
            for pair, runs in self.alliances.items()
            if there.issuperset(pair)
        }
        return peace_graph(
            nations,
            {pair: rows for pair, rows in self.disputes.get(year, {}).items() if there.issuperset(pair)},
            alliances,
            {nation: rows for nation, rows in self.conflicts.get(year, {}).items() if nation in there},
            measure=measure,
        )

    def require(self, *years: int) -> None:
        """Check that the interactions cover the years.

        Raises:
            DataError: one that they do not cover, or no interactions at all.
        """
        covered = self.years
        for year in years:
            if year not in covered:
                span = f"the years {covered[0]} to {covered[-1]}" if covered else "no year"
                raise DataError(f"the data covers {span}, not {year}")


def read_history(directory: str | Path) -> History:
    """Read the interactions of nations.

    Args:
        directory: where the CSV files are.

    Returns:
        What the files hold. global_peace_index.csv may be missing.

    Raises:
        DataError: no such directory or file, a missing column, a value that is no number or off its scale, a
            nation that nations.csv does not have.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise DataError(f"{directory} is not a directory")
    nations = _rows(directory / "nations.csv", "nation", "from_year")
    joined = {row.text("nation"): row.integer("from_year") for row in nations}
    disputes: dict[int, dict[Pair, list[Dispute]]] = defaultdict(lambda: defaultdict(list))
    for row in _rows(directory / "disputes.csv", "year", "nation_a", "nation_b", "hostility", "fatality"):
        fatality = row.integer("fatality", 0, 6, also=UNKNOWN_FATALITY)
        disputes[row.integer("year")][row.pair(joined)].append(Dispute(row.integer("hostility", 1, 5), fatality))
    alliances: dict[Pair, list[tuple[int, int, Alliance]]] = defaultdict(list)
    obligations = ("defence", "neutrality", "nonaggression", "consultation")
    columns = ("nation_a", "nation_b", "from_year", "to_year", *obligations)
    for row in _rows(directory / "alliances.csv", *columns):
        first = row.integer("from_year")
        promised = Alliance(**{name: bool(row.integer(name, 0, 1)) for name in obligations})
        alliances[row.pair(joined)].append((first, row.integer("to_year", first), promised))
    conflicts: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row in _rows(directory / "conflicts_within.csv", "year", "nation", "intensity"):
        conflicts[row.integer("year")][row.nation("nation", joined)].append(row.integer("intensity", 1, 2))
    return History(joined, disputes, alliances, conflicts, _peace_index(directory / "global_peace_index.csv"))


def _peace_index(path: Path) -> dict[int, dict[str, float]]:
    """The Global Peace Index by year and nation, without what was not measured.

    It may rate a nation that nations.csv does not have, since it was not made for it.
    """
    index: dict[int, dict[str, float]] = defaultdict(dict)
    if not path.exists():
        return index
    for row in _rows(path, "nation"):
        nation = row.text("nation")
        for column in row.values.keys() - {"nation"}:
            score = row.number(column)
            if score == NOT_MEASURED:
                continue
            if not MOST_PEACEFUL <= score <= LEAST_PEACEFUL:
                raise row.error(f"{column} must be from 1 to 5, or 0 where not measured, not {score}")
            index[_year(column, path)][nation] = score
    return index


def _year(column: str, path: Path) -> int:
    """The year that a column's name is."""
    try:
        return int(column)
    except ValueError:
        raise DataError(f"{path.name}: the columns after 'nation' must be years, not {column!r}") from None


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a CSV file with its file name and line number, which every error names."""

    file: str
    line: int
    values: dict[str, str]

    def error(self, problem: str) -> DataError:
        return DataError(f"{self.file}, line {self.line}: {problem}")

    def text(self, column: str) -> str:
        value = self.values.get(column)
        if not value:
            raise self.error(f"no value for {column!r}")
        return value

    def number(self, column: str) -> float:
        value = self.text(column)
        try:
            return float(value)
        except ValueError:
            raise self.error(f"{column} must be a number, not {value!r}") from None

    def integer(self, column: str, lowest: int = 0, highest: int = 9999, *, also: int | None = None) -> int:
        value = self.number(column)
        if value != also and not (value.is_integer() and lowest <= value <= highest):
            span = f"a whole number from {lowest} to {highest}"
            raise self.error(f"{column} must be {span}, not {self.values[column]}")
        return int(value)

    def nation(self, column: str, known: dict[str, int]) -> str:
        if (nation := self.text(column)) not in known:
            raise self.error(f"the nation {nation!r} is not in nations.csv")
        return nation

    def pair(self, known: dict[str, int]) -> Pair:
        one, other = self.nation("nation_a", known), self.nation("nation_b", known)
        if one == other:
            raise self.error(f"an interaction of {one!r} with itself")
        return (one, other) if one < other else (other, one)


def _rows(path: Path, *columns: str) -> Iterator[_Row]:
    """The rows of a file that must have the columns."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            if missing := [column for column in columns if column not in (reader.fieldnames or ())]:
                raise DataError(f"{path.name} has no column {', '.join(map(repr, missing))}")
            for values in reader:
                row = _Row(path.name, reader.line_num, values)
                # DictReader keeps them under the key None
                if len(values) > len(reader.fieldnames or ()):
                    raise row.error("more values than columns")
                yield row
    except FileNotFoundError:
        raise DataError(f"{path.parent} has no {path.name}") from None
    except UnicodeDecodeError:
        raise DataError(f"{path.name} is not text in UTF-8") from None
