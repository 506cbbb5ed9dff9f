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


def counted_again(made: Callable[[int], Any]) -> Callable[[int], tuple[float, Any]]:
    """Return a function that summarizes a table of a given size, and counts the rows of each pattern with DuckDB.

    The checksum is the numbers of rows that the summary has, and those that DuckDB finds.
    """
    from reference.table_summarization import summarize

    def run(rows: int) -> tuple[float, Any]:
        import duckdb

        table = made(rows)
        summary = summarize(table, patterns=10)
        values: list[Any] = []

        def fixes(name: str, value: Any) -> str:
            if value is None or name not in summary.bins:
                values.append(value)
                return f"{name} IS NOT DISTINCT FROM ?"
            (interval,) = [each for each in summary.bins[name] if each.label == value]
            values.extend(end for end in (interval.low, interval.high) if end is not None)
            low = "TRUE" if interval.low is None else f"{name} >= ?"
            high = "TRUE" if interval.high is None else f"{name} {'<=' if interval.closed else '<'} ?"
            return f"{low} AND {high}"

        conditions = [" AND ".join(fixes(*item) for item in each.pattern.items()) for each in summary.patterns]
        counts = ", ".join(f"count(*) FILTER (WHERE {condition})" for condition in conditions)
        with duckdb.connect() as connection:
            if not isinstance(table, str):
                connection.register("held", table)
            held = f"read_parquet('{table}')" if isinstance(table, str) else "held"
            ((*counted,),) = connection.execute(f"SELECT {counts} FROM {held}", values).fetchall()
        return 1.0, [[each.rows for each in summary.patterns], counted]

    return run


def main() -> None:
    """Serve the document's cluster, fresh processes, or tables in this process."""
    from document import cluster, in_a_fresh_process, on_a_cluster
    from protocol import serve

    if sys.argv[1:] == ["fresh"]:
        serve({form: in_a_fresh_process(form) for form in ("list", "frame")})
    from tables import different_parquet, numbers_parquet, patients, patients_parquet, wide_parquet

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
    made: dict[str, Callable[[int], Any]] = {
        "objects": patients,
        "parquet": lambda rows: str(patients_parquet(rows)),
        "numbers": lambda rows: str(numbers_parquet(rows)),
        "wide": lambda rows: str(wide_parquet(rows)),
        "different": lambda rows: str(different_parquet(rows)),
    }
    serve(
        {name: counting(table) for name, table in made.items()}
        | {f"patterns of {name}": counted_again(table) for name, table in made.items()}
    )


if __name__ == "__main__":
    once(sys.argv[2]) if sys.argv[1:2] == ["once"] else main()
