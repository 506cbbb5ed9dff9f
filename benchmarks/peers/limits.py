"""The limits: count the distinct rows of a table with DuckDB and Polars, the least that any summary must do."""

import sys
from typing import Any

from protocol import serve, timed
from tables import patients, patients_parquet

from scenarios.table_summarization.published import COLUMNS


def duckdb_parquet(rows: int) -> tuple[float, Any]:
    """Count the distinct rows of a Parquet file with DuckDB."""
    import duckdb

    path = patients_parquet(rows)
    query = f"SELECT {', '.join(COLUMNS)}, count(*) FROM read_parquet('{path}') GROUP BY ALL"
    seconds, counts = timed(lambda: duckdb.sql(query).fetchall())
    return seconds, [sum(row[-1] for row in counts), len(counts)]


def polars_parquet(rows: int) -> tuple[float, Any]:
    """Count the distinct rows of a Parquet file with Polars."""
    import polars as pl

    path = patients_parquet(rows)
    seconds, counts = timed(lambda: pl.scan_parquet(path).group_by(COLUMNS).len().collect())
    return seconds, [int(counts["len"].sum()), len(counts)]


def polars_objects(rows: int) -> tuple[float, Any]:
    """Count the distinct rows of a pandas frame of objects with Polars, its conversion included."""
    import polars as pl

    frame = patients(rows)
    seconds, counts = timed(lambda: pl.from_pandas(frame).group_by(COLUMNS).len())
    return seconds, [int(counts["len"].sum()), len(counts)]


if __name__ == "__main__":
    runs = {"duckdb": {"parquet": duckdb_parquet}, "polars": {"parquet": polars_parquet, "objects": polars_objects}}
    serve(runs[sys.argv[1]])
