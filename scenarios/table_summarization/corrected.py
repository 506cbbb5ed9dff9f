"""The corrected counterpart of each name in `published`."""

import json
import sys

from reference import table_summarization
from reference.table_summarization.search.costs import CPYTHON_3_11, object_size

#: The text, read off the table: the last n is 1e6, but each of its copies is ten rows.
SLOWEST = (10_000_000, 17)


def cluster(*, threads=8, **_):
    """Return the document's cluster by the names that Dask's settings have today, its dashboard on any free port."""
    from dask.distributed import LocalCluster

    return LocalCluster(n_workers=1, dashboard_address=":0", threads_per_worker=threads)


def summarize(records):
    """Return our library's patterns, with saving and coverage of each."""
    return [found.as_dict() for found in table_summarization.summarize(records).patterns]


def saving(covered, values, columns):
    """Return the saving of a pattern, with the object sizes of CPython 3.11 as data."""
    return CPYTHON_3_11.saving(covered, 8 * sum(map(object_size, values)), columns)


if __name__ == "__main__":
    json.dump({name: summarize(records) for name, records in json.load(sys.stdin).items()}, sys.stdout)
