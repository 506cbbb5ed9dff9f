"""Follow a PostgreSQL table through Debezium, Kafka and Pinot into a Trino view, all generated from its definition.

The document says: a Debezium connector streams the changes of the table `person` into a Kafka topic; a Pinot realtime
table with upsert keeps the newest row of each key; Trino serves that table as a SQL view, which it can join with other
catalogs. Each artifact (connector, Pinot schema and table, Trino catalogs, view) is written by hand for one table.

**What holds.** The pipeline itself: snapshot and changes arrive, an update leaves one row per key, the view returns
typed columns, and one query joins Pinot with PostgreSQL and with Parquet on S3.

**What is corrected.**

- A DELETE event has no `after`. The key of such an event is read from `before`, and the view leaves deleted rows out
  (`stream.artifacts.transforms`, `view.statements.view_sql`).
- Two updates of one key may have the same millisecond. The log sequence number (`lsn`) orders them.
- A plain SELECT through Trino may see a key twice, or not at all, while rows are updated. Here Pinot's table has no
  upsert: it only appends changes, and the view takes the newest change of each key, without a limit on the number of
  rows. `Platform.compact` folds old changes into a base table in Iceberg, so that the cost of a query grows with the
  live rows and the latest changes, and not with all changes ever made (`view.compaction`).
- While a Pinot server restarts, Trino returns the rows of the other servers without an error. The view also asks
  Pinot's broker, and its query fails while a server is missing. By default a restarted Pinot server answers queries
  before it has read its newest rows from Kafka again. To prevent that, set
  `pinot.server.starter.enableRealtimeOffsetBasedConsumptionStatusChecker` and
  `pinot.server.starter.realtimeConsumptionCatchupWaitMs` in the server's configuration.
- An update leaves out long (TOASTed) values that it did not change. The table gets REPLICA IDENTITY FULL
  (`source.publication`).
- An event that the connector cannot process stops the connector instead of being skipped silently.
- The connector includes one table of one schema. A pattern over all schemas merges tables of the same name.
- Tables and columns of any name work. The S3 secret is not stored in the catalog in clear text.
- Times keep their microseconds and dates their day. Under the document's settings numbers are bytes, microseconds are
  cut off, and the snapshot moves dates before 1582 (`source.column_types`, `stream.artifacts.connector`).
- A TRUNCATE empties the view. By default Debezium leaves it out.
- Anyone who reaches Kafka Connect can read a connector's configuration. It contains a reference to the password, and
  not the password.
- Each connection can be encrypted and can authenticate with a password; both follow from its address (`endpoints`).
  Pinot's table contains no user and no password of Kafka, since anyone who reaches Pinot can read it
  (`stream.security`).
- A change that was written while the replication slot was being created, and committed after the snapshot, counts as
  newer than the snapshot, although its log sequence number is lower (`view.base.PLACE`).
- With upsert, a key that is updated after its segment has moved to the servers of another tier has two rows: each
  server knows only which of its own rows are valid. The table of an exact view has no upsert. While a segment moves, no
  server has it: `Platform.rebalance` makes every query of the views fail during the move (`operation.moving`). Pinot's
  controller also moves segments each hour by itself, without this protection, unless its
  `controller.segment.relocator.frequencyPeriod` is `0s`.
- A failover that loses the replication slot loses changes: `status` reports that, `apply` refuses to continue, and
  `Platform.recover` follows the table again (`operation.recovery`). `status` also reports columns that an ALTER TABLE
  has changed since the last `apply` (`operation.columns`).
- In the document each table has a connector and a replication slot of its own, and PostgreSQL limits the number of
  slots. The tables of a set share one connector and one slot, and a table is added to a set without a new snapshot of
  the others (`operation.table_set`).

**What is added.** `Platform.verify` compares the view with the table in memory of a fixed size, `Platform.resend` emits
every row again, `Platform.apply` removes what it created when a later step fails, and the command `data-platform` does
all of this from a shell. An object that somebody else made under one of the pipeline's names is neither overwritten nor
deleted (`operation.ownership`), and `Platform.remove` restores the table's replica identity. `data-platform plan`
prints what `apply` would change, `render` writes it as files, and `status` reports which parts have stopped
(`operation.health`). A report keeps the rows of a query in a table that one statement replaces (`view.reports`). The
folder `dbt` is a project of views, a report and an incremental table over exact views, for a user to copy; the folder
`superset` has the files of a dashboard, which `data-platform dashboard` makes for any view (`view.dashboard`,
`operation.dashboards`).

**What does not hold yet.**

- While a snapshot is being taken, the view has only the rows that have arrived so far. This is true of the first
  snapshot, and of the second one of a pipeline that was removed and applied again. If the table is empty at the second
  snapshot, the view still has the rows of the topic's older messages: delete the topic together with the pipeline.
- If the name or the schema of a table contains a comma, Debezium does not find the query that reads its dates, and
  dates before 1582 arrive as other days (`stream.artifacts.snapshot`). A set refuses such a table.
- The rows of a snapshot stay in Pinot until a change that was written after the snapshot arrives. A partition of the
  topic that has no changes keeps the changes of all partitions from being folded.

- The library does not encrypt Trino's connection to Pinot. An existing catalog `pinot` is used as it is: create it
  yourself with Trino's settings for TLS and a password.

Create the view `hive.views.person` of the table `person`, and query it::

    from reference.realtime_data_platform import Addresses, Platform

    platform = Platform(Addresses(postgres="postgresql://...", trino="http://trino:8080"))
    table = platform.describe("person")
    platform.apply(table)
    platform.trino.query("SELECT * FROM hive.views.person")
    assert not platform.verify(table)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from .clients import Connectors, Pinot, Superset, Trino
    from .errors import BadInput, NotFound, NotInTime, NotOurs, NotSecure, PlatformError, Refused, Unreachable
    from .operation.dashboards import apply_dashboard, apply_reader, dashboard_of, remove_dashboard
    from .operation.health import Health
    from .operation.table_set import Member, TableSet
    from .platform import Addresses, Platform
    from .source.description import Column, Table, describe
    from .stream.artifacts import Peers
    from .stream.tiers import Tier
    from .view.compaction import Compacted
    from .view.dashboard import Dashboard
    from .view.reports import apply_report, remove_report, report_sql
    from .view.verification import Difference

# Module by exported name: imported at first use, so that the command can report a missing library in one sentence.
_MODULES = {
    "Addresses": "platform",
    "BadInput": "errors",
    "Column": "source.description",
    "Compacted": "view.compaction",
    "Connectors": "clients",
    "Dashboard": "view.dashboard",
    "Difference": "view.verification",
    "Health": "operation.health",
    "Member": "operation.table_set",
    "NotFound": "errors",
    "NotInTime": "errors",
    "NotOurs": "errors",
    "NotSecure": "errors",
    "Peers": "stream.artifacts",
    "Pinot": "clients",
    "Platform": "platform",
    "PlatformError": "errors",
    "Refused": "errors",
    "Superset": "clients",
    "Table": "source.description",
    "TableSet": "operation.table_set",
    "Tier": "stream.tiers",
    "Trino": "clients",
    "Unreachable": "errors",
    "apply_dashboard": "operation.dashboards",
    "apply_reader": "operation.dashboards",
    "apply_report": "view.reports",
    "dashboard_of": "operation.dashboards",
    "describe": "source.description",
    "remove_dashboard": "operation.dashboards",
    "remove_report": "view.reports",
    "report_sql": "view.reports",
}

__all__ = [
    "Addresses",
    "BadInput",
    "Column",
    "Compacted",
    "Connectors",
    "Dashboard",
    "Difference",
    "Health",
    "Member",
    "NotFound",
    "NotInTime",
    "NotOurs",
    "NotSecure",
    "Peers",
    "Pinot",
    "Platform",
    "PlatformError",
    "Refused",
    "Superset",
    "Table",
    "TableSet",
    "Tier",
    "Trino",
    "Unreachable",
    "apply_dashboard",
    "apply_reader",
    "apply_report",
    "dashboard_of",
    "describe",
    "remove_dashboard",
    "remove_report",
    "report_sql",
]


__getattr__ = import_at_first_use(__name__, _MODULES)
