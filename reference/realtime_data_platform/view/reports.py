"""Reports: the rows of a query over the views, kept in a table of Iceberg's until the next refresh.

A report that many people read costs its query once a refresh. Read this to give a schedule something to refresh.

A materialized view of Trino's Iceberg connector does the same, and its Hive connector refuses one. Trino 476 cleans up
after each refresh of a materialized view: it reads the files of all refreshes before, which are gone, and waits 15
seconds for each; a query that reads the rows of the refresh before may fail (github.com/trinodb/trino, pull requests
25343 and 26051). A table is replaced by one statement, in one commit.

A report reads views by their names. The text of an exact view is no query for a report, nor for any other file that is
run again: it names a snapshot, which `Platform.compact` replaces.
"""

from __future__ import annotations

from reference.realtime_data_platform.clients import Trino
from reference.realtime_data_platform.errors import BadInput
from reference.realtime_data_platform.source.description import quoted

SCHEMA = "iceberg.reports"


def report_sql(name: str, query: str) -> str:
    """Return the statement that creates or refreshes a report: readers have its rows from before, or the new ones.

    Args:
        name: The report's name.
        query: A SELECT with types that Iceberg stores: a `json` value is cast to varchar.

    Raises:
        BadInput: The query names a snapshot of a base.
    """
    if " FOR VERSION AS OF " in query:
        raise BadInput(f"the query of report {name} names a snapshot: read the view by its name, hive.views.NAME")
    return f"CREATE OR REPLACE TABLE {SCHEMA}.{quoted(name)} AS\n{query.strip().rstrip(';')}"


def apply_report(trino: Trino, name: str, query: str, *, location: str) -> int:
    """Create or refresh a report.

    Args:
        trino: The cluster, with the catalog `iceberg`.
        name: The report's name.
        query: As for `report_sql`.
        location: URI of the reports' files, such as `s3://lake/reports/`.

    Returns:
        The number of its rows.

    Raises:
        BadInput: The query names a snapshot of a base.
        Refused: The query failed, or Iceberg cannot store one of its types. The rows are those of the refresh before.
    """
    statement = report_sql(name, query)
    trino.apply_schema(SCHEMA, location)
    [(rows,)] = trino.query(statement)
    return int(rows)


def remove_report(trino: Trino, name: str) -> None:
    """Remove a report; idempotent."""
    trino.query(f"DROP TABLE IF EXISTS {SCHEMA}.{quoted(name)}")
