"""The SQL that a table's definition generates for Trino: catalogs, the view, a subset stored as Parquet.

Read `view_sql` to see why the view is exact while rows are updated.
"""

from __future__ import annotations

from collections.abc import Mapping

from .artifacts import Peers
from .description import NAME, Column, Table, in_pinot, quoted

MOST_ROWS = 200_000
"""Default limit on the rows of a table's history that a view reads; beyond it Trino fails the query."""


def pinot_catalog(peers: Peers, *, most_rows: int = MOST_ROWS) -> dict[str, str]:
    """Return the properties of the Pinot catalog.

    Args:
        peers: Addresses of the services.
        most_rows: Limit on the rows of one broker answer, and so on a table's history.
    """
    return {
        "pinot.controller-urls": peers.pinot_controller,
        "pinot.grpc.port": str(peers.pinot_grpc_port),
        "pinot.metadata-expiry": "1s",
        "pinot.max-rows-for-broker-queries": str(most_rows),
    }


def hive_catalog(peers: Peers) -> dict[str, str]:
    """Return the properties of the Hive catalog, which stores views and subsets; timestamps have microseconds."""
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
    """Return the CREATE CATALOG statement."""
    lines = ",\n".join(f"  \"{key}\" = '{_escaped(value)}'" for key, value in properties.items())
    return f"CREATE CATALOG {name} USING {connector_name}\nWITH (\n{lines}\n)"


def view_sql(
    described: Table, where: str | None = None, name: str = "", *, catalog: str = "pinot", most_rows: int = MOST_ROWS
) -> str:
    """Return the CREATE VIEW statement: typed columns, each key once, deleted rows left out.

    Pinot tracks the valid row of a key separately in each segment, and an update moves it from one segment to another.
    A query during that move, through Trino or Pinot's broker, sees the key twice or not at all. The replaced rows are
    still stored. So the view requests all rows (`skipUpsert`) in one broker answer and takes the newest row of each
    key by log sequence number, and of a truncated table those that came after. It requests one row more than
    `most_rows` and counts them, so that the query fails instead of returning an incomplete answer, whatever limit the
    catalog has.

    Args:
        described: The table.
        where: A condition on the view's columns, in SQL: `placed >= current_timestamp - INTERVAL '1' YEAR`.
        name: The view's name; by default the pipeline's.
        catalog: Name of the Pinot catalog.
        most_rows: Limit on the changes that the view reads; the catalog's (`pinot_catalog`) must not be lower.
    """
    keys = [_key(column) for column in described.key_columns()]
    columns = [_decoded(column) for column in described.other_columns()]
    op = "op" if described.op == "op" else f"op AS {described.op}"
    listed = ",\n".join(f"    {column}" for column in [*keys, *columns, op])
    key = ", ".join(quoted(column.in_pinot) for column in described.key_columns())
    head = f"CREATE OR REPLACE VIEW hive.views.{quoted(name or described.pipeline)} AS\n"
    query = f"""  SELECT
{listed}
  FROM (
    SELECT {key}, max_by(source, lsn) AS source, max_by(op, lsn) AS op, max(lsn) AS lsn,
      sum(count(*)) OVER () AS __changes, max(max(IF(op = 't', lsn))) OVER () AS __truncated
    FROM {catalog}.default.{quoted(_history(described, most_rows))}
    GROUP BY {key}
  )
  WHERE op NOT IN ('d', 't') AND lsn > coalesce(__truncated, 0)
    AND IF(__changes > {most_rows}, fail('{_escaped(too_many(described.name, most_rows))}'), true)"""  # noqa: S608  # quoted names
    if where is None:
        return head + query
    return f"{head}SELECT * FROM (\n{query}\n)\nWHERE {where}"  # noqa: S608  # the caller writes the condition in SQL


def too_many(name: str, most_rows: int = MOST_ROWS) -> str:
    """Return why a view over more than `most_rows` changes has no answer."""
    return f"table {name} has more than {most_rows:,} changes, as many as its view can read at once"


def subset_sql(described: Table, where: str, name: str) -> str:
    """Return the CREATE TABLE AS statement that copies a range of a table's view into a Parquet table.

    Hive tables have no type with a time zone: such columns are stored in UTC.

    Args:
        described: The table.
        where: A condition on the view's columns, in SQL.
        name: Name of the new table.
    """
    return (
        f"CREATE TABLE hive.views.{quoted(name)} WITH (format = 'PARQUET') AS\n"
        f"SELECT {', '.join(map(_in_hive, described.columns))}\n"
        f"FROM hive.views.{quoted(described.pipeline)}\nWHERE {where}"
    )


def _key(column: Column) -> str:
    """Return the view's column of a key column, which Pinot has as a number, as a boolean or as JSON text."""
    name, own = quoted(column.name), quoted(column.in_pinot)
    if column.carried.pinot == "STRING" and column.carried.view != "{value}":
        return f"{_expression(column, own)} AS {name}"
    return name if name == own else f"{own} AS {name}"


def _decoded(column: Column) -> str:
    """Return the view's column of another column, from the row's JSON."""
    step = f".{column.name}" if NAME.fullmatch(column.name) else _bracketed(column.name)
    function = "JSON_EXTRACT" if column.carried.nested else "JSON_EXTRACT_SCALAR"
    value = f"{function}(source, '${step}')"
    return f"{_expression(column, value)} AS {quoted(column.name)}"


def _expression(column: Column, value: str) -> str:
    return column.carried.view.format(value=value, name=_escaped(column.name))


def _bracketed(name: str) -> str:
    inner = _escaped(name.replace("\\", "\\\\").replace('"', '\\"'))
    return f'["{inner}"]'


def _in_hive(column: Column) -> str:
    name = quoted(column.name)
    if column.carried.trino == "timestamp(6) with time zone":
        return f"CAST({name} AT TIME ZONE 'UTC' AS timestamp(6)) AS {name}"
    return name


def _history(described: Table, most_rows: int) -> str:
    """Return the Pinot query for the whole history of a table: rows replaced by upsert included."""
    keys = ", ".join(quoted(column.in_pinot) for column in described.key_columns())
    table_name = in_pinot(described.pipeline)
    return f"SET skipUpsert = true; SELECT {keys}, source, op, lsn FROM {table_name} LIMIT {most_rows + 1}"  # noqa: S608  # validated names


def _escaped(text: str) -> str:
    return text.replace("'", "''")
