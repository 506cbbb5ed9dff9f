"""The published package tsum 0.1.0, asked as its document asks it: a LocalCluster of one worker, eight threads.

As a program with `once ROWS` it answers one question in a fresh process, imports and cluster included.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from protocol import serve

# The ten patients: gender, age, blood pressure.
PATIENTS = [
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
COLUMNS = ("gender", "age", "blood_pressure")


PARTITIONS = 4


def document(rows: int) -> tuple[float, Any]:
    """Time one summary on the running cluster; making the table is left out, as the document leaves it out."""
    import dask.dataframe as dd
    from tsum import summarize

    ten = pd.DataFrame(PATIENTS, columns=COLUMNS)
    table = dd.from_pandas(ten.take(np.resize(np.arange(len(ten)), rows)).reset_index(drop=True), PARTITIONS)
    start = time.perf_counter()
    patterns = summarize(ddf=table)
    return time.perf_counter() - start, listed(patterns)


def process(rows: int) -> tuple[float, Any]:
    """Time a fresh process that summarizes once, from its start to its end."""
    start = time.perf_counter()
    once = subprocess.run([sys.executable, __file__, "once", str(rows)], stdout=subprocess.PIPE, check=True)
    return time.perf_counter() - start, json.loads(once.stdout)


def listed(patterns: Iterable[Any]) -> list[Any]:
    """Return what `summarize` found as `[pattern, saving, coverage]`, by saving: its own order is a set's."""
    found = [[dict(each.pattern), each.saving, each.coverage] for each in patterns]
    return sorted(found, key=lambda each: -each[1])


def main() -> None:
    """Start the document's cluster, then answer once or serve."""
    if sys.argv[1:] == ["fresh"]:
        return serve({"process": process})
    from dask.distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=8, dashboard_address=None) as cluster, cluster.get_client():
        if sys.argv[1:2] != ["once"]:
            return serve({"document": document})
        _, patterns = document(int(sys.argv[2]))
    json.dump(patterns, sys.stdout)
    return None


if __name__ == "__main__":
    main()
