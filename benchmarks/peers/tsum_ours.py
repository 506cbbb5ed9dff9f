"""Our library as a worker, so that its time and memory are measured as those of the others are."""

import json
import sys
import warnings
from collections.abc import Callable
from typing import Any

from scenarios.table_summarization import published

warnings.filterwarnings("ignore", "Sending large graph")  # the document's way to hand a frame to Dask


def once(form: str) -> None:
    """Summarize the ten patients in this process: as a list of records, or as the document's Dask DataFrame."""
    from reference.table_summarization import summarize

    table: Any = published.data()
    if form == "frame":
        import dask.dataframe as dd
        import pandas as pd

        table = dd.from_pandas(pd.DataFrame.from_records(table), npartitions=published.PARTITIONS)
    found = summarize(table)
    json.dump([[each.pattern, each.saving, each.coverage] for each in found.patterns], sys.stdout)


def counting(made: Callable[[int], Any]) -> Callable[[int], tuple[float, Any]]:
    """Return a function that times the summary of a table of a given size; the checksum holds the counts."""
    from protocol import timed

    from reference.table_summarization import summarize

    def run(rows: int) -> tuple[float, Any]:
        table = made(rows)
        seconds, summary = timed(lambda: summarize(table))
        return seconds, [summary.rows, summary.plan.distinct_rows]

    return run


def main() -> None:
    """Serve the document's cluster, fresh processes, or tables in this process."""
    from document import cluster, in_a_fresh_process, on_a_cluster
    from protocol import serve

    if sys.argv[1:] == ["fresh"]:
        serve({form: in_a_fresh_process(form) for form in ("list", "frame")})
    from tables import numbers_parquet, patients, patients_parquet, wide_parquet

    if sys.argv[1:] == ["document"]:
        from reference.table_summarization import summarize

        with cluster() as running, running.get_client() as client:

            def on_it(table: Any) -> Any:
                summary = summarize(table, client=client)
                # On the cluster: by default a table held by this process is counted in this process.
                assert client.scheduler.address in str(summary.plan)
                return summary.patterns

            serve(
                {
                    "document": on_a_cluster(on_it),
                    "in_process": on_a_cluster(lambda table: summarize(table).patterns),
                }
            )
    serve(
        {
            "objects": counting(patients),
            "parquet": counting(lambda rows: str(patients_parquet(rows))),
            "numbers": counting(lambda rows: str(numbers_parquet(rows))),
            "wide": counting(lambda rows: str(wide_parquet(rows))),
        }
    )


if __name__ == "__main__":
    once(sys.argv[2]) if sys.argv[1:2] == ["once"] else main()
