"""Reports: the rows of a query over the views, stored in an Iceberg table until the next refresh.

The query of a report runs once for each refresh, however many people read the report. Read this before you schedule
refreshes of one.

Why not a materialized view: Trino's Hive connector refuses it. Its Iceberg connector accepts it, but Trino 476 cleans
up after each refresh: it tries to read the files of all earlier refreshes, which are deleted already, and waits 15
seconds for each; and a query that reads the rows of the previous refresh may fail (github.com/trinodb/trino, pull
requests 25343 and 26051). A table is replaced by one statement, in one commit.

The query of a report names views; it must not copy the text of an exact view. That text contains the id of a snapshot,
which `Platform.compact` replaces.
"""

from __future__ import annotations

from reference.realtime_data_platform.clients import Trino
from reference.realtime_data_platform.errors import BadInput
from reference.realtime_data_platform.source.description import quoted

SCHEMA = "iceberg.reports"


def report_sql(name: str, query: str) -> str:
    """Return the statement that creates or refreshes a report. A reader sees either all old rows or all new rows.

    Args:
        name: The report's name.
        query: A SELECT whose columns have types that Iceberg stores; cast a `json` value to varchar.

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
        query: A SELECT, as `report_sql` takes it.
        location: URI of the reports' files, such as `s3://lake/reports/`.

    Returns:
        The number of the report's rows.

    Raises:
        BadInput: The query names a snapshot of a base.
        Refused: The query failed, or Iceberg cannot store one of its types. The report keeps its previous rows.
    """
    statement = report_sql(name, query)
    trino.apply_schema(SCHEMA, location)
    [(rows,)] = trino.query(statement)
    return int(rows)


def remove_report(trino: Trino, name: str) -> None:
    """Remove a report; idempotent."""
    trino.query(f"DROP TABLE IF EXISTS {SCHEMA}.{quoted(name)}")
