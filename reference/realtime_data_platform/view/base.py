"""The base of a view: an Iceberg table with the newest change of each key up to a watermark, and the SQL that folds it.

Read this to see what a compaction writes. Which part of a table's changes is in the base, and which is still read from
Pinot, is said by two numbers in the text of the view alone (`Mark`): replacing the view switches both at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from reference.realtime_data_platform.source.description import AFTER_COMMIT, Table, in_pinot, quoted

SCHEMA = "iceberg.base"
BEGINNING = 0
"""The watermark of a view that reads every change from Pinot."""

PLACE = "IF(op = 'r', 0, lsn)"
"""Orders the changes of a key since the newest snapshot: by log sequence number, after the snapshot's row.

A change may have a lower number than the snapshot's rows and be newer: it was written while the replication slot was
being created, by a transaction that committed after the snapshot."""

_TYPES = {"LONG": "bigint", "INT": "integer", "BOOLEAN": "boolean", "STRING": "varchar"}
_SNAPSHOT = re.compile(r"(FOR VERSION AS OF )(\d+)")
_WATERMARK = re.compile(rf"(\b{AFTER_COMMIT} >= )(\d+)")
_NOTHING_READ = "__read IS NULL"


@dataclass(frozen=True)
class Snapshot:
    """The newest snapshot of a table among its changes; both attributes are SQL, such as a number.

    Attributes:
        position: The log sequence number that its rows share.
        begun: When the connector sent the first of them, in milliseconds.
    """

    position: str
    begun: str

    def since(self, commit: str = AFTER_COMMIT, lsn: str = "lsn", time: str = "ts_ms") -> str:
        """Return the condition on a change that it is a row of the snapshot, or was committed after it.

        The first transaction after a snapshot has no commit before it, and may have lower numbers than the snapshot.
        Its time distinguishes it from the first one after an earlier snapshot of the same topic.
        """
        return f"({commit} >= {self.position} OR {commit} = {lsn} AND {time} >= {self.begun})"


@dataclass(frozen=True, order=True)
class Mark:
    """What a view reads: the base as of a snapshot, and the changes that are not in it.

    Attributes:
        watermark: Changes whose `after_commit` is lower are in the base; the others are read from Pinot.
        snapshot: The id of the base's snapshot, to which the view is pinned.
    """

    watermark: int
    snapshot: int


def mark_of(view: str) -> Mark:
    """Return the mark of a view by its text.

    Raises:
        ValueError: It is not a view of a base and its tail.
    """
    snapshot, watermark = _SNAPSHOT.search(view), _WATERMARK.search(view)
    if snapshot is None or watermark is None:
        raise ValueError("the view reads no base")
    return Mark(int(watermark[2]), int(snapshot[2]))


def marked(view: str, mark: Mark) -> str:
    """Return the text of a view with another mark."""
    pinned = _SNAPSHOT.sub(rf"\g<1>{mark.snapshot}", view, count=1)
    return _WATERMARK.sub(rf"\g<1>{mark.watermark}", pinned, count=4)  # a fifth may be a condition of the user's


def closed(view: str) -> str:
    """Return the text of a view whose every query is an error while there are changes that it would read from Pinot.

    Raises:
        ValueError: It is such a text already, of a move that was killed.
    """
    if _NOTHING_READ not in view:
        raise ValueError("closed since a move of its segments was killed")
    return view.replace(_NOTHING_READ, "1 = 1")


def readers(pipeline: str, views: Mapping[str, str]) -> dict[str, str]:
    """Return those of the views, text by name, that read the base of a pipeline."""
    return {name: text for name, text in views.items() if f"{base(pipeline)} FOR VERSION AS OF" in text}


def base(pipeline: str) -> str:
    """Return the quoted name of the base of a pipeline."""
    return f"{SCHEMA}.{quoted(pipeline)}"


def create_sql(described: Table) -> str:
    """Return the CREATE TABLE statement of a base: the key, the row, and which change of it is the newest."""
    columns = [f"{quoted(column.in_pinot)} {_TYPES[column.carried.pinot]}" for column in described.key_columns()]
    columns += ["__source varchar", "__op varchar", "__place bigint", "__step bigint", "__changes bigint"]
    listed = ",\n  ".join(columns)
    return f"CREATE TABLE {base(described.pipeline)} (\n  {listed}\n)"


def fold_sql(pipeline: str, key: list[str], changes: str, until: int) -> str:
    """Return the MERGE statement that folds changes into the base, in one commit.

    A deleted key stays as a row, so that every one of the changes is counted in `__changes`.

    Args:
        pipeline: Name of the pipeline.
        key: Names of the key's columns in Pinot.
        changes: The condition on them.
        until: The `after_commit` at which they end, which is not among them.
    """
    listed = ", ".join(map(quoted, key))
    same = " AND ".join(f"b.{quoted(name)} = t.{quoted(name)}" for name in key)
    values = ["__source", "__op", "__place", "__step", "__changes"]
    return f"""MERGE INTO {base(pipeline)} AS b
USING (
  SELECT {listed}, json_format(max_by(source, {PLACE})) AS __source, max_by(op, {PLACE}) AS __op,
    max({PLACE}) AS __place, {until} AS __step, count(*) AS __changes
  FROM {tail(pipeline)}
  WHERE {changes} AND op <> 't'
  GROUP BY {listed}
) AS t
ON {same}
WHEN MATCHED AND t.__place >= b.__place THEN UPDATE SET {", ".join(f"{name} = t.{name}" for name in values)}
WHEN NOT MATCHED THEN INSERT ({", ".join([listed, *values])})
  VALUES ({", ".join(f"t.{name}" for name in [*map(quoted, key), *values])})"""  # noqa: S608  # quoted names


def tail(pipeline: str, catalog: str = "pinot") -> str:
    """Return the quoted name of Pinot's table in Trino."""
    return f"{catalog}.default.{quoted(in_pinot(pipeline))}"


def availability_check(described: Table, watermark: int, catalog: str = "pinot") -> str:
    """Return a SELECT without rows, with the columns of a view's changes, that fails while Pinot lacks a server.

    Trino takes the segments from the broker's routing table when a query begins, and passes over those that no server
    has, without an error. Pinot's broker itself counts the changes here: that is an error where no server has one of
    the segments, and where it counts some, Trino must have read one, or the server came back only after Trino had
    asked for the segments. Each column depends on the count, so that no condition of a query tells the optimizer that
    the SELECT can be left out.

    Args:
        described: The table.
        watermark: The first `after_commit` that the view reads from Pinot.
        catalog: Name of the Pinot catalog.
    """
    changes = f"{AFTER_COMMIT} >= {watermark}"
    types = [*(_TYPES[column.carried.pinot] for column in described.key_columns()), "varchar", "varchar", "bigint"]
    columns = ", ".join(f"CAST(__known AS {each})" for each in types)
    query = f'"SELECT count(*) FROM {in_pinot(described.pipeline)} WHERE {changes}"'  # noqa: S608  # a plain name
    lacking = "fail('Pinot lacked a server when the query began; try again')"
    # A maximum of rows, unlike one of numbers, is not computed by the broker, but from the segments.
    return f"""SELECT {columns}, ROW(__known, __known, __known)
      FROM (
        SELECT IF("count(*)" > 0 AND {_NOTHING_READ}, CAST({lacking} AS bigint), abs("count(*)")) AS __known
        FROM {catalog}.default.{query}
        CROSS JOIN (SELECT max(ROW({AFTER_COMMIT})) AS __read FROM {tail(described.pipeline, catalog)} WHERE {changes})
      )
      WHERE __known < 0"""  # noqa: S608  # quoted


def in_range(since: int, until: int) -> str:
    """Return the condition on the changes of a range, for Trino and for Pinot."""
    return f"{AFTER_COMMIT} >= {since} AND {AFTER_COMMIT} < {until}"
