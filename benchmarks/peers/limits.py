"""The limits: the least work that any summary must do.

For a table that is counting its distinct rows, timed with DuckDB and Polars; for a small one, starting an interpreter
that imports the library of its data frame.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from protocol import serve, timed
from tables import numbers_parquet, patients, patients_parquet

from scenarios.table_summarization.published import COLUMNS


def duckdb_parquet(table: Callable[[int], Path]) -> Callable[[int], tuple[float, Any]]:
    """Return a function that counts the distinct rows of a Parquet file with DuckDB."""

    def run(rows: int) -> tuple[float, Any]:
        import duckdb

        query = f"SELECT COLUMNS(*), count(*) FROM read_parquet('{table(rows)}') GROUP BY ALL"
        seconds, counts = timed(lambda: duckdb.sql(query).fetchall())
        return seconds, [sum(row[-1] for row in counts), len(counts)]

    return run


def polars_parquet(table: Callable[[int], Path]) -> Callable[[int], tuple[float, Any]]:
    """Return a function that counts the distinct rows of a Parquet file with Polars."""

    def run(rows: int) -> tuple[float, Any]:
        import polars as pl

        lazy = pl.scan_parquet(table(rows))
        columns = lazy.collect_schema().names()
        seconds, counts = timed(lambda: lazy.group_by(columns).len("rows of each").collect())
        return seconds, [int(counts["rows of each"].sum()), len(counts)]

    return run


def polars_objects(rows: int) -> tuple[float, Any]:
    """Count the distinct rows of a pandas frame of objects with Polars, its conversion included."""
    import polars as pl

    frame = patients(rows)
    seconds, counts = timed(lambda: pl.from_pandas(frame).group_by(COLUMNS).len())
    return seconds, [int(counts["len"].sum()), len(counts)]


def start(module: str) -> Callable[[int], tuple[float, Any]]:
    """Return a function that times a fresh interpreter that imports a module and ends."""

    def run(_: int) -> tuple[float, Any]:
        since = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
        return time.perf_counter() - since, []

    return run


if __name__ == "__main__":
    runs = {
        "start": {module: start(module) for module in ("typing", "dask.dataframe")},
        "duckdb": {"parquet": duckdb_parquet(patients_parquet), "numbers": duckdb_parquet(numbers_parquet)},
        "polars": {
            "parquet": polars_parquet(patients_parquet),
            "numbers": polars_parquet(numbers_parquet),
            "objects": polars_objects,
        },
    }
    serve(runs[sys.argv[1]])
