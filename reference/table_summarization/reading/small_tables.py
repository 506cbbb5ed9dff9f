"""Read small tables (at most 2000 records, or 64 KiB of CSV) without numpy: to import it takes longer than a summary.

The results equal those of the other modules, which use arrays: change both together.
"""

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reference.table_summarization.binning.rules import Intervals, binnable, interval_of
from reference.table_summarization.errors import EmptyTableError, UnreadableError, UnsupportedValuesError
from reference.table_summarization.reading.column_names import unique_names
from reference.table_summarization.reading.files.csv_dialect import (
    SAMPLE_BYTES,
    CsvFormat,
    Dialect,
    dialect_of,
    not_utf8,
)
from reference.table_summarization.reading.files.finding import (
    File,
    files,
    partition_values,
    unreadable,
)
from reference.table_summarization.reading.files.text_types import kind_of, kinds_of, read
from reference.table_summarization.search.costs import stored_bits
from reference.table_summarization.search.table import NO_VALUE, CodedTable, Column
from reference.table_summarization.values import Value, canonical, order

MOST_ROWS = 2000
"""Maximum number of rows; for more rows, arrays are faster."""

_MOST_BYTES = SAMPLE_BYTES


def distribution(cells: Sequence[Value]) -> tuple[list[Value], list[int]] | None:
    """Do the same as `search.preparation.distribution`, for a column's cells."""
    tally = Counter(_identity(value) for value in cells if value is not None)
    values = sorted((value for _, value in tally), key=order)
    return (values, [tally[_identity(value)] for value in values]) if binnable(values) else None


def _identity(value: Value) -> tuple[type, Value]:
    """Return a key under which True and 1 differ."""
    return type(value), value


def table_of(
    cells: Mapping[str, Sequence[Value]], intervals: Mapping[str, Intervals], *, ignore_missing: bool
) -> CodedTable:
    """Return the input of the search: the same table that `search.preparation.prepare_table` returns.

    Args:
        cells: Each column's canonical values.
        intervals: The intervals of the columns that are binned.
        ignore_missing: Whether patterns may not fix a missing value.
    """
    columns, codes = [], []
    for name in sorted(cells):
        values = cells[name]
        if name in intervals:
            bins = intervals[name]
            values = [None if value is None else bins[interval_of(bins, value)] for value in values]
        tally = Counter(map(_identity, values))
        fixable = [value for (_, value), rows in tally.items() if rows > 1 and not (ignore_missing and value is None)]
        fixable.sort(key=order)
        code_of = {_identity(value): code for code, value in enumerate(fixable)}
        bits = sum(stored_bits(value) for value in values)
        columns.append(Column(name, fixable, len(tally), -(-bits // len(values))))
        codes.append([code_of.get(_identity(value), NO_VALUE) for value in values])
    tally_of_rows = Counter(zip(*codes, strict=True))
    return CodedTable(
        tuple(columns),
        [list(column) for column in zip(*tally_of_rows, strict=True)],
        list(tally_of_rows.values()),
        sum(tally_of_rows.values()),
    )


def cells_of_records(records: Sequence[Mapping[Any, object]]) -> dict[str, list[object]]:
    """Return the cells of rows that are dicts; if a row lacks a key, its cell is missing."""
    names = {name: str(name) for record in records for name in record}
    unique_names(list(names))
    return {text: [record.get(name) for record in records] for name, text in names.items()}


def canonical_cells(name: str, cells: Sequence[object]) -> list[Value]:
    """Return a column's cells as canonical values.

    Raises:
        UnsupportedValuesError: A pattern cannot fix a value.
    """
    try:
        return list(map(canonical, cells))
    except UnsupportedValuesError as error:
        raise UnsupportedValuesError(f"column {name!r} cannot be summarized: {error}") from None


def cells_of_files(
    paths: Sequence[str], storage_options: Mapping[str, Any], stated: CsvFormat
) -> tuple[dict[str, list[object]], str] | None:
    """Return the cells of small local CSV files, and a description of their dialect; None for other files.

    Raises:
        UnreadableError: The files cannot be read as one table.
    """
    if any("://" in path for path in paths):
        return None
    found = files(paths, storage_options)
    if (
        any(file.parquet or file.compressed for file in found)
        or sum(Path(f.path).stat().st_size for f in found) > _MOST_BYTES
    ):
        return None
    dialect = dialect_of(found[0], stated)
    texts: dict[str, list[str]] = {}
    lengths = []
    for file in found:
        header, rows = _read(file, dialect)
        if texts and header != list(texts):
            raise UnreadableError(f"{file.path} has another header than {found[0].path}; summarize them separately")
        for position, name in enumerate(header):
            texts.setdefault(name, []).extend(row[position] for row in rows)
        lengths.append(len(rows))
    cells: dict[str, list[object]] = {name: [*_typed(column, dialect)] for name, column in texts.items()}
    for values, length in zip(partition_values(found, list(texts)), lengths, strict=True):
        for name, value in values.items():
            cells.setdefault(name, []).extend([value] * length)
    return cells, f"CSV with {dialect}"


def _read(file: File, dialect: Dialect) -> tuple[list[str], list[list[str]]]:
    try:
        with Path(file.path).open(encoding=dialect.encoding, newline="") as lines:
            rows = list(dialect.rows(lines))
    except UnicodeDecodeError as error:
        raise not_utf8(file.path) if dialect.encoding == "utf-8-sig" else unreadable(file.path, error) from None
    except (OSError, UnicodeError, csv.Error) as error:
        raise unreadable(file.path, error) from None
    if not rows:
        raise EmptyTableError(f"{file.path} is empty")
    header = unique_names(dialect.names(rows[0]))
    for number, row in enumerate(rows, 1):
        if len(row) != len(header):
            raise UnreadableError(f"{file.path} cannot be read: row {number} has {len(row)} fields, not {len(header)}")
    return header, rows[1:] if dialect.header else rows


def _typed(texts: Sequence[str], dialect: Dialect) -> list[Value]:
    distinct = set(texts)
    kind = kind_of([kinds_of(distinct, dialect.kinds)])
    values = {text: read(text, kind) for text in distinct}
    return [values[text] for text in texts]
