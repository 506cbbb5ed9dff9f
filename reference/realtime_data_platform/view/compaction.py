"""Fold the changes of a table into the base of its views, so that a query reads only the latest changes from Pinot.

Read this to see in which order base, views and segments are changed, and why a compaction may be killed after any step:
the text of a view names the snapshot of the base that it reads, and the watermark from which it reads Pinot. When the
base is complete, one statement replaces both.

The watermark is the position of a commit, not the log sequence number of a change. All rows of a snapshot share one
number, and a transaction that began early may arrive after others with higher numbers: the arrival of one number does
not show that all lower ones have arrived.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from reference.realtime_data_platform.clients import Pinot, Trino
from reference.realtime_data_platform.errors import BadInput, Refused
from reference.realtime_data_platform.source.description import AFTER_COMMIT, PUBLIC, in_pinot, pipeline, quoted
from reference.realtime_data_platform.source.postgres import connected

from . import base
from .base import Mark, Snapshot

MOST_CHANGES = 500_000
"""Limit on the changes that one step folds, since Trino groups them in memory. Changes of one commit are not split."""

MOST_FILES = 50
"""Number of data and delete files of a base above which they are rewritten into fewer."""

KEPT = "1h"
"""How long a snapshot of the base is kept, for queries that began while a view was pinned to it."""


@dataclass(frozen=True)
class Compacted:
    """What a compaction did.

    Attributes:
        changes: Changes that were folded into the base.
        dropped: Segments that were removed from Pinot.
        left: Changes that views still read from Pinot.
    """

    changes: int
    dropped: int
    left: int


def compact(trino: Trino, pinot: Pinot, postgres: str, name: str, schema: str = PUBLIC) -> Compacted:
    """Fold the changes of a table into its base, and remove from Pinot the changes that an earlier compaction folded.

    Changes after the last complete transaction stay in Pinot. All changes stay there until the first change after the
    snapshot arrives, since only that shows that the snapshot is complete.

    Args:
        trino: The client of Trino.
        pinot: The client of Pinot.
        postgres: URL of PostgreSQL.
        name: The table's name.
        schema: The table's schema in PostgreSQL.

    Raises:
        BadInput: The table has no view.
        Refused: Another compaction of the table runs, or Pinot returned fewer changes than it has; views are unchanged.
    """
    with _locked(postgres, pipeline(name, schema)) as locked:
        return _Compaction(trino, pinot, locked).run()


@contextmanager
def _locked(postgres: str, name: str) -> Generator[str]:
    """Hold an advisory lock in PostgreSQL, which is released when this process ends."""
    with connected(postgres) as connection:
        query = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
        [free] = connection.execute(query, [f"data-platform compact {name}"]).fetchone() or [False]
        if not free:
            raise Refused(f"another compaction of {name} is running; try again when it has ended")
        yield name


class _Compaction:
    def __init__(self, trino: Trino, pinot: Pinot, name: str) -> None:
        self.trino, self.pinot = trino, pinot
        self.name, self.table, self.base = name, in_pinot(name), base.base(name)
        marked = ((pinot.config(self.table) or {}).get("metadata") or {}).get("customConfigs") or {}
        self.shared = "set" in marked

    def run(self) -> Compacted:
        views = self._views()
        before = min(map(base.mark_of, views.values()))
        [(started,)] = self.trino.query("SELECT CAST(current_timestamp AS varchar)")
        end, folded = self._progress(before.watermark), 0
        mark = before
        key = self._key() if end > mark.watermark else []
        while mark.watermark < end:
            newest = self._replacing(mark.watermark)
            until = self._step(mark.watermark, end, newest)
            count, snapshot = self._fold(mark, until, key, newest)
            folded, mark = folded + count, Mark(until, snapshot)
            self._publish(mark)
        if folded:
            self.trino.query(f"ALTER TABLE {self.base} EXECUTE expire_snapshots(retention_threshold => '{KEPT}')")
        left = self._count(f"{AFTER_COMMIT} >= {mark.watermark}")
        return Compacted(folded, self._drop(before.watermark, started), left)

    def _views(self) -> Mapping[str, str]:
        """Return the text of each view of the base, by name."""
        found = base.readers(self.name, self.trino.views("hive", "views"))
        if not found:
            raise BadInput(f"{self.name} has no view to compact: apply it first")
        return found

    def _progress(self, known: int) -> int:
        """Return the commit up to which all changes have arrived from every partition of the topic.

        A later change of the same partition shows that. A row of a snapshot does not, since all rows of the snapshot
        have the same number. Changes with lower numbers than the snapshot wait until its rows have arrived: if a key's
        deletion were folded first, the snapshot's row would bring the key back.
        """
        reached = dict.fromkeys((_partition(segment) for segment in self.pinot.segments(self.table)), known)
        query = f"SELECT $segmentName, max({AFTER_COMMIT}) FROM {self.table} WHERE op <> 'r' "  # noqa: S608  # a plain name
        for segment, newest in self.pinot.query(f"{query}GROUP BY $segmentName LIMIT 1000000"):
            partition = _partition(segment)
            reached[partition] = max(reached.get(partition, known), int(newest))
        until, snapshot = min(reached.values(), default=known), self._newest_snapshot(known)
        return known if snapshot and until <= int(snapshot.position) else until

    def _newest_snapshot(self, since: int) -> Snapshot | None:
        """Return the newest snapshot among the changes from a watermark on."""
        rows = self.pinot.query(
            f"SELECT {AFTER_COMMIT}, ts_ms FROM {self.table} WHERE op = 'r' AND {AFTER_COMMIT} >= {since} "  # noqa: S608  # a plain name
            f"ORDER BY {AFTER_COMMIT} DESC, ts_ms LIMIT 1"
        )
        return Snapshot(*map(str, rows[0])) if rows else None

    def _replacing(self, since: int) -> Snapshot | None:
        """Return the newest snapshot, if it replaces all changes before it.

        In a set, Pinot's table begins with the snapshot, so that changes with lower numbers are newer than its rows.
        """
        return None if self.shared else self._newest_snapshot(since)

    def _step(self, since: int, end: int, snapshot: Snapshot | None) -> int:
        """Return the commit at which the next step ends: after the snapshot, and at most `MOST_CHANGES` changes later.

        A step has the changes of at least one commit, even if they are more.
        """
        since = int(snapshot.position) + 1 if snapshot else since
        low, high = since, end
        if self._count(base.in_range(since, end)) <= MOST_CHANGES:
            return end
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._count(base.in_range(since, middle)) <= MOST_CHANGES else (low, middle)
        return low if self._count(base.in_range(since, low)) else high

    def _fold(self, mark: Mark, until: int, key: list[str], snapshot: Snapshot | None) -> tuple[int, int]:
        """Fold the changes before a commit into the base, and return their number and the base's snapshot."""
        if self._snapshot() != mark.snapshot:  # a compaction was killed after it had written the base
            self.trino.query(f"ALTER TABLE {self.base} EXECUTE rollback_to_snapshot({mark.snapshot})")
        changes = base.in_range(mark.watermark, until)
        folded = f"{changes} AND {snapshot.since()}" if snapshot else changes
        wanted = self._count(f"{folded} AND op <> 't'")
        # No older change of a deleted key can arrive any more, and the rows of a snapshot replace all earlier rows.
        superseded = "true" if snapshot else "__op = 'd'"
        self.trino.query(f"DELETE FROM {self.base} WHERE {superseded}")  # noqa: S608  # quoted
        self.trino.query(base.fold_sql(self.name, key, folded, until))
        found = self.trino.query(f"SELECT coalesce(sum(__changes), 0) FROM {self.base} WHERE __step = {until}")  # noqa: S608  # quoted
        if found[0][0] < wanted:
            raise Refused(f"Pinot returned {found[0][0]:,} of {wanted:,} changes of {self.name}; try again")
        truncated = self.trino.query(
            f"SELECT max({base.PLACE}) FROM {base.tail(self.name)} WHERE {folded} AND op = 't'"  # noqa: S608  # quoted
        )[0][0]
        if truncated is not None:
            self.trino.query(f"DELETE FROM {self.base} WHERE __place < {truncated}")  # noqa: S608  # quoted
        [(files,)] = self.trino.query(f"SELECT count(*) FROM {self._part('files')}")  # noqa: S608  # quoted
        if files > MOST_FILES:
            self.trino.query(f"ALTER TABLE {self.base} EXECUTE optimize")
        return self._count(changes), self._snapshot()

    def _publish(self, mark: Mark) -> None:
        """Replace each view by one with another mark."""
        for name, text in self._views().items():
            self.trino.query(f"CREATE OR REPLACE VIEW hive.views.{quoted(name)} AS {base.marked(text, mark)}")

    def _drop(self, watermark: int, started: str) -> int:
        """Remove segments that no view read any more when this compaction began, and return their number.

        While a query runs that began before the compaction, nothing is removed, since the query may read an older view.
        """
        running = (
            "SELECT count(*) FROM system.runtime.queries WHERE state NOT IN ('FINISHED', 'FAILED') "  # noqa: S608  # Trino's
            f"AND created < CAST('{started}' AS timestamp(3) with time zone)"
        )
        if self.trino.query(running) != [(0,)]:
            return 0
        query = f"SELECT $segmentName, max({AFTER_COMMIT}) FROM {self.table} GROUP BY $segmentName LIMIT 1000000"  # noqa: S608  # a plain name
        consuming = self._last_segments()
        old = [name for name, newest in self.pinot.query(query) if newest < watermark and name not in consuming]
        for name in old:
            self.pinot.remove_segment(self.table, name)
        return len(old)

    def _last_segments(self) -> set[str]:
        """Return for each partition its last segment, which consumes from Kafka."""
        last: dict[int, str] = {}
        for name in sorted(self.pinot.segments(self.table), key=lambda each: int(each.rsplit("__", 2)[1])):
            last[_partition(name)] = name
        return set(last.values())

    def _count(self, condition: str) -> int:
        [(rows,)] = self.pinot.query(f"SELECT count(*) FROM {self.table} WHERE {condition}")  # noqa: S608  # a plain name
        return int(rows)

    def _key(self) -> list[str]:
        columns = [name for name, *_ in self.trino.query(f"SHOW COLUMNS FROM {self.base}")]
        return [name for name in columns if not name.startswith("__")]

    def _snapshot(self) -> int:
        [(snapshot,)] = self.trino.query(f"SELECT snapshot_id FROM {self._part('refs')} WHERE name = 'main'")  # noqa: S608  # quoted
        return int(snapshot)

    def _part(self, name: str) -> str:
        return f"{base.SCHEMA}.{quoted(f'{self.name}${name}')}"


def _partition(segment: str) -> int:
    """Return the partition of a segment, whose name is `TABLE__PARTITION__NUMBER__TIME`."""
    return int(segment.rsplit("__", 3)[1])
