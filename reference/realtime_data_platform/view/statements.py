"""The SQL that is generated from a table's definition for Trino: the view, and a subset of it stored as Parquet.

Read `view_sql` to see why the view is exact while rows are updated, and while changes are compacted.
"""

from __future__ import annotations

from reference.realtime_data_platform.source.description import AFTER_COMMIT, NAME, Column, Table, escaped, quoted

from .base import PLACE, Mark, Snapshot, availability_check, base, tail


def view_sql(described: Table, mark: Mark, where: str | None = None, name: str = "", *, catalog: str = "pinot") -> str:
    """Return the CREATE VIEW statement: typed columns, each key once, deleted rows left out.

    The view is the union of the base, as of the snapshot to which the view is pinned, with the changes that are not in
    the base; of each key it takes the newest change. Pinot's table only appends, so that Trino can read it segment by
    segment, without a limit on rows. If a query names a key, Trino passes that condition on to both sides.

    After a TRUNCATE, the view has only rows that were written later. If Pinot has a snapshot that is not in the base,
    the view has only the snapshot's rows and later changes. In a set, the table in Pinot begins with its snapshot, so
    that all changes there count. A second read of the same changes finds the newest TRUNCATE and snapshot, and the
    newest change: changes that arrive after that read are left to the next query.

    While no server has one of Pinot's segments, as during a restart, a query of the view fails.

    Args:
        described: The table.
        mark: Which snapshot of the base the view reads, and from which commit on it reads Pinot.
        where: A condition on the view's columns, in SQL: `placed >= current_timestamp - INTERVAL '1' YEAR`.
        name: The view's name; by default that of the pipeline.
        catalog: Name of the Pinot catalog.
    """
    keys = [_key(column) for column in described.key_columns()]
    columns = [_decoded(column) for column in described.other_columns()]
    op = "op" if described.op == "op" else f"op AS {described.op}"
    listed = ",\n".join(f"    {column}" for column in [*keys, *columns, op])
    key = ", ".join(quoted(column.in_pinot) for column in described.key_columns())
    head = f"CREATE OR REPLACE VIEW hive.views.{quoted(name or described.pipeline)} AS\n"
    origin = f"FROM {tail(described.pipeline, catalog)} WHERE {AFTER_COMMIT} >= {mark.watermark}"
    at = f"ROW({AFTER_COMMIT}, lsn, ts_ms)"
    begins = "false" if described.shared else "op = 'r'"
    snapshot = Snapshot("__snapshot[1]", "-__snapshot[2]")
    since, truncated = (snapshot.since(*(f"{row}[{part}]" for part in (1, 2, 3))) for row in ("__at", "__truncated"))
    query = f"""  SELECT
{listed}
  FROM (
    SELECT {key}, max_by(source, __place) AS source, max_by(op, __place) AS op
    FROM (
      SELECT {key}, __source AS source, __op AS op, __place, NULL AS __at
      FROM {base(described.pipeline)} FOR VERSION AS OF {mark.snapshot}
      UNION ALL
      SELECT {key}, json_format(source), op, {PLACE}, {at}
      {origin}
      UNION ALL
      {availability_check(described, mark.watermark, catalog)}
    )
    CROSS JOIN (
      SELECT max({at}) AS __newest, max(IF(op = 't', {at})) AS __truncated,
        max(IF({begins}, ROW({AFTER_COMMIT}, -ts_ms))) AS __snapshot
      {origin}
    )
    WHERE (__at IS NULL OR __at <= __newest)
      AND (__snapshot IS NULL OR {since})
      AND __place > IF(__truncated IS NOT NULL AND (__snapshot IS NULL OR {truncated}), __truncated[2], -1)
    GROUP BY {key}
  )
  WHERE op <> 'd'"""  # noqa: S608  # quoted names
    if where is None:
        return head + query
    return f"{head}SELECT * FROM (\n{query}\n)\nWHERE {where}"  # noqa: S608  # the caller writes the condition in SQL


def subset_sql(described: Table, where: str, name: str) -> str:
    """Return the CREATE TABLE AS statement that copies a range of a table's view into a Parquet table.

    Hive tables have no type with a time zone: timestamps with a time zone are stored in UTC.

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
    """Return the view's expression of a key column, which Pinot stores as a number, a boolean or a text."""
    name, own = quoted(column.name), quoted(column.in_pinot)
    if column.carried.pinot == "STRING" and column.carried.view != "{value}":
        return f"{_expression(column, own)} AS {name}"
    return name if name == own else f"{own} AS {name}"


def _decoded(column: Column) -> str:
    """Return the view's expression of a column outside the key, which is in the row's JSON."""
    step = f".{column.name}" if NAME.fullmatch(column.name) else _bracketed(column.name)
    function = "JSON_EXTRACT" if column.carried.nested else "JSON_EXTRACT_SCALAR"
    value = f"{function}(source, '${step}')"
    return f"{_expression(column, value)} AS {quoted(column.name)}"


def _expression(column: Column, value: str) -> str:
    return column.carried.view.format(value=value, name=escaped(column.name))


def _bracketed(name: str) -> str:
    inner = escaped(name.replace("\\", "\\\\").replace('"', '\\"'))
    return f'["{inner}"]'


def _in_hive(column: Column) -> str:
    name = quoted(column.name)
    if column.carried.trino == "timestamp(6) with time zone":
        return f"CAST({name} AT TIME ZONE 'UTC' AS timestamp(6)) AS {name}"
    return name
