"""Create schemas and realtime tables in Pinot, and query them, by its REST API.

Read this to see how it is known that a table answers queries, that a removed table is gone, and that a rebalance has
ended.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import chain
from typing import Any

from reference.realtime_data_platform.errors import BadInput, PlatformError, Refused
from reference.realtime_data_platform.source.description import quoted

from .rest import Rest, missing_from
from .retry import retry

_ACCESS_DENIED = 180


class _SegmentMissing(Refused):
    """The broker asked a server for a segment that was removed or created just now; the query can be retried."""


class Pinot:
    """A Pinot cluster.

    Args:
        controller: Endpoint of its controller.
        broker: Endpoint of a broker.
        patience: Timeout in seconds for an answer, and for a table to answer queries.
        ca: File of the authorities whose certificates are trusted; empty for those of `requests`.
    """

    def __init__(self, controller: str, broker: str, *, patience: float = 60, ca: str = "") -> None:
        self._controller = Rest(controller, "Pinot's controller", patience=patience, ca=ca)
        self._broker = Rest(broker, "Pinot's broker", patience=patience, ca=ca)

    def check(self) -> None:
        """Check that the broker answers, and accepts the user; the controller is asked before anything is created.

        Raises:
            NotSecure: The connection cannot be encrypted as the address says.
            Refused: The broker does not accept the user.
            Unreachable: It does not answer.
        """
        answer = self._broker.request("POST", "/query/sql", json={"sql": "SELECT 1"})
        if denied := [each["message"] for each in answer["exceptions"] if each["errorCode"] == _ACCESS_DENIED]:
            raise Refused(f"Pinot's broker refused the user: {denied[0].strip()}")

    def apply(self, schema: Mapping[str, Any], table: Mapping[str, Any]) -> None:
        """Create or update a schema and its realtime table, and wait until the table answers queries; idempotent.

        When this fails, a table that did not exist before is removed again, with its schema.

        Raises:
            BadInput: Schema and table have different names, or Pinot stored less than it was sent.
            NotInTime: The table does not answer queries within the timeout.
            Refused: Pinot rejected the schema or the table.
        """
        name = table["tableName"]
        if schema["schemaName"] != name:
            raise BadInput(f"table {name} needs schema {name}, not {schema['schemaName']}")
        new = self.status(name) == "absent"
        try:
            self.apply_schema(schema)
            self.apply_table(table)
        except PlatformError:
            if new:
                self.remove(name)
            raise

    def apply_schema(self, schema: Mapping[str, Any]) -> None:
        """Create or update a schema."""
        name = schema["schemaName"]
        found = self._controller.find(f"/schemas/{name}")
        if found is not None and not missing_from(schema, found):
            return
        method, path = ("POST", "/schemas") if found is None else ("PUT", f"/schemas/{name}")
        self._controller.request(method, path, files={"schemaName": ("schema.json", json.dumps(schema))})
        self._require_all(schema, self._controller.request("GET", f"/schemas/{name}"), f"schema {name}")

    def apply_table(self, table: Mapping[str, Any]) -> None:
        """Create or update a realtime table whose schema exists, and wait until it answers queries.

        An existing table keeps its tiers, unless the new configuration has a key `tierConfigs`.
        """
        name = table["tableName"]
        found = self.config(name)
        if found is None:
            self._controller.wait_until(lambda: self._removed(name), f"the removed table {name} is still served")
            self._controller.wait_until(lambda: self._posted(table), f"topic of table {name} has no partitions")
        elif missing_from(_as_stored(table), found):
            tiers = {"tierConfigs": found.get("tierConfigs") or []}
            self._controller.request("PUT", f"/tables/{name}", json={**tiers, **table})
        self._require_all(_as_stored(table), self.config(name), f"table {name}")
        self._controller.wait_until(lambda: self._answers(name), f"table {name} does not answer queries")

    def status(self, name: str) -> str:
        """Return `answers`, `does not answer` or `absent`."""
        if self.config(name) is None:
            return "absent"
        return "answers" if self._answers(name) else "does not answer"

    def config(self, name: str) -> Mapping[str, Any] | None:
        """Return the configuration of a realtime table, or None if no table has this name."""
        found: Mapping[str, Any] = self._controller.request("GET", f"/tables/{name}")
        return found.get("REALTIME")

    def columns(self, name: str) -> set[str]:
        """Return the names of a schema's columns; the set is empty if no schema has this name."""
        found = self._controller.find(f"/schemas/{name}") or {}
        kinds = ("dimensionFieldSpecs", "metricFieldSpecs", "dateTimeFieldSpecs")
        return {field["name"] for kind in kinds for field in found.get(kind) or ()}

    def consuming(self, name: str) -> bool:
        """Return whether a server is reading every partition of a realtime table's topic."""
        segments = self._consuming(name)
        return bool(segments) and all(any(each["consumerState"] == "CONSUMING" for each in one) for one in segments)

    def offsets(self, name: str) -> dict[int, int]:
        """Return the offset up to which a realtime table has read each partition; of several servers the highest."""
        found: dict[int, int] = {}
        for each in chain.from_iterable(self._consuming(name)):
            for partition, offset in each["partitionToOffsetMap"].items():
                found[int(partition)] = max(int(offset), found.get(int(partition), 0))
        return found

    def _consuming(self, name: str) -> list[list[dict[str, Any]]]:
        """Return the state of each segment that consumes from Kafka, as reported by each of its servers."""
        found = self._controller.request("GET", f"/tables/{name}/consumingSegmentsInfo")
        return list(found["_segmentToConsumingInfoMap"].values())

    def unknown_keys(self, table: Mapping[str, Any]) -> list[str]:
        """Return the paths of the keys of a table configuration that this Pinot does not know and ignores."""
        answer: Mapping[str, Any] = self._controller.request("POST", "/tables/validate", json=table)
        return list(answer.get("unrecognizedProperties", {}))

    def force_commit(self, name: str) -> None:
        """Commit the consuming segments of a realtime table; the segments after them use its current settings."""
        self._controller.request("POST", f"/tables/{name}/forceCommit")

    def tags(self) -> set[str]:
        """Return the tags of all servers; a table or a tier chooses its servers by a tag."""
        found = self._controller.request("GET", "/instances")["instances"]
        servers = [name for name in found if name.startswith("Server_")]
        return {tag for name in servers for tag in self._controller.request("GET", f"/instances/{name}")["tags"]}

    def servers(self, name: str) -> dict[str, str]:
        """Return the server that the broker asks for each segment of a realtime table, by the segment's name."""
        found = self._broker.find(f"/debug/routingTable/{name}_REALTIME") or {}
        by_server = found.get(f"{name}_REALTIME") or {}
        return {str(segment): str(server) for server, segments in by_server.items() for segment in segments}

    def rebalance(self, name: str, *, dry_run: bool = False) -> bool:
        """Move each segment of a realtime table to a server of its tier, and wait until the broker asks that server.

        During the move no server has the segment, and a query fails or lacks its rows.

        Args:
            name: The table's name.
            dry_run: Whether to move nothing, and only return whether a segment would move.

        Returns:
            Whether there was a segment to move.

        Raises:
            NotInTime: The broker still asks other servers at the timeout.
            Refused: Pinot refused, for example because no server has the tag of a tier.
        """
        options = f"type=REALTIME&downtime=true&dryRun={str(dry_run).lower()}"
        answer = self._controller.request("POST", f"/tables/{name}/rebalance?{options}")
        if answer["status"] == "FAILED":
            raise Refused(f"Pinot's controller did not move segments of {name}: {answer['description']}")
        if answer["status"] == "NO_OP":
            return False
        if not dry_run:
            self._controller.wait_until(
                lambda: self._routed_as_assigned(name), f"segments of table {name} are still moving"
            )
        return True

    def remove(self, name: str) -> None:
        """Remove the realtime table and the schema of this name; idempotent."""
        self._remove_table(name)
        if self._controller.find(f"/schemas/{name}") is not None:
            self._controller.request("DELETE", f"/schemas/{name}")

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a query on the broker and return its rows.

        Raises:
            Refused: The query failed, or not every server answered, so that rows may be missing.
        """
        return retry(lambda: self._rows(sql), _SegmentMissing, within=self._broker.patience)

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        answer = self._broker.request("POST", "/query/sql", json={"sql": sql})
        if answer["exceptions"]:
            message = answer["exceptions"][0]["message"].strip()
            kind = _SegmentMissing if "ServerSegmentMissing" in message else Refused
            raise kind(f"Pinot refused {sql!r}: {message}")
        if answer.get("numServersQueried") != answer.get("numServersResponded"):
            raise Refused(f"only {answer['numServersResponded']} of {answer['numServersQueried']} servers answered")
        table = answer.get("resultTable")
        return [tuple(row) for row in table["rows"]] if table else []

    def segments(self, name: str) -> list[str]:
        """Return the names of a realtime table's segments, including those that consume from Kafka."""
        answer = self._controller.request("GET", f"/segments/{name}?type=REALTIME")
        return [str(segment) for each in answer for segment in each.get("REALTIME", [])]

    def remove_segment(self, name: str, segment: str) -> None:
        """Remove a segment, with its rows, that no longer consumes from Kafka."""
        self._controller.request("DELETE", f"/segments/{name}_REALTIME/{segment}")

    def _posted(self, table: Mapping[str, Any]) -> bool:
        """Post a table and return True, or False while its topic has no partitions yet.

        Pinot reads the topic's metadata before it stores anything, and that creates the topic: the same request can
        be sent again.
        """
        try:
            self._controller.request("POST", "/tables", json=table)
        except Refused as refusal:
            if "partitionsFor" not in str(refusal):
                raise
            return False
        return True

    def _remove_table(self, name: str) -> None:
        if self.config(name) is not None:
            self._controller.request("DELETE", f"/tables/{name}?type=realtime")
        self._controller.wait_until(lambda: self._removed(name), f"table {name} is still served")

    def _answers(self, name: str) -> bool:
        try:
            return bool(self.query(f"SELECT count(*) FROM {quoted(name)}"))  # noqa: S608  # a validated name
        except Refused:
            return False

    def _routed_as_assigned(self, name: str) -> bool:
        """Return whether the broker asks the servers to which the segments of a realtime table are assigned."""
        assigned = self._controller.request("GET", f"/tables/{name}_REALTIME/idealstate")["REALTIME"]
        asked = self.servers(name)
        return bool(asked.keys() == assigned.keys() and all(asked[each] in assigned[each] for each in assigned))

    def _removed(self, name: str) -> bool:
        """Return whether Pinot has neither the ideal state nor the external view of a table of this name.

        A segment is named by the table's name and the minute. If a server still holds a segment of a removed table, and
        a new table gets a segment of the same name, the new segment is never filled. A new table has its ideal state
        before its external view, so that both must be checked.
        """
        states = ("idealstate", "externalview")
        return all(self._controller.find(f"/tables/{name}_REALTIME/{state}") is None for state in states)

    @staticmethod
    def _require_all(sent: Mapping[str, Any], stored: Any, what: str) -> None:
        if missing := missing_from(sent, stored):
            raise BadInput(f"Pinot keeps {what} without {', '.join(missing)}")


def _as_stored(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table configuration as Pinot returns it, with the table's type at the end of its name."""
    return {**table, "tableName": f"{table['tableName']}_REALTIME"}
