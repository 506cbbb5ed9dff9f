"""Prepare rows in this process to be sent to a cluster's workers: encode their texts, and group small partitions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pyarrow as pa

from reference.table_summarization.encoding.dictionaries import Coded, encode
from reference.table_summarization.errors import UnsupportedValuesError
from reference.table_summarization.reading.frames.in_memory import holds_objects
from reference.table_summarization.reading.source import BLOCK_ROWS, group_small


@dataclass(frozen=True)
class Partition:
    """A partition of a table.

    Attributes:
        columns: The columns; text columns are dictionary-encoded, with codes of the smallest possible integer type.
        rows: The number of rows.
    """

    columns: Mapping[str, Any]
    rows: int


@dataclass(frozen=True)
class PartitionGroup:
    """Partitions that one task counts."""

    partitions: Sequence[Partition]

    def blocks(self, names: Sequence[str]) -> Iterator[tuple[Mapping[str, Any], int]]:
        """Do the same as `source.Part.blocks`: each partition is a block."""
        for partition in self.partitions:
            yield {name: _restore_codes(partition.columns[name]) for name in names}, partition.rows


def encode_partition(frame: pd.DataFrame, names: Sequence[str]) -> Partition:
    """Return a partition with its texts encoded.

    Args:
        frame: The partition.
        names: The names of its columns, as text.
    """
    # An index would be sent with each column, unless it is a range.
    rows = frame if isinstance(frame.index, pd.RangeIndex) else frame.reset_index(drop=True)
    return Partition(
        {name: _encode_texts(name, rows.iloc[:, position]) for position, name in enumerate(names)}, len(rows)
    )


def encode_local_frame(frame: dd.DataFrame, names: Sequence[str]) -> list[Partition] | None:
    """Encode a Dask DataFrame that was made from a pandas DataFrame, directly from the pandas DataFrame.

    In its partitions, Dask would already have converted objects to texts.

    Args:
        frame: The DataFrame, whose expression is a `FromPandas`.
        names: The names of its columns, as text.

    Returns:
        The partitions; None if the frame has only some of the original's partitions, or if a column of objects holds
        values other than texts.
    """
    expression = frame.expr
    rows = getattr(expression.operand("frame"), "_data", None)
    if rows is None or expression.operand("_partitions") is not None:
        return None
    if not rows.columns.equals(frame.columns):
        rows = rows[list(frame.columns)]
    starts = range(0, max(len(rows), 1), BLOCK_ROWS)
    try:
        found = [encode_partition(rows.iloc[start : start + BLOCK_ROWS], names) for start in starts]
    except UnsupportedValuesError:
        return None
    columns = (column for partition in found for column in partition.columns.values() if isinstance(column, Coded))
    if expression.pyarrow_strings_enabled and any(c.dictionary.type != pa.large_string() for c in columns):
        return None
    return found


def group_partitions(partitions: Sequence[Partition]) -> list[PartitionGroup]:
    """Group partitions for tasks, since starting a task takes longer than counting a small partition."""
    groups = group_small([partition.rows for partition in partitions], BLOCK_ROWS)
    return [PartitionGroup([partitions[position] for position in group]) for group in groups]


def _encode_texts(name: str, column: Any) -> Any:
    if not isinstance(column.dtype, pd.StringDtype) and not holds_objects(column.dtype):
        return column
    texts = encode(name, column)
    return Coded(texts.codes.astype(np.min_scalar_type(len(texts.dictionary))), texts.dictionary)


def _restore_codes(column: Any) -> Any:
    return Coded(column.codes.astype(np.int32), column.dictionary) if isinstance(column, Coded) else column
