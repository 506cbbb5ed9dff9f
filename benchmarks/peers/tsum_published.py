"""The published package tsum 0.1.0: on the document's cluster (`document`), or once in a fresh process (`fresh`)."""

import json
import sys
import warnings

from scenarios.table_summarization import published

warnings.simplefilter("ignore")  # pandas and Dask warn of how the package uses them


def once() -> None:
    """Summarize the ten patients without a cluster, the fastest way that the package has."""
    import dask.dataframe as dd
    import pandas as pd
    from document import listed
    from tsum import summarize

    table = dd.from_pandas(pd.DataFrame.from_records(published.data()), npartitions=published.PARTITIONS)
    json.dump(listed(summarize(ddf=table)), sys.stdout)


def main() -> None:
    """Run the worker `document` or `fresh`, as the command line says."""
    from document import cluster, in_a_fresh_process, on_a_cluster
    from protocol import serve

    if sys.argv[1:] == ["fresh"]:
        serve({"frame": in_a_fresh_process("frame")})
    with cluster() as running, running.get_client():
        from tsum import summarize

        serve({"document": on_a_cluster(lambda table: summarize(ddf=table))})


if __name__ == "__main__":
    once() if sys.argv[1:2] == ["once"] else main()
