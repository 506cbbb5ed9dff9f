"""Our library as a worker, so that its time and memory are measured as those of the others are."""

import json
import sys
import warnings
from collections.abc import Callable
from typing import Any

from scenarios.table_summarization import published

warnings.filterwarnings("ignore", "Sending large graph")  # the document's way to hand a frame to Dask


def once() -> None:
    """Summarize the ten patients in this process."""
    from reference.table_summarization import summarize

    found = summarize(published.data())
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
    from tables import patients, patients_parquet, wide_parquet

    if sys.argv[1:] == ["fresh"]:
        serve({"process": in_a_fresh_process})
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
            "wide": counting(lambda rows: str(wide_parquet(rows))),
        }
    )


if __name__ == "__main__":
    once() if sys.argv[1:2] == ["once"] else main()
