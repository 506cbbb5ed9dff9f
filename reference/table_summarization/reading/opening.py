"""Choose the source class for the data that `summarize` is given, and import only what that source needs."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reference.table_summarization.errors import UnreadableError

if TYPE_CHECKING:
    from reference.table_summarization.reading.files.csv_dialect import CsvFormat
    from reference.table_summarization.reading.source import Progress, Runner, Source


def paths_in(data: Any) -> list[str] | None:
    """Return the paths, if the data is a path or a list of paths."""
    if isinstance(data, str | Path):
        return [str(data)]
    if isinstance(data, list | tuple) and data and all(isinstance(path, str | Path) for path in data):
        return [str(path) for path in data]
    return None


def records_in(data: Any) -> list[Mapping[str, Any]] | None:
    """Return the records, if the data is a list of dicts."""
    if isinstance(data, list | tuple) and all(isinstance(row, Mapping) for row in data):
        return list(data)
    return None


def as_frame(data: Any) -> Any:
    """Return a Series of pandas or Dask as a DataFrame of one column, and anything else as it is.

    Raises:
        UnreadableError: The data is another object of these packages, such as a Bag or an Index.
    """
    if not type(data).__module__.startswith(("pandas", "dask")):
        return data
    classes = {each.__name__ for each in type(data).__mro__}
    if "DataFrame" in classes:
        return data
    if "Series" in classes:
        return data.to_frame()
    raise UnreadableError(f"a {type(data).__name__} is not a table; turn it into a data frame")


def source_of(
    data: Any,
    table: str | None,
    query: str | None,
    client: Any,
    storage_options: Mapping[str, Any],
    max_distinct: int,
    progress: "Progress | None",
    stated: "CsvFormat",
) -> "Source":
    """Return the source that can read the data.

    Args:
        data: Path or paths, records, a data frame or an Arrow table; with `table` or `query`, the warehouse's URL.
        table: Name of a warehouse's table.
        query: A SELECT to run in a warehouse, instead of `table`.
        client: The Dask client whose cluster reads the data; None for the current one, if there is one.
        storage_options: Options of the object store that holds the files.
        max_distinct: Maximum number of distinct rows that are counted exactly.
        progress: Called after each part of the table that has been counted.
        stated: Known facts about the format of CSV files; the others are detected.

    Raises:
        UnreadableError: The data cannot be read, or no source reads data of this type.
    """
    from reference.table_summarization.reading.source import Threads

    if table is not None or query is not None:
        from reference.table_summarization.reading.warehouses.warehouse import WarehouseSource, relation_of

        return WarehouseSource(str(data), relation_of(table, query))
    if records_in(data) is None:
        data = as_frame(data)
    module = type(data).__module__
    if module.startswith("dask"):
        from reference.table_summarization.reading.frames.dask_frames import DaskSource

        return DaskSource(data, client)
    paths, records = paths_in(data), records_in(data)
    if paths is not None:
        from reference.table_summarization.reading.files.finding import files

        runner = _runner(client, progress)
        found = files(paths, storage_options)
        parquet = {file.parquet for file in found}
        if len(parquet) > 1:
            raise UnreadableError("CSV and Parquet files are not one table; summarize them separately")
        if parquet == {True}:
            from reference.table_summarization.reading.files.parquet_files import ParquetSource

            return ParquetSource(found, runner)
        from reference.table_summarization.reading.files.csv_files import CsvSource

        return CsvSource(found, runner, max_distinct, stated)
    from reference.table_summarization.reading.frames.in_memory import ArrowSource, PandasSource, arrow_table

    if records is not None:
        from reference.table_summarization.reading.frames.in_memory import frame_of_records

        data, module = frame_of_records(records), "pandas"
    if module.startswith("pandas"):
        return PandasSource(data, progress)
    return ArrowSource(arrow_table(data), Threads(progress))


def _runner(client: Any, progress: "Progress | None") -> "Runner":
    """Return the runner that counts files: the cluster of the given client or of the current one, else threads."""
    if client is None and "distributed" in sys.modules:
        from distributed import default_client

        try:
            client = default_client()
        except ValueError:  # no client is current
            client = None
    if client is not None:
        from reference.table_summarization.reading.frames.dask_frames import DaskRunner

        return DaskRunner(client)
    from reference.table_summarization.reading.source import Threads

    return Threads(progress)
