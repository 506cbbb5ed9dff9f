"""Rows that this process holds, on their way to a cluster's workers: texts as codes, small partitions together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pyarrow as pa

from reference.table_summarization.coding import Coded, encode
from reference.table_summarization.errors import UnsupportedValuesError
from reference.table_summarization.sources.frames import holds_objects
from reference.table_summarization.sources.source import BLOCK_ROWS, together


@dataclass(frozen=True)
class Partition:
    """A partition of a table.

    Attributes:
        columns: Its columns; of texts, each stands there once, and a row has a code of a byte or a few.
        rows: How many rows it has.
    """

    columns: Mapping[str, Any]
    rows: int


@dataclass(frozen=True)
class SentTogether:
    """Partitions that are counted in one task."""

    partitions: Sequence[Partition]

    def blocks(self, names: Sequence[str]) -> Iterator[tuple[Mapping[str, Any], int]]:
        """As `source.Part.blocks`: one partition after the other."""
        for partition in self.partitions:
            yield {name: _received(partition.columns[name]) for name in names}, partition.rows


def coded(frame: pd.DataFrame, names: Sequence[str]) -> Partition:
    """A partition with its texts coded.

    Args:
        frame: The partition.
        names: Its columns' names as text.
    """
    rows = frame.reset_index(drop=True)  # an index would be sent with each column
    return Partition({name: _sent(name, rows.iloc[:, place]) for place, name in enumerate(names)}, len(rows))


def held(frame: dd.DataFrame, names: Sequence[str]) -> list[Partition] | None:
    """The rows of a DataFrame made of one of pandas, without its partitions: Dask would turn its objects into texts.

    Args:
        frame: The DataFrame, its expression a `FromPandas`.
        names: Its columns' names as text.

    Returns:
        None if it is only some of the partitions, or if a column of objects holds more than texts.
    """
    expression = frame.expr
    rows = getattr(expression.operand("frame"), "_data", None)
    if rows is None or expression.operand("_partitions") is not None:
        return None
    rows = rows[list(frame.columns)]
    starts = range(0, max(len(rows), 1), BLOCK_ROWS)
    try:
        found = [coded(rows.iloc[start : start + BLOCK_ROWS], names) for start in starts]
    except UnsupportedValuesError:
        return None
    columns = (column for partition in found for column in partition.columns.values() if isinstance(column, Coded))
    if expression.pyarrow_strings_enabled and any(c.dictionary.type != pa.large_string() for c in columns):
        return None
    return found


def parts(partitions: Sequence[Partition]) -> list[SentTogether]:
    """The tasks' parts: to begin a task takes longer than to count a small partition."""
    groups = together([partition.rows for partition in partitions], BLOCK_ROWS)
    return [SentTogether([partitions[place] for place in group]) for group in groups]


def _sent(name: str, column: Any) -> Any:
    if not isinstance(column.dtype, pd.StringDtype) and not holds_objects(column.dtype):
        return column
    texts = encode(name, column)
    return Coded(texts.codes.astype(np.min_scalar_type(len(texts.dictionary))), texts.dictionary)


def _received(column: Any) -> Any:
    return Coded(column.codes.astype(np.int32), column.dictionary) if isinstance(column, Coded) else column
