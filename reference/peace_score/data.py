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

from reference.peace_score.errors import PeaceScoreError
from reference.peace_score.interactions import (
    DEFAULT,
    UNKNOWN_FATALITY,
    Alliance,
    Dispute,
    Measure,
    peace_graph,
)

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    import networkx as nx

Pair = tuple[str, str]

MOST_PEACEFUL, LEAST_PEACEFUL, NOT_MEASURED = 1.0, 5.0, 0.0
"""The ends of the Global Peace Index's scale, and what its file holds where there was no score that year."""


# Open treaties are often written with the year 9999, which is no year of the data: each would be scored.
FIRST_YEAR, LAST_YEAR = 1, 2100
"""The years that a row may name."""


class DataError(PeaceScoreError):
    """A directory, file or row is not of the expected form; the message says where."""


@dataclass(frozen=True, slots=True)
class History:
    """The disputes, alliances and conflicts of nations, by year.

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
        """Return the years that the interactions cover."""
        ends = [*self.disputes, *self.conflicts]
        for runs in self.alliances.values():
            ends += [year for first, last, _ in runs for year in (first, last)]
        return range(min(ends), max(ends) + 1) if ends else range(0)

    def nations(self, year: int) -> list[str]:
        """Return the nations that existed in a year."""
        return [nation for nation, joined in self.joined.items() if joined <= year]

    def graph(self, year: int, measure: Measure = DEFAULT) -> nx.Graph[str]:
        """Return the ``peace_graph`` of a year's nations; alliances with one that did not exist yet are left out.

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
            DataError: one that they do not cover, no interactions at all, or a year in which there was no nation yet.
        """
        covered = self.years
        for year in years:
            if year not in covered:
                span = f"the years {covered[0]} to {covered[-1]}" if covered else "no year"
                raise DataError(f"the data covers {span}, not {year}")
            if not self.nations(year):
                first = f"the first counts from {min(self.joined.values())}" if self.joined else "nations.csv is empty"
                raise DataError(f"there is no nation in {year}: {first}")


def read_history(directory: str | Path) -> History:
    """Read the interactions of nations.

    Args:
        directory: where the CSV files are.

    Returns:
        What the files hold. global_peace_index.csv may be missing.

    Raises:
        DataError: no such directory or file, a missing column, a value that is no number or off its scale, a
            nation that nations.csv lists twice or does not have, a year beyond 2100.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise DataError(f"{directory} is not a directory")
    joined: dict[str, int] = {}
    for row in rows(directory / "nations.csv", "nation", "from_year"):
        nation = row.text("nation")
        if nation in joined:
            raise row.error(f"the nation {nation!r} is listed twice")
        joined[nation] = row.year("from_year")
    disputes: dict[int, dict[Pair, list[Dispute]]] = defaultdict(lambda: defaultdict(list))
    for row in rows(directory / "disputes.csv", "year", "nation_a", "nation_b", "hostility", "fatality"):
        fatality = row.integer("fatality", 0, 6, also=UNKNOWN_FATALITY)
        disputes[row.year("year")][row.pair(joined)].append(Dispute(row.integer("hostility", 1, 5), fatality))
    alliances: dict[Pair, list[tuple[int, int, Alliance]]] = defaultdict(list)
    obligations = ("defence", "neutrality", "nonaggression", "consultation")
    columns = ("nation_a", "nation_b", "from_year", "to_year", *obligations)
    for row in rows(directory / "alliances.csv", *columns):
        first = row.year("from_year")
        promised = Alliance(**{name: bool(row.integer(name, 0, 1)) for name in obligations})
        alliances[row.pair(joined)].append((first, row.year("to_year", first), promised))
    conflicts: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row in rows(directory / "conflicts_within.csv", "year", "nation", "intensity"):
        conflicts[row.year("year")][row.nation("nation", joined)].append(row.integer("intensity", 1, 2))
    return History(joined, disputes, alliances, conflicts, _peace_index(directory / "global_peace_index.csv"))


def _peace_index(path: Path) -> dict[int, dict[str, float]]:
    """Return the Global Peace Index by year and nation, without scores that were not measured.

    It may rate a nation that nations.csv does not have, since it was not made for it.
    """
    index: dict[int, dict[str, float]] = defaultdict(dict)
    if not path.exists():
        return index
    seen = set()
    for row in rows(path, "nation"):
        nation = row.text("nation")
        if nation in seen:
            raise row.error(f"the nation {nation!r} is listed twice")
        seen.add(nation)
        for column in row.values.keys() - {"nation"}:
            score = row.number(column)
            if score == NOT_MEASURED:
                continue
            if not MOST_PEACEFUL <= score <= LEAST_PEACEFUL:
                raise row.error(f"{column} must be from 1 to 5, or 0 where not measured, not {score}")
            index[_year(column, path)][nation] = score
    return index


def _year(column: str, path: Path) -> int:
    """Return the year that is a column's name."""
    try:
        return int(column)
    except ValueError:
        raise DataError(f"{path.name}: the columns after 'nation' must be years, not {column!r}") from None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a CSV file with its file name and line number, which every error names.

    Attributes:
        file: name of the file.
        line: number of the row's last line, from 1.
        values: text by column.
    """

    file: str
    line: int
    values: dict[str, str]

    def error(self, problem: str) -> DataError:
        """Return an error that says where the problem is."""
        return DataError(f"{self.file}, line {self.line}: {problem}")

    def text(self, column: str) -> str:
        """Return a value that must be there."""
        value = self.values.get(column)
        if not value:
            raise self.error(f"no value for {column!r}")
        return value

    def number(self, column: str) -> float:
        """Return a value as a number."""
        value = self.text(column)
        try:
            return float(value)
        except ValueError:
            raise self.error(f"{column} must be a number, not {value!r}") from None

    def year(self, column: str, earliest: int = FIRST_YEAR) -> int:
        """Return a value as a year."""
        return self.integer(column, earliest, LAST_YEAR)

    def integer(self, column: str, lowest: int, highest: int, *, also: int | None = None) -> int:
        """Return a value as a whole number within a range, or the one number beside it."""
        value = self.number(column)
        if value != also and not (value.is_integer() and lowest <= value <= highest):
            span = f"a whole number from {lowest} to {highest}"
            raise self.error(f"{column} must be {span}, not {self.values[column]}")
        return int(value)

    def nation(self, column: str, known: Container[str]) -> str:
        """Return a nation that must be a known one."""
        if (nation := self.text(column)) not in known:
            raise self.error(f"the nation {nation!r} is not in nations.csv")
        return nation

    def pair(self, known: Container[str]) -> Pair:
        """Return the nations of the columns `nation_a` and `nation_b`, in alphabetical order."""
        one, other = self.nation("nation_a", known), self.nation("nation_b", known)
        if one == other:
            raise self.error(f"an interaction of {one!r} with itself")
        return (one, other) if one < other else (other, one)


def rows(path: Path, *columns: str) -> Iterator[Row]:
    """Yield the rows of a CSV file in UTF-8 that must have the columns.

    Raises:
        DataError: no such file, another encoding, a missing column, or a row of more values than columns.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            if missing := [column for column in columns if column not in (reader.fieldnames or ())]:
                raise DataError(f"{path.name} has no column {', '.join(map(repr, missing))}")
            for values in reader:
                row = Row(path.name, reader.line_num, values)
                # DictReader keeps them under the key None
                if len(values) > len(reader.fieldnames or ()):
                    raise row.error("more values than columns")
                yield row
    except FileNotFoundError:
        raise DataError(f"{path.parent} has no {path.name}") from None
    except UnicodeDecodeError:
        raise DataError(f"{path.name} is not text in UTF-8") from None
    except csv.Error as error:
        raise DataError(f"{path.name} is not CSV: {error}") from None
