"""The statements that a table's description generates for Trino: catalogs, a view, a subset in Parquet."""

from __future__ import annotations

from collections.abc import Mapping

from .artifacts import Peers
from .description import TYPES, Column, Table, in_pinot, quoted

MOST_ROWS = 200_000
"""The most rows of a table's history that a view reads unless told otherwise; beyond that Trino refuses the query."""


def pinot_catalog(peers: Peers, *, most_rows: int = MOST_ROWS) -> dict[str, str]:
    """Return the catalog of Pinot: a table is found as soon as it is there, and one answer holds what a view reads."""
    return {
        "pinot.controller-urls": peers.pinot_controller,
        "pinot.metadata-expiry": "1s",
        "pinot.max-rows-for-broker-queries": str(most_rows),
    }


def hive_catalog(peers: Peers) -> dict[str, str]:
    """Return the catalog of views and subsets, in a metastore of one's own and S3; times as exact as PostgreSQL's."""
    return {
        "hive.metastore": "thrift",
        "hive.metastore.uri": peers.metastore,
        "hive.recursive-directories": "true",
        "hive.storage-format": "PARQUET",
        "hive.insert-existing-partitions-behavior": "APPEND",
        "hive.timestamp-precision": "MICROSECONDS",
        "fs.native-s3.enabled": "true",
        "s3.endpoint": peers.s3,
        "s3.region": "us-east-1",
        "s3.path-style-access": "true",
        "s3.aws-access-key": peers.s3_access_key,
        "s3.aws-secret-key": peers.s3_secret_key,
    }


def catalog_sql(name: str, connector_name: str, properties: Mapping[str, str]) -> str:
    """Return the statement that makes a catalog."""
    lines = ",\n".join(f"  \"{key}\" = '{_quoted(value)}'" for key, value in properties.items())
    return f"CREATE CATALOG {name} USING {connector_name}\nWITH (\n{lines}\n)"


def view_sql(
    described: Table, where: str | None = None, name: str = "", *, catalog: str = "pinot", most_rows: int = MOST_ROWS
) -> str:
    """Return the statement that makes the view: typed columns, each key once, deleted rows left out.

    Which rows are valid Pinot knows segment by segment, and an update moves that from one to another: a query that
    reads meanwhile, by Trino or Pinot's own broker, sees a key twice or not at all. Rows themselves stay. So the view
    asks the broker for all of them and takes the newest of each key by the log's sequence number: exact, or an error
    where there are more than `most_rows`, since one more than Trino lets through is asked for.

    Args:
        described: The table.
        where: A condition on the view's columns, in SQL: `placed >= current_timestamp - INTERVAL '1' YEAR`.
        name: The view's name; the table's when it is not given.
        catalog: Pinot's catalog.
        most_rows: The most rows of the table's history that the catalog lets through, as `pinot_catalog` was told.
    """
    cuts = []
    for column in described.other_columns():
        text = f"JSON_EXTRACT_SCALAR(source, '$.{column.name}')"
        cuts.append(f"{TYPES[column.type][1].format(text)} AS {quoted(column.name)}")
    keys = [quoted(column.name) for column in described.key_columns()]
    columns = ",\n".join(f"    {cut}" for cut in [*keys, *cuts, "op"])
    key = ", ".join(keys)
    head = f"CREATE OR REPLACE VIEW hive.views.{quoted(name or described.name)} AS\n"
    query = f"""  SELECT
{columns}
  FROM (
    SELECT {key}, max_by(source, lsn) AS source, max_by(op, lsn) AS op
    FROM {catalog}.default.{quoted(_history(described, most_rows))}
    GROUP BY {key}
  )
  WHERE op <> 'd'"""  # noqa: S608  # names out of a description
    if where is None:
        return head + query
    return f"{head}SELECT * FROM (\n{query}\n)\nWHERE {where}"  # noqa: S608  # the condition is SQL by contract


def subset_sql(described: Table, where: str, name: str) -> str:
    """Return the statement that loads a range of a table's view into Parquet: a table of its own, as of now.

    Hive's tables know no time zones: what has one is kept in UTC.

    Args:
        described: The table.
        where: A condition on the view's columns, in SQL.
        name: The new table's name.
    """
    return (
        f"CREATE TABLE hive.views.{quoted(name)} WITH (format = 'PARQUET') AS\n"
        f"SELECT {', '.join(map(_in_hive, described.columns))}\n"
        f"FROM hive.views.{quoted(described.name)}\nWHERE {where}"
    )


def _in_hive(column: Column) -> str:
    name = quoted(column.name)
    if column.type == "timestamp with time zone":
        return f"CAST({name} AT TIME ZONE 'UTC' AS timestamp(6)) AS {name}"
    return name


def _history(described: Table, most_rows: int) -> str:
    """Return the query to Pinot's broker for every row that a table ever had."""
    keys = ", ".join(quoted(column.name) for column in described.key_columns())
    table_name = in_pinot(described.name)
    return f"SET skipUpsert = true; SELECT {keys}, source, op, lsn FROM {table_name} LIMIT {most_rows + 1}"  # noqa: S608  # names


def _quoted(text: str) -> str:
    return text.replace("'", "''")
