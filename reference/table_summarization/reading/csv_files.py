"""CSV files, streamed. Columns are coded while they are parsed, and typed by all their texts (see `text_types`)."""

import csv
import io
import itertools
import mmap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from reference.table_summarization.encoding.counts import Counts, Recodings
from reference.table_summarization.encoding.dictionaries import Coded, encode
from reference.table_summarization.errors import EmptyTableError, UnreadableError
from reference.table_summarization.reading.column_types import TEXTS, ColumnTypes, infer_types, join, kinds_in, typed
from reference.table_summarization.reading.files import File, unique_names, unreadable
from reference.table_summarization.reading.source import Groupings, Runner, Threads, count_parts
from reference.table_summarization.reading.text_types import MISSING, Kind, kind_of

_CODED = pa.dictionary(pa.int32(), pa.string())
_BLOCK_BYTES = 1 << 23
_RANGE_BYTES = 1 << 24


@dataclass(frozen=True)
class _LineRange:
    """A CSV file, or a range of its lines.

    Attributes:
        file: The file.
        kinds: What the columns' texts are; a column that is not in it stays as it is spelled.
        types: As what columns are parsed; one that is not in it is coded.
        header: The columns' names, if the range does not begin with them.
        start: Its first byte.
        stop: The end of its last line; None for the file's own.
    """

    file: File
    kinds: Mapping[str, Kind | None]
    types: Mapping[str, pa.DataType]
    header: tuple[str, ...] = ()
    start: int = 0
    stop: int | None = None

    def reader(self, names: Sequence[str] = ()) -> pa_csv.CSVStreamingReader:
        """A reader of these columns; of all if there are none."""
        return pa_csv.open_csv(
            self._source(),
            pa_csv.ReadOptions(block_size=_BLOCK_BYTES, column_names=list(self.header)),
            pa_csv.ParseOptions(delimiter=self.file.delimiter, newlines_in_values=True),
            pa_csv.ConvertOptions(
                column_types={name: self.types.get(name, _CODED) for name in names},
                include_columns=list(names),
                null_values=sorted(MISSING),
                strings_can_be_null=False,
            ),
        )

    def _source(self) -> Any:
        if self.stop is not None:
            with pa.memory_map(self.file.path) as whole:
                whole.seek(self.start)
                return pa.BufferReader(whole.read_buffer(self.stop - self.start))
        return self.file.path if self.file.local and not self.file.xz else self.file.open()

    def blocks(self, names: Sequence[str]) -> Iterator[tuple[Mapping[str, Any], int]]:
        """The rows, some megabytes at a time."""
        try:
            with self.reader(names) as reader:
                for batch in reader:
                    yield {name: self._typed(name, batch.column(name)) for name in names}, batch.num_rows
        except (OSError, pa.ArrowException) as error:
            raise unreadable(self.file.path, error) from None

    def _typed(self, name: str, column: pa.Array) -> Any:
        if name in self.types:
            return column
        coded = encode(name, column)
        return Coded(coded.codes, typed(coded.dictionary, self.kinds[name])) if name in self.kinds else coded


def _header(file: File) -> list[str]:
    """The names in a file's first line."""
    decompressed = file.open() if not file.local or file.xz else pa.input_stream(file.path)
    try:
        with io.TextIOWrapper(decompressed, encoding="utf-8-sig", newline="") as lines:
            names = next(filter(None, csv.reader(lines, delimiter=file.delimiter, strict=True)), None)
    except (OSError, ValueError, csv.Error) as error:
        raise unreadable(file.path, error) from None
    if names is None:
        raise EmptyTableError(f"{file.path} is empty")
    return unique_names(names)


def _split(lines: _LineRange, names: Sequence[str]) -> list[_LineRange]:
    """A file as ranges of lines, so that there is one for each core and progress can be reported.

    A line's end is one unless it stands in quotes, so that only what is before the first quote is cut.
    """
    path = Path(lines.file.path)
    if not lines.file.local or lines.file.compressed or path.stat().st_size < 2 * _RANGE_BYTES:
        return [lines]
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        quoted, ends = content.find(b'"'), [0]
        for least in range(_RANGE_BYTES, len(content), _RANGE_BYTES):
            end = content.find(b"\n", max(least, ends[-1])) + 1
            if not end or end == len(content) or (quoted != -1 and quoted < end):
                break
            ends.append(end)
        ends.append(len(content))
    header = tuple(names)
    return [replace(lines, header=header if a else (), start=a, stop=b) for a, b in itertools.pairwise(ends)]


class CsvSource:
    """CSV files with the same header.

    Args:
        files: They.
        runner: Where they are counted.
        max_rows: If a column has more distinct texts, they are sampled while types are inferred.
    """

    def __init__(self, files: Sequence[File], runner: Runner, max_rows: int) -> None:
        self._runner = runner
        self._max_rows = max_rows
        self._tallies: dict[str, Counts] = {}
        self.names = _header(files[0])
        for file in files[1:]:
            if _header(file) != self.names:
                raise UnreadableError(f"{file.path} has another header than {files[0].path}; summarize them apart")
        whole = [_LineRange(file, {}, {}) for file in files]
        block, rows = next(whole[0].blocks(self.names), ({}, 0))  # of a header alone there is none
        # What nearly always differs is not coded while it is typed; what is text by its first block is not typed.
        self._differing = {name for name, column in block.items() if len(column.dictionary) * 2 > rows}
        self._maybe_typed = {n for n in self.names if n not in block or kinds_in(block[n].dictionary) != {Kind.TEXT}}
        here = isinstance(runner, Threads)
        self._parts = [part for lines in whole for part in (_split(lines, self.names) if here else [lines])]
        self.plan = f"{len(files)} CSV file(s), counted {runner.plan}"

    def binnable_columns(self, names: Sequence[str]) -> list[str]:
        """As `Source.binnable_columns`; types the columns, in one pass over those that the first block leaves open."""
        open_ = [name for name in names if name in self._maybe_typed]
        kinds: dict[str, Kind | None] = dict.fromkeys(names, Kind.TEXT)
        types: dict[str, pa.DataType] = {}
        if open_:
            as_texts = {name: pa.string() for name in self._differing & set(open_)}
            tasks = [partial(_inferred, replace(part, types=as_texts), open_, self._max_rows) for part in self._parts]
            for name, (allowed, tally) in self._runner.reduce(tasks, partial(join, self._max_rows)).items():
                kinds[name] = kind_of([allowed])
                if tally is None or kinds[name] in {None, Kind.BOOL, Kind.TEXT}:
                    continue
                if tally.dictionaries[0].type == TEXTS:
                    # Two texts may be one value.
                    values = typed(tally.dictionaries[0], kinds[name])
                    tally = replace(tally, dictionaries=(values,), deduplicated=False)
                elif not tally.halvings:
                    types[name] = tally.dictionaries[0].type  # every text of it was read so
                self._tallies[name] = tally
        self._parts = [replace(part, kinds=kinds, types=types) for part in self._parts]
        return [name for name in open_ if kinds[name] not in {None, Kind.BOOL, Kind.TEXT}]

    def count(self, groupings: Groupings, recodings: Recodings, max_rows: int) -> list[Counts]:
        """As `Source.count`; single columns are known from typing them."""
        if all(len(names) == 1 and names[0] in self._tallies for names in groupings) and not recodings:
            return [self._tallies[name] for (name,) in groupings]
        return count_parts(self._runner, self._parts, groupings, recodings, max_rows)


def _inferred(lines: _LineRange, names: Sequence[str], max_rows: int) -> ColumnTypes:
    """What these columns of a file hold."""
    return infer_types(lines.blocks(names), max_rows)
