"""CSV files, streamed. Columns are coded while they are parsed, and typed by all their texts (see `texts`)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from reference.table_summarization.arrays import texts
from reference.table_summarization.coding import Coded, encode, normal, tagged
from reference.table_summarization.counts import Counts, Recodings, count, merge
from reference.table_summarization.errors import UnreadableError
from reference.table_summarization.sources.paths import File, unique_names, unreadable
from reference.table_summarization.sources.source import MOST_WAITING, Groupings, Runner, count_parts
from reference.table_summarization.texts import MISSING, PATTERNS, Kind, kind_of, kinds_of, read

_TEXTS = pa.dictionary(pa.int32(), pa.string())
_BLOCK_BYTES = 1 << 23
_MISSING = texts(sorted(MISSING))
_ARROW_TYPES = {
    Kind.INTEGER: [pa.int64()],
    Kind.NUMBER: [pa.float64()],
    Kind.DATE: [pa.date32()],
    Kind.INSTANT: [pa.timestamp("us"), pa.timestamp("us", tz="UTC")],
}


@dataclass(frozen=True)
class _TextFile:
    """A CSV file.

    Attributes:
        file: It.
        kinds: What the columns' texts are; a column that is not in it stays as it is spelled.
    """

    file: File
    kinds: Mapping[str, Kind | None]

    def reader(self, names: Sequence[str] = ()) -> pa_csv.CSVStreamingReader:
        """A reader of these columns; of all if there are none."""
        source = self.file.path if self.file.local else self.file.open()
        return pa_csv.open_csv(
            source,
            pa_csv.ReadOptions(block_size=_BLOCK_BYTES),
            pa_csv.ParseOptions(delimiter=self.file.delimiter, newlines_in_values=True),
            pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, _TEXTS), include_columns=list(names), strings_can_be_null=False
            ),
        )

    def blocks(self, names: Sequence[str]) -> Iterator[tuple[Mapping[str, Any], int]]:
        """The file's rows, some megabytes at a time."""
        try:
            with self.reader(names) as reader:
                for batch in reader:
                    yield {name: self._typed(name, batch.column(name)) for name in names}, batch.num_rows
        except (OSError, pa.ArrowException) as error:
            raise unreadable(self.file.path, error) from None

    def _typed(self, name: str, column: pa.DictionaryArray) -> Coded:
        coded = encode(name, column)
        return Coded(coded.codes, _typed(coded.dictionary, self.kinds[name])) if name in self.kinds else coded


def _typed(spelled: pa.Array, kind: Kind | None) -> pa.Array:
    """The values of a dictionary of texts."""
    present = pc.if_else(pc.is_in(spelled, _MISSING), pa.nulls(len(spelled), spelled.type), spelled)
    if kind is Kind.TEXT:
        return present
    for arrow_type in _ARROW_TYPES.get(kind, []) if kind is not None else []:
        try:
            return normal(present.cast(arrow_type))
        except pa.ArrowException:  # spelled or sized in a way that Arrow does not know, or by clocks of both kinds
            continue
    return tagged(read(text, kind) for text in spelled.to_pylist())


def _kinds_of(spelled: pa.Array) -> set[Kind] | None:
    """`texts.kinds_of` a dictionary, without a Python object for each text."""
    present = spelled.filter(pc.and_(spelled.is_valid(), pc.invert(pc.is_in(spelled, _MISSING))))
    if not len(present):
        return None
    kinds = {kind for kind, pattern in PATTERNS.items() if _all_match(present, pattern)}
    for kind in kinds & {Kind.DATE, Kind.INSTANT}:
        if not any(_casts(present, arrow_type) for arrow_type in _ARROW_TYPES[kind]):
            # No date of the calendar, or a spelling that Arrow does not know.
            return kinds_of(present.to_pylist())
    return kinds | {Kind.TEXT}


def _all_match(spelled: pa.Array, pattern: str) -> bool:
    # Most columns are told by their first text.
    whole = rf"\A(?:{pattern})\z"
    return all(pc.all(pc.match_substring_regex(some, whole)).as_py() for some in (spelled[:1], spelled))


def _casts(spelled: pa.Array, arrow_type: pa.DataType) -> bool:
    try:
        spelled.cast(arrow_type)
    except pa.ArrowException:
        return False
    return True


class CsvSource:
    """CSV files with the same header.

    Args:
        files: They.
        runner: Where they are counted.
        most: More distinct texts of a column than so many are thinned while columns are typed.
    """

    def __init__(self, files: Sequence[File], runner: Runner, most: int) -> None:
        self._runner = runner
        self._most = most
        self._parts = [_TextFile(file, {}) for file in files]
        self._tallies: dict[str, Counts] = {}
        for place, part in enumerate(self._parts):
            self._look_at(part, first=place == 0)
        self.plan = f"{len(files)} CSV file(s), counted {runner.plan}"

    def _look_at(self, part: _TextFile, *, first: bool) -> None:
        """Read a file's header and first block: a column with a text that is no number, time or bool is text."""
        try:
            with part.reader() as reader:
                names = unique_names(reader.schema.names)
            if first:
                self.names = names
                self._maybe_typed = set(names)
            elif names != self.names:
                raise UnreadableError(f"{part.file.path} has another header than {self._parts[0].file.path}")
            block, _ = next(part.blocks(names), ({}, 0))  # of a header alone there is none
        except (OSError, pa.ArrowException) as error:
            raise unreadable(part.file.path, error) from None
        for name in self._maybe_typed & set(block):
            if _kinds_of(block[name].dictionary) == {Kind.TEXT}:
                self._maybe_typed.remove(name)

    def continuous(self, names: Sequence[str]) -> list[str]:
        """As `Source.continuous`; types the columns, in one pass over those that the first block leaves open."""
        open_ = [name for name in names if name in self._maybe_typed]
        kinds: dict[str, Kind | None] = dict.fromkeys(names, Kind.TEXT)
        if open_:
            tasks = [partial(_survey, part, open_, self._most) for part in self._parts]
            for name, (allowed, tally) in self._runner.reduce(tasks, partial(_join, self._most)).items():
                kinds[name] = kind_of([allowed])
                self._tallies[name] = replace(tally, dictionaries=(_typed(tally.dictionaries[0], kinds[name]),))
        self._parts = [_TextFile(part.file, kinds) for part in self._parts]
        return [name for name in open_ if kinds[name] not in {None, Kind.BOOL, Kind.TEXT}]

    def count(self, groupings: Groupings, recodings: Recodings, most: int) -> list[Counts]:
        """As `Source.count`; single columns are known from typing them."""
        if all(len(names) == 1 and names[0] in self._tallies for names in groupings) and not recodings:
            return [self._tallies[name] for (name,) in groupings]
        return count_parts(self._runner, self._parts, groupings, recodings, most)


_Survey: TypeAlias = dict[str, tuple[set[Kind] | None, Counts]]
"""By column the kinds that its texts allow, and its texts with their numbers of rows."""


def _survey(part: _TextFile, names: Sequence[str], most: int) -> _Survey:
    """What these columns of a file hold."""
    surveys: list[_Survey] = []
    for block, rows in part.blocks(names):
        surveys.append({name: (_kinds_of(c.dictionary), count({name: c}, rows, {}, most)) for name, c in block.items()})
        if len(surveys) == MOST_WAITING:
            surveys = [_join(most, surveys)]
    return _join(most, surveys)


def _join(most: int, surveys: Sequence[_Survey]) -> _Survey:
    """What the columns hold that several surveys have seen."""
    surveys = [survey for survey in surveys if survey]  # a file of a header alone has none
    joined: _Survey = {}
    for name in surveys[0] if surveys else ():
        allowed = [kinds for survey in surveys if (kinds := survey[name][0]) is not None]
        tally = merge([survey[name][1] for survey in surveys], most)
        joined[name] = (set.intersection(*allowed) if allowed else None), tally
    return joined
