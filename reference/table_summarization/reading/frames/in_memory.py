"""Tables in this process's memory: pandas DataFrames, and tables with Arrow's interface (pyarrow, Polars, DuckDB).

Open it to see which objects count as tables, and which of their columns may be binned.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from reference.table_summarization.encoding.counts import Counts, Recodings
from reference.table_summarization.errors import UnreadableError, UnsupportedValuesError
from reference.table_summarization.reading.column_names import unique_names
from reference.table_summarization.reading.small_tables import cells_of_records
from reference.table_summarization.reading.source import (
    BLOCK_ROWS,
    Groupings,
    Progress,
    Runner,
    Survey,
    Threads,
    count_parts,
    survey_parts,
)
from reference.table_summarization.values import canonical


def may_be_binned(kind: pa.DataType) -> bool:
    """Return whether values of an Arrow type are numbers or times."""
    if pa.types.is_dictionary(kind):
        return may_be_binned(kind.value_type)
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)) or bool(
        pa.types.is_timestamp(kind) or pa.types.is_date(kind)
    )


@dataclass(frozen=True)
class _Slice:
    """A block of rows of a table in memory."""

    columns: Mapping[str, Any]
    start: int
    stop: int

    def blocks(self, names: Sequence[str]) -> Iterator[tuple[Mapping[str, Any], int]]:
        """Yield the block."""
        rows = slice(self.start, self.stop)
        yield {name: self.columns[name][rows] for name in names}, self.stop - self.start


def _slices(columns: Mapping[str, Any], rows: int) -> list[_Slice]:
    return [_Slice(columns, start, min(start + BLOCK_ROWS, rows)) for start in range(0, max(rows, 1), BLOCK_ROWS)]


class ArrowSource:
    """An Arrow table.

    Args:
        table: The table.
        runner: Counts the table on this machine or on a cluster.
    """

    def __init__(self, table: pa.Table, runner: Runner) -> None:
        self.names = unique_names(table.column_names)
        self.plan = f"an Arrow table of {table.num_rows} rows, counted {runner.plan}"
        self._columns = dict(zip(self.names, table.columns, strict=True))
        self._rows = table.num_rows
        self._runner = runner

    def binnable_columns(self, names: Sequence[str]) -> list[str]:
        """Do the same as `Source.binnable_columns`, by the columns' types."""
        return [name for name in names if may_be_binned(self._columns[name].type)]

    def survey(self, watched: Sequence[str], names: Sequence[str], max_rows: int) -> Survey:
        """Do the same as `Source.survey`."""
        return survey_parts(self._runner, _slices(self._columns, self._rows), watched, names, max_rows)

    def count(self, groupings: Groupings, recodings: Recodings, max_rows: int) -> list[Counts]:
        """Do the same as `Source.count`."""
        return count_parts(self._runner, _slices(self._columns, self._rows), groupings, recodings, max_rows)


class PandasSource:
    """A pandas DataFrame.

    Args:
        frame: The DataFrame.
        progress: Called after each part.
    """

    def __init__(self, frame: Any, progress: Progress | None = None) -> None:
        self.names = unique_names(list(frame.columns))
        # Columns of Python objects are read under the global interpreter lock, so more threads would not be faster.
        runner = Threads(progress, 1 if any(map(holds_objects, frame.dtypes)) else None)
        self.plan = f"a pandas DataFrame of {len(frame)} rows, counted {runner.plan}"
        self._columns = {name: _Positions(frame.iloc[:, position]) for position, name in enumerate(self.names)}
        self._rows = len(frame)
        self._runner = runner

    def binnable_columns(self, names: Sequence[str]) -> list[str]:
        """Do the same as `Source.binnable_columns`, by the columns' types, or by the first value of objects."""
        return [name for name in names if series_may_be_binned(self._columns[name].series)]

    def survey(self, watched: Sequence[str], names: Sequence[str], max_rows: int) -> Survey:
        """Do the same as `Source.survey`."""
        return survey_parts(self._runner, _slices(self._columns, self._rows), watched, names, max_rows)

    def count(self, groupings: Groupings, recodings: Recodings, max_rows: int) -> list[Counts]:
        """Do the same as `Source.count`."""
        return count_parts(self._runner, _slices(self._columns, self._rows), groupings, recodings, max_rows)


@dataclass(frozen=True)
class _Positions:
    """A Series that is sliced by position, regardless of its index."""

    series: Any

    def __getitem__(self, rows: slice) -> Any:
        return self.series.iloc[rows]


def holds_objects(kind: Any) -> bool:
    """Return whether a pandas dtype is that of Python objects; the dtype of texts has the same letter as its kind."""
    return isinstance(kind, np.dtype) and kind.kind == "O"


def series_may_be_binned(series: Any) -> bool:
    """Return whether a pandas Series may hold numbers or times; of objects, the first that is not missing decides."""
    kind = series.dtype
    if hasattr(kind, "categories"):
        return series_may_be_binned(kind.categories.to_series())
    if hasattr(kind, "pyarrow_dtype"):
        return may_be_binned(kind.pyarrow_dtype)
    if holds_objects(kind):
        values = series.to_numpy()
        first = next((value for value in values if not _missing(value)), None)
        return first is not None and not isinstance(first, str | bool | bytes)
    return kind.kind in "iufM"


def _missing(value: object) -> bool:
    try:
        return canonical(value) is None
    except UnsupportedValuesError:
        return False


def frame_of_records(records: Sequence[Mapping[Any, object]]) -> Any:
    """Return records as a pandas DataFrame with unchanged values: `pandas.DataFrame` makes floats of some integers.

    Args:
        records: The rows; if a row lacks a key, its cell is missing.
    """
    import pandas as pd

    cells = cells_of_records(records)
    return pd.DataFrame({name: _column(values) for name, values in cells.items()}, index=range(len(records)))


_NUMBERS: dict[type, pa.DataType] = {int: pa.int64(), float: pa.float64()}


def _column(values: list[object]) -> Any:
    """Return a Series of numbers if all values are numbers of one type, which is fast; else a Series of objects."""
    import pandas as pd

    kinds = {*map(type, values)} - {type(None)}
    if len(kinds) == 1 and (kind := _NUMBERS.get(*kinds)) is not None:
        try:
            return pd.Series(pd.arrays.ArrowExtensionArray(pa.array(values, kind)))
        except (OverflowError, pa.ArrowInvalid):  # integers beyond 64 bits
            pass
    return pd.Series(values, dtype=object)


def arrow_table(data: Any) -> pa.Table:
    """Return the Arrow table of an object that has Arrow's PyCapsule interface, or that pyarrow can scan.

    Raises:
        UnreadableError: The object has no such interface, is not a table, or its package cannot convert it.
    """
    if isinstance(data, pa.Table):
        return data
    kind = type(data)
    if kind.__module__ == "pyarrow._dataset" and hasattr(data, "to_table"):
        return data.to_table()
    taken = isinstance(data, dict) or any(
        hasattr(data, name) for name in ("__arrow_c_stream__", "__arrow_c_array__", "__dataframe__")
    )
    if not taken:
        first = "collect it first" if hasattr(data, "collect") else "give a data frame, an Arrow table, a list of dicts"
        raise UnreadableError(f"a {kind.__name__} is not a table; {first}, or the path of a file")
    try:
        table = pa.table(data)
    except Exception as error:  # noqa: BLE001 (a package that converts its own type may raise any exception)
        reason = str(error).strip().partition("\n")[0]
        raise UnreadableError(f"a {kind.__name__} is not a table: {reason}") from None
    if kind.__module__.startswith("polars"):
        for position, (name, held) in enumerate(data.schema.items()):
            if str(held) == "Object":  # in Arrow, such a column holds the addresses of Python objects
                table = table.set_column(position, name, _opaque(table.column(position)))
    return table


def _opaque(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column with an opaque type, which the encoding refuses with a message."""
    kind = pa.opaque(column.type, "Object", "polars")
    return pa.chunked_array([pa.ExtensionArray.from_storage(kind, chunk) for chunk in column.chunks], kind)
