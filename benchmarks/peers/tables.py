"""The tables that all workers summarize; a Parquet file is written once, in a folder that they share."""

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scenarios.table_summarization import published


@lru_cache(maxsize=1)  # rounds of one size share it
def patients(rows: int) -> pd.DataFrame:
    """Return the ten patients, repeated, in columns of objects."""
    ten = pd.DataFrame.from_records(published.data()).astype(object)
    return ten.take(np.resize(np.arange(len(ten)), rows)).reset_index(drop=True)


def patients_parquet(rows: int) -> Path:
    """Return a Parquet file of the ten patients, repeated."""
    return _parquet(f"patients-{rows}", rows, patients)


def wide_parquet(rows: int) -> Path:
    """Return a Parquet file of 12 independent columns, each with 10,000 distinct values drawn by Zipf's law."""
    chance = np.random.default_rng(rows)

    def frame(size: int) -> pd.DataFrame:
        drawn = chance.zipf(1.2, (12, size)) % 10_000
        return pd.DataFrame(
            {f"column_{n}": np.char.add(f"value_{n}_", each.astype(str)) for n, each in enumerate(drawn)}
        )

    return _parquet(f"wide-{rows}", rows, frame)


def different_parquet(rows: int) -> Path:
    """Return a Parquet file of 20 columns, in which no two rows are alike: of numbers, fractions and texts."""

    def frame(size: int) -> pd.DataFrame:
        chance = np.random.default_rng(rows + size)
        texts = np.array([f"text {n}" for n in range(1_000)], dtype=object)
        columns: dict[str, Any] = {f"whole_{n}": chance.integers(0, 1_000_000, size) for n in range(6)}
        columns |= {f"fraction_{n}": chance.random(size) for n in range(6)}
        columns |= {f"text_{n}": texts[chance.integers(0, len(texts), size)] for n in range(7)}
        return pd.DataFrame({"id": np.arange(size), **columns})

    return _parquet(f"different-{rows}", rows, frame)


def numbers_parquet(rows: int) -> Path:
    """Return a Parquet file of numbers: two columns of integers and two of floats, of 20 and 5 distinct values."""

    def frame(size: int) -> pd.DataFrame:
        drawn = np.random.default_rng(size).integers(0, 20, (4, size))
        return pd.DataFrame({"one": drawn[0], "two": drawn[1] % 5, "three": drawn[2] / 4, "four": drawn[3] % 5 + 0.5})

    return _parquet(f"numbers-{rows}", rows, frame)


def _parquet(name: str, rows: int, frame: Callable[[int], pd.DataFrame]) -> Path:
    """Return the path of a Parquet file, written from frames of at most a million rows unless it exists."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(os.environ["BENCHMARK_TABLES"]) / f"{name}.parquet"
    if not path.exists():
        unfinished = path.with_suffix(f".{os.getpid()}")
        writer = None
        for start in range(0, rows, 1_000_000):
            table = pa.Table.from_pandas(frame(min(1_000_000, rows - start)), preserve_index=False)
            writer = writer or pq.ParquetWriter(unfinished, table.schema)
            writer.write_table(table)
        writer.close()
        unfinished.rename(path)
    return path
