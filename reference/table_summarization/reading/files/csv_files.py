"""Read CSV files as streams: columns are encoded while they are parsed, and typed by all their texts.

Open it to see how a file is split among cores, and which columns are parsed in one pass and which in two. `text_types`
has the rule for types.
"""

import csv
import io
import itertools
import mmap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from reference.table_summarization.encoding.counts import Counts, Recodings
from reference.table_summarization.encoding.dictionaries import Coded, encode, to_dictionary_type
from reference.table_summarization.errors import EmptyTableError, UnreadableError
from reference.table_summarization.reading.column_names import unique_names
from reference.table_summarization.reading.files.column_types import (
    TEXTS,
    ColumnTypes,
    infer_types,
    join,
    kinds_in,
    typed,
)
from reference.table_summarization.reading.files.csv_dialect import CsvFormat, Dialect, dialect_of, not_utf8
from reference.table_summarization.reading.files.finding import File, partition_values, unreadable
from reference.table_summarization.reading.files.text_types import MISSING, Kind, kind_of
from reference.table_summarization.reading.source import Groupings, Runner, Survey, Threads, count_parts

_CODED = pa.dictionary(pa.int32(), pa.string())
_BLOCK_BYTES = 1 << 23
_PYTHON_ROWS = 1 << 16
_RANGE_BYTES = 1 << 24


@dataclass(frozen=True)
class _LineRange:
    """A CSV file, or a range of its lines.

    Attributes:
        file: The file.
        dialect: Its dialect.
        kinds: The kinds of columns; a column without a kind keeps its texts.
        types: The Arrow types as which columns are parsed; a column without a type is dictionary-encoded.
        header: The columns' names, if the range does not begin with them.
        start: The position of the first byte.
        stop: The position after the last byte; None for the end of the file.
        partition: Values of the columns that are in the names of the file's folders.
    """

    file: File
    dialect: Dialect
    kinds: Mapping[str, Kind | None]
    types: Mapping[str, pa.DataType]
    header: tuple[str, ...] = ()
    start: int = 0
    stop: int | None = None
    partition: Mapping[str, str | int | None] = field(default_factory=dict)

    def _reader(self, names: Sequence[str]) -> pa_csv.CSVStreamingReader:
        return pa_csv.open_csv(
            self._source(),
            pa_csv.ReadOptions(
                block_size=_BLOCK_BYTES,
                column_names=list(self.header),
                encoding="utf8" if self.dialect.encoding == "utf-8-sig" else self.dialect.encoding,
            ),
            pa_csv.ParseOptions(
                delimiter=self.dialect.delimiter,
                newlines_in_values=True,
                escape_char="\\" if self.dialect.escapes else False,
            ),
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
        """Yield the rows in blocks of some megabytes."""
        own = [name for name in names if name not in self.partition]
        blocks = self._blocks_by_csv(own) if self.dialect.skips_blanks else self._blocks_by_arrow(own)
        try:
            for columns, rows in blocks:
                folders = {n: constant(value, rows) for n, value in self.partition.items() if n in names}
                yield {**{name: self._typed(name, columns[name]) for name in own}, **folders}, rows
        except UnicodeDecodeError:
            raise not_utf8(self.file.path) from None
        except (OSError, pa.ArrowException, csv.Error) as error:
            if "UTF8" in str(error):
                raise not_utf8(self.file.path) from None
            raise unreadable(self.file.path, error) from None

    def _blocks_by_arrow(self, names: Sequence[str]) -> Iterator[tuple[Mapping[str, Any], int]]:
        # Even if no column is wanted, one is read, so that Arrow counts the rows.
        first = [] if names or not self.header else list(self.header[:1])
        with self._reader(names or first or self.dialect_names()[:1]) as reader:
            for batch in reader:
                yield {name: batch.column(name) for name in names}, batch.num_rows

    def _blocks_by_csv(self, names: Sequence[str]) -> Iterator[tuple[Mapping[str, Any], int]]:
        """Yield the rows by Python's csv module, which can skip blanks after separators."""
        with _lines(self.file, self.dialect) as lines:
            rows = self.dialect.rows(lines)
            header = self.dialect_names() if self.dialect.header else list(self.header)
            if self.dialect.header:
                next(rows, None)
            while some := list(itertools.islice(rows, _PYTHON_ROWS)):
                if any(len(row) != len(header) for row in some):
                    number = next(len(row) for row in some if len(row) != len(header))
                    raise csv.Error(f"Expected {len(header)} columns, got {number}")
                columns = dict(zip(header, zip(*some, strict=True), strict=True))
                yield {name: pa.array(columns[name], pa.string()) for name in names}, len(some)

    def dialect_names(self) -> list[str]:
        """Return the names of the file's columns."""
        return _header(self.file, self.dialect)

    def _typed(self, name: str, column: pa.Array) -> Any:
        if name in self.types and column.type == self.types[name]:
            return column
        coded = encode(name, column)
        return Coded(coded.codes, typed(coded.dictionary, self.kinds[name])) if name in self.kinds else coded


def constant(value: str | int | None, rows: int) -> Coded:
    """Return a column that has one value in every row."""
    return Coded(np.zeros(rows, dtype=np.int32), to_dictionary_type(pa.array([value])))


@contextmanager
def _lines(file: File, dialect: Dialect) -> Iterator[io.TextIOWrapper]:
    opened = file.open() if not file.local or file.xz else pa.input_stream(file.path)
    with io.TextIOWrapper(opened, encoding=dialect.encoding, newline="") as lines:
        yield lines


def _header(file: File, dialect: Dialect) -> list[str]:
    """Return the names of a file's columns."""
    try:
        with _lines(file, dialect) as lines:
            first = next(dialect.rows(lines), None)
    except UnicodeDecodeError:
        raise not_utf8(file.path) from None
    except (OSError, ValueError, csv.Error) as error:
        raise unreadable(file.path, error) from None
    if first is None:
        raise EmptyTableError(f"{file.path} is empty")
    return unique_names(dialect.names(first))


def _split(lines: _LineRange, names: Sequence[str]) -> list[_LineRange]:
    """Split a file into ranges of lines, so that several cores count it and progress can be reported.

    A line break within quotes does not end a line, so only the part before the first quote is split.
    """
    path = Path(lines.file.path)
    by_bytes = lines.dialect.encoding == "utf-8-sig" and not (lines.dialect.escapes or lines.dialect.skips_blanks)
    if not lines.file.local or lines.file.compressed or not by_bytes or path.stat().st_size < 2 * _RANGE_BYTES:
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
    return [replace(lines, header=header if a else lines.header, start=a, stop=b) for a, b in itertools.pairwise(ends)]


class CsvSource:
    """CSV files with the same header.

    Args:
        files: The files.
        runner: Counts the files on this machine or on a cluster.
        max_rows: Maximum number of distinct texts from which a column's type is inferred; more are sampled.
        stated: Known facts about the files' format.
    """

    def __init__(self, files: Sequence[File], runner: Runner, max_rows: int, stated: CsvFormat) -> None:
        self._runner = runner
        self._max_rows = max_rows
        self._tallies: dict[str, Counts] = {}
        self._dialect = dialect = dialect_of(files[0], stated)
        self._own = _header(files[0], dialect)
        for file in files[1:]:
            if _header(file, dialect) != self._own:
                raise UnreadableError(f"{file.path} has another header than {files[0].path}; summarize them separately")
        folders = partition_values(files, self._own)
        self.names = [*self._own, *folders[0]]
        header = () if dialect.header else tuple(self._own)
        whole = [
            _LineRange(file, dialect, {}, {}, header, partition=folder)
            for file, folder in zip(files, folders, strict=True)
        ]
        block, rows = next(whole[0].blocks(self._own), ({}, 0))  # a file that has only a header has no block
        # While types are inferred, a column of mostly different values is not encoded. A column that is text in the
        # first block is text, and is not read for its type.
        self._differing = {name for name, column in block.items() if len(column.dictionary) * 2 > rows}
        self._maybe_typed = {
            name
            for name in self._own
            if name not in block or kind_of([kinds_in(block[name].dictionary, dialect.kinds)]) is not Kind.TEXT
        }
        here = isinstance(runner, Threads)
        self._parts = [part for lines in whole for part in (_split(lines, self._own) if here else [lines])]
        self.plan = f"{len(files)} CSV file(s) with {dialect}, counted {runner.plan}"

    def binnable_columns(self, names: Sequence[str]) -> list[str]:
        """Do the same as `Source.binnable_columns`, and infer the types of columns.

        This takes one pass over the columns whose type the first block does not decide.
        """
        open_ = [name for name in names if name in self._maybe_typed]
        kinds: dict[str, Kind | None] = dict.fromkeys((name for name in names if name in self._own), Kind.TEXT)
        types: dict[str, pa.DataType] = {}
        if open_:
            as_texts = {name: pa.string() for name in self._differing & set(open_)}
            tasks = [
                partial(_inferred, replace(part, types=as_texts), open_, self._max_rows, self._dialect.kinds)
                for part in self._parts
            ]
            for name, (allowed, tally) in self._runner.reduce(tasks, partial(join, self._max_rows)).items():
                kinds[name] = kind_of([allowed])
                if tally is None or kinds[name] in {None, Kind.BOOL, Kind.TEXT}:
                    continue
                if tally.dictionaries[0].type == TEXTS:
                    # Two texts may spell the same value.
                    values = typed(tally.dictionaries[0], kinds[name])
                    tally = replace(tally, dictionaries=(values,), deduplicated=False)
                elif not tally.halvings and allowed is not None and Kind.TRIMMED in allowed:
                    types[name] = tally.dictionaries[0].type  # Arrow parsed every text of the column as this type
                self._tallies[name] = tally
        self._parts = [replace(part, kinds=kinds, types=types) for part in self._parts]
        folders = [name for name in names if name not in self._own]
        return [name for name in open_ if kinds[name] not in {None, Kind.BOOL, Kind.TEXT}] + folders

    def survey(self, watched: Sequence[str], names: Sequence[str], max_rows: int) -> Survey:
        """Do the same as `Source.survey`."""
        return Survey(self.count([(name,) for name in watched], {}, max_rows))

    def count(self, groupings: Groupings, recodings: Recodings, max_rows: int) -> list[Counts]:
        """Do the same as `Source.count`; single columns were already counted to infer their types."""
        known = {names: self._tallies[names[0]] for names in groupings if len(names) == 1 and names[0] in self._tallies}
        if recodings:
            known = {}
        others = [names for names in groupings if names not in known]
        counted = iter(count_parts(self._runner, self._parts, others, recodings, max_rows) if others else [])
        return [known[names] if names in known else next(counted) for names in groupings]


def _inferred(lines: _LineRange, names: Sequence[str], max_rows: int, kinds: frozenset[Kind]) -> ColumnTypes:
    """Return the kinds and counts of these columns of a file."""
    return infer_types(lines.blocks(names), max_rows, kinds)
