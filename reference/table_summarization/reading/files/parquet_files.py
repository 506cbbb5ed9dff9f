"""Read Parquet files by row groups; text columns keep the dictionary encoding of the file."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from reference.table_summarization.encoding.counts import Counts, Recodings
from reference.table_summarization.errors import UnreadableError
from reference.table_summarization.reading.column_names import unique_names
from reference.table_summarization.reading.files.csv_files import constant
from reference.table_summarization.reading.files.finding import File, partition_values, unreadable
from reference.table_summarization.reading.frames.in_memory import may_be_binned
from reference.table_summarization.reading.source import (
    Groupings,
    Runner,
    Survey,
    count_parts,
    group_small,
    survey_parts,
)

# Maximum number of rows in the row groups of one task, so that small row groups share a task.
_PART_ROWS = 1 << 19


@dataclass(frozen=True)
class _RowGroups:
    """Some row groups of a file.

    Attributes:
        file: The file.
        groups: Numbers of the row groups.
        texts: The file's text columns.
        partition: Values of the columns encoded in its folders' names.
    """

    file: File
    groups: tuple[int, ...]
    texts: frozenset[str]
    partition: Mapping[str, str | int | None]

    def blocks(self, names: Sequence[str]) -> Iterator[tuple[Mapping[str, Any], int]]:
        """Yield the row groups as one block."""
        own = [name for name in names if name not in self.partition]
        try:
            with _opened(self.file, self.texts & set(names)) as parquet:
                table = parquet.read_row_groups(self.groups, columns=own, use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise unreadable(self.file.path, error) from None
        folders = {name: constant(value, table.num_rows) for name, value in self.partition.items() if name in names}
        yield {**{name: table.column(name) for name in own}, **folders}, table.num_rows


def _opened(file: File, texts: Collection[str] = ()) -> pq.ParquetFile:
    """Return a Parquet file; its columns of these names are read as codes."""
    if file.local:
        return pq.ParquetFile(file.path, read_dictionary=list(texts), memory_map=True, coerce_int96_timestamp_unit="us")
    opened = file.open()
    return pq.ParquetFile(opened, read_dictionary=list(texts), pre_buffer=True, coerce_int96_timestamp_unit="us")


class ParquetSource:
    """Parquet files of one schema.

    Args:
        files: The files.
        runner: Counts them on this machine or on a cluster.
    """

    def __init__(self, files: Sequence[File], runner: Runner) -> None:
        self._runner = runner
        self._parts: list[_RowGroups] = []
        self._types: dict[str, set[pa.DataType]] = {}
        rows = 0
        for position, file in enumerate(files):
            try:
                with _opened(file) as parquet:
                    schema, metadata = parquet.schema_arrow, parquet.metadata
            except (OSError, pa.ArrowException) as error:
                raise unreadable(file.path, error) from None
            if position == 0:
                own = unique_names(schema.names)
                folders = partition_values(files, own)
            elif set(schema.names) != set(own):
                raise UnreadableError(f"{file.path} has other columns than {files[0].path}; summarize them separately")
            rows += metadata.num_rows
            for column in schema:
                self._types.setdefault(column.name, set()).add(column.type)
            texts = frozenset(field.name for field in schema if _is_text(field.type))
            group_rows = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
            self._parts += [
                _RowGroups(file, groups, texts, folders[position]) for groups in group_small(group_rows, _PART_ROWS)
            ]
        self.names = [*own, *folders[0]]
        self.plan = f"{len(files)} Parquet file(s) of {rows} rows, counted {runner.plan}"

    def binnable_columns(self, names: Sequence[str]) -> list[str]:
        """Do the same as `Source.binnable_columns`, by the columns' types in all files, and all partition columns."""
        return [name for name in names if name not in self._types or any(map(may_be_binned, self._types[name]))]

    def survey(self, watched: Sequence[str], names: Sequence[str], max_rows: int) -> Survey:
        """Do the same as `Source.survey`."""
        return survey_parts(self._runner, self._parts, watched, names, max_rows)

    def count(self, groupings: Groupings, recodings: Recodings, max_rows: int) -> list[Counts]:
        """Do the same as `Source.count`; only the requested columns are read."""
        return count_parts(self._runner, self._parts, groupings, recodings, max_rows)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
