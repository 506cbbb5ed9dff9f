"""The document's table and benchmark, for any package that summarizes tables.

It imports nothing slow, since fresh processes are timed with it.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from scenarios.table_summarization import published


def cluster() -> AbstractContextManager[Any]:
    """Return the document's cluster: one worker with eight threads (its argument `nthreads` is ignored)."""
    return published.cluster(threads_per_worker=8, dashboard_address=None)


def on_a_cluster(summarize: Callable[[Any], Any]) -> Callable[[int], tuple[float, Any]]:
    """Return a function that times one summary, without creating the table, as the document does."""

    def run(rows: int) -> tuple[float, Any]:
        import dask.dataframe as dd
        from tables import patients

        table = dd.from_pandas(patients(rows), npartitions=published.PARTITIONS)
        start = time.perf_counter()
        patterns = summarize(table)
        return time.perf_counter() - start, listed(patterns)

    return run


def in_a_fresh_process(form: str) -> Callable[[int], tuple[float, Any]]:
    """Return a function that times a fresh process of the same worker for one summary, from its start to its end."""

    def run(_: int) -> tuple[float, Any]:
        start = time.perf_counter()
        once = subprocess.run([sys.executable, sys.argv[0], "once", form], stdout=subprocess.PIPE, check=True)
        return time.perf_counter() - start, json.loads(once.stdout)

    return run


def listed(patterns: Any) -> list[Any]:
    """Return `[pattern, saving, coverage]` sorted by saving: the published package returns them in a set's order."""
    found = [[dict(each.pattern), each.saving, each.coverage] for each in patterns]
    return sorted(found, key=lambda each: -each[1])
