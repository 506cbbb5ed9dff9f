"""The base of a view: an Iceberg table with the newest change of each key up to a watermark, and the SQL that folds it.

Read this to see what a compaction writes. Two numbers in the text of the view (`Mark`), and nothing else, say which
changes are read from the base and which from Pinot: replacing the view switches both at once.
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
"""SQL for the order of a key's changes since the newest snapshot: the snapshot's row, then by log sequence number.

A change may be newer than the snapshot's rows although its number is lower: a transaction wrote it while the
replication slot was being created, and committed after the snapshot."""

_TYPES = {"LONG": "bigint", "INT": "integer", "BOOLEAN": "boolean", "STRING": "varchar"}
_SNAPSHOT = re.compile(r"(FOR VERSION AS OF )(\d+)")
_WATERMARK = re.compile(rf"(\b{AFTER_COMMIT} >= )(\d+)")
_NOTHING_READ = "__read IS NULL"


@dataclass(frozen=True)
class Snapshot:
    """The newest snapshot of a table among its changes; both attributes are SQL, such as a number.

    Attributes:
        position: The log sequence number that all rows of the snapshot share.
        begun: When the connector sent the first of these rows, in milliseconds since 1970.
    """

    position: str
    begun: str

    def since(self, commit: str = AFTER_COMMIT, lsn: str = "lsn", time: str = "ts_ms") -> str:
        """Return the condition that a change is a row of the snapshot, or was committed after the snapshot.

        The first transaction after a snapshot has no commit before it, and may have lower numbers than the snapshot.
        Its time distinguishes it from the first transaction after an earlier snapshot in the same topic.
        """
        return f"({commit} >= {self.position} OR {commit} = {lsn} AND {time} >= {self.begun})"


@dataclass(frozen=True, order=True)
class Mark:
    """The boundary between base and Pinot in a view: it reads the base as of a snapshot, and later changes from Pinot.

    Attributes:
        watermark: Changes whose `after_commit` is lower are in the base; all other changes are read from Pinot.
        snapshot: The id of the base's snapshot, to which the view is pinned.
    """

    watermark: int
    snapshot: int


def mark_of(view: str) -> Mark:
    """Return the mark that the text of a view contains.

    Raises:
        ValueError: The text does not read a base and its tail.
    """
    snapshot, watermark = _SNAPSHOT.search(view), _WATERMARK.search(view)
    if snapshot is None or watermark is None:
        raise ValueError("the view reads no base")
    return Mark(int(watermark[2]), int(snapshot[2]))


def marked(view: str, mark: Mark) -> str:
    """Return the text of a view with its mark replaced by another one."""
    pinned = _SNAPSHOT.sub(rf"\g<1>{mark.snapshot}", view, count=1)
    # `view_sql` writes the watermark four times; a fifth occurrence may be in the user's own condition.
    return _WATERMARK.sub(rf"\g<1>{mark.watermark}", pinned, count=4)


def closed(view: str) -> str:
    """Return the text of a view that fails every query as long as it has changes to read from Pinot.

    Raises:
        ValueError: The view is closed already, because an earlier move of segments was killed.
    """
    if _NOTHING_READ not in view:
        raise ValueError("closed to queries, because a move of its segments was killed")
    return view.replace(_NOTHING_READ, "1 = 1")


def readers(pipeline: str, views: Mapping[str, str]) -> dict[str, str]:
    """Return the views, text by name, that read the base of a pipeline."""
    return {name: text for name, text in views.items() if f"{base(pipeline)} FOR VERSION AS OF" in text}


def base(pipeline: str) -> str:
    """Return the quoted name of the base of a pipeline."""
    return f"{SCHEMA}.{quoted(pipeline)}"


def create_sql(described: Table) -> str:
    """Return the CREATE TABLE statement of a base: for each key the row, and its newest change's place in the order.

    `__step` is the commit before which the fold that wrote the row ended, and `__changes` how many changes it folded.
    """
    columns = [f"{quoted(column.in_pinot)} {_TYPES[column.carried.pinot]}" for column in described.key_columns()]
    columns += ["__source varchar", "__op varchar", "__place bigint", "__step bigint", "__changes bigint"]
    listed = ",\n  ".join(columns)
    return f"CREATE TABLE {base(described.pipeline)} (\n  {listed}\n)"


def fold_sql(pipeline: str, key: list[str], changes: str, until: int) -> str:
    """Return the MERGE statement that folds changes into the base, in one commit.

    A deleted key stays as a row, so that `__changes` counts every change.

    Args:
        pipeline: Name of the pipeline.
        key: Names of the key's columns in Pinot.
        changes: SQL condition that selects the changes to fold.
        until: The `after_commit` at which the changes end, exclusive.
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
    """Return a SELECT that has no rows, with the columns of a view's changes, and fails while Pinot lacks a server.

    When a query begins, Trino takes the list of segments from the broker's routing table. It passes over a segment that
    no server has, without an error. Therefore this SELECT also lets Pinot's broker count the changes, which fails if no
    server has one of the segments. If the broker counts some changes and Trino has read none, a server came back after
    Trino had asked for the list: that is an error, too. Each column depends on the count, so that no condition of a
    query lets the optimizer leave the SELECT out.

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
    # Trino lets the broker compute a maximum of numbers. A maximum of ROW values it computes itself, from the segments.
    return f"""SELECT {columns}, ROW(__known, __known, __known)
      FROM (
        SELECT IF("count(*)" > 0 AND {_NOTHING_READ}, CAST({lacking} AS bigint), abs("count(*)")) AS __known
        FROM {catalog}.default.{query}
        CROSS JOIN (SELECT max(ROW({AFTER_COMMIT})) AS __read FROM {tail(described.pipeline, catalog)} WHERE {changes})
      )
      WHERE __known < 0"""  # noqa: S608  # quoted


def in_range(since: int, until: int) -> str:
    """Return the condition that selects the changes of a range of commits, for Trino and for Pinot."""
    return f"{AFTER_COMMIT} >= {since} AND {AFTER_COMMIT} < {until}"
