"""Follow a table again after its replication slot was lost, for example by a failover to a server without the slot.

Changes since the loss are in no stream, and the connector stops, which `status` reports. The views then show an old
state of the table. They are removed first, and created again when Pinot has all rows of the new snapshot, so that a
query sees the old state, an error, or the complete new state. Read this to see what happens to a table's own views.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.realtime_data_platform.clients.retry import wait_until
from reference.realtime_data_platform.errors import BadInput
from reference.realtime_data_platform.source.description import Table, in_pinot, quoted, slot
from reference.realtime_data_platform.view import base

from .health import lost_slot
from .ownership import require_ours
from .table_set import SNAPSHOT_WITHIN

if TYPE_CHECKING:
    from reference.realtime_data_platform.platform import Platform


def recover(platform: Platform, table: Table) -> None:
    """Remove a table's pipeline and topic, create them again from a snapshot, and then recreate the table's views.

    If this fails, the views are absent; `apply` creates the view of all rows.

    Raises:
        BadInput: The table has no pipeline, or its replication slot has lost no changes; nothing was changed.
        NotOurs: Somebody else made an object with a name of the pipeline; nothing was changed.
        PlatformError: A step failed; the error message includes that of the server.
    """
    own = table.pipeline
    require_ours(platform, table.name, table.schema)
    if platform.connectors.config(own) is None or lost_slot(platform, own) is None:
        raise BadInput(f"replication slot {slot(own)} has lost nothing of {table.schema}.{table.name}: run apply")
    views = base.readers(own, platform.trino.views("hive", "views"))
    platform.remove(table.name, table.schema, topic=True)
    platform.follow(table)
    _wait_for_all_rows(platform, own)
    anew = platform.view_sql(table)
    mark = base.mark_of(anew)
    for name, text in views.items():
        platform.trino.apply_view(f"CREATE OR REPLACE VIEW hive.views.{quoted(name)} AS {base.marked(text, mark)}")
    if not views:
        platform.trino.apply_view(anew)


def _wait_for_all_rows(platform: Platform, own: str) -> None:
    """Wait until the snapshot of a new connector is complete, and Pinot has read all messages that Kafka then has."""

    def taken() -> bool:
        if (state := platform.connectors.status(own)).startswith("FAILED"):
            raise BadInput(f"connector {own} {state}")
        offsets = platform.connectors.offsets(own)
        return bool(offsets) and all(
            not each.get("snapshot") or each.get("last_snapshot_record") or each.get("snapshot_completed")
            for each in offsets
        )

    wait_until(taken, f"connector {own} does not complete the snapshot", within=SNAPSHOT_WITHIN)
    ends = platform.topics().ends(own)

    def read() -> bool:
        offsets = platform.pinot.offsets(in_pinot(own))
        return all(offsets.get(partition, 0) >= end for partition, end in ends.items())

    wait_until(read, f"Pinot does not read topic {own} to its end", within=SNAPSHOT_WITHIN)
