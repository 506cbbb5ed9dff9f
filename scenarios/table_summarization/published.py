"""The document's data, cluster, call and figures.

The published package runs in an environment of its own, so nothing but the standard library is imported at the top.
"""

import json
from pathlib import Path

COLUMNS = ("gender", "age", "blood_pressure")

_PATIENTS = [
    ("M", "adult", "normal"),
    ("M", "adult", "low"),
    ("M", "adult", "normal"),
    ("M", "adult", "high"),
    ("M", "adult", "low"),
    ("F", "child", "low"),
    ("M", "child", "low"),
    ("F", "child", "low"),
    ("M", "teen", "high"),
    ("F", "child", "normal"),
]

PARTITIONS = 4

#: The answer, as it is printed.
PATTERNS = [
    {"pattern": {"gender": "M", "age": "adult"}, "saving": 3313, "coverage": 50.0},
    {"pattern": {"age": "child", "blood_pressure": "low"}, "saving": 1684, "coverage": 30.0},
]

RUNS = Path(__file__).parents[2] / "results" / "benchmarks"


def stored(run="0000_published.json"):
    """Return the figures of a stored run of the document's table, by number of rows.

    The run `0000_published.json` has the document's own figures, measured on an i7-8750H with 16 GB.
    """
    benchmarks = json.loads((RUNS / run).read_text())["benchmarks"]
    return {each["extra_info"]["rows"]: each for each in benchmarks if each["name"].startswith("test_document_table[")}


def seconds(run="0000_published.json"):
    """Return the median seconds of a stored run, by number of rows."""
    return {rows: each["stats"]["median"] for rows, each in stored(run).items()}


#: The text's claim about the slowest run: rows and minutes.
SLOWEST = (1_000_000, 17)


def data(n=1):
    """Return the paper's ten patients, n times."""
    return [dict(zip(COLUMNS, patient, strict=True)) for patient in _PATIENTS] * int(n)


def cluster(*, threads=8, any_port=False, **settings):
    """Return a Dask cluster with the document's settings, unless others are given.

    Args:
        threads: The value of the document's setting `nthreads`.
        any_port: Whether the dashboard takes any free port, by the setting that Dask has today for `diagnostics_port`.
        settings: Settings that replace all of the document's.
    """
    from dask.distributed import LocalCluster

    port = {"dashboard_address": ":0"} if any_port else {"diagnostics_port": 8787}
    return LocalCluster(n_workers=1, **(settings or {"nthreads": threads, **port}))


def summarize(records, partitions=1):
    """Return the published package's patterns, in the order of the set that it returns."""
    import dask.dataframe as dd
    import pandas as pd
    import tsum

    found = tsum.summarize(ddf=dd.from_pandas(pd.DataFrame.from_records(records), npartitions=partitions))
    return [{"pattern": dict(each.pattern), "saving": each.saving, "coverage": each.coverage} for each in found]


def saving(covered, values, columns):
    """Return the saving of a pattern on so many rows by the published formula, under this interpreter."""
    import math
    import sys

    bits = sum(8 * sys.getsizeof(value) for value in values)
    return (covered - 1) * bits - columns * math.floor(2 * math.log2(covered + 2))
