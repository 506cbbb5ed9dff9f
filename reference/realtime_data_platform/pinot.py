"""Schemas, tables and queries, by Pinot's REST API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .description import quoted
from .errors import BadInput, PlatformError, Refused
from .rest import Rest, missing_from


class Pinot:
    """A Pinot cluster.

    Args:
        controller: Its controller's endpoint.
        broker: A broker's endpoint.
        patience: Seconds within which it must answer, and a table must take queries.
    """

    def __init__(self, controller: str, broker: str, *, patience: float = 60) -> None:
        self._controller = Rest(controller, "Pinot's controller", patience=patience)
        self._broker = Rest(broker, "Pinot's broker", patience=patience)

    def apply(self, schema: Mapping[str, Any], table: Mapping[str, Any]) -> None:
        """Have this schema and this realtime table, answering queries; the same again changes nothing.

        What is new is removed again when it does not come to answer.

        Raises:
            BadInput: The table's schema is another one, or Pinot kept less than it was given.
            Refused: Pinot said no.
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
        """Have this schema."""
        name = schema["schemaName"]
        found = self._controller.find(f"/schemas/{name}")
        if found is not None and not missing_from(schema, found):
            return
        method, path = ("POST", "/schemas") if found is None else ("PUT", f"/schemas/{name}")
        self._controller.ask(method, path, files={"schemaName": ("schema.json", json.dumps(schema))})
        self._read_back(schema, self._controller.ask("GET", f"/schemas/{name}"), f"schema {name}")

    def apply_table(self, table: Mapping[str, Any]) -> None:
        """Have this realtime table, answering queries."""
        name = table["tableName"]
        found = self._config(name)
        if found is None:
            self._controller.until(lambda: self._gone(name), f"the former table {name} is still there")
            self._controller.until(lambda: self._posted(table), f"topic of table {name} has no partitions")
        elif missing_from(_named(table), found):
            self._controller.ask("PUT", f"/tables/{name}", json=table)
        self._read_back(_named(table), self._config(name), f"table {name}")
        self._controller.until(lambda: self._answers(name), f"table {name} does not answer queries")

    def status(self, name: str) -> str:
        """Return `answers`, `does not answer` or `absent`."""
        if self._config(name) is None:
            return "absent"
        return "answers" if self._answers(name) else "does not answer"

    def unknown(self, table: Mapping[str, Any]) -> list[str]:
        """Return the paths of those keys of a table that this Pinot does not know, and would ignore."""
        answer: Mapping[str, Any] = self._controller.ask("POST", "/tables/validate", json=table)
        return list(answer.get("unrecognizedProperties", {}))

    def force_commit(self, name: str) -> None:
        """End the segments that a realtime table is filling: the next ones begin with the table's present settings."""
        self._controller.ask("POST", f"/tables/{name}/forceCommit")

    def remove(self, name: str) -> None:
        """Have neither table nor schema of this name."""
        self._remove_table(name)
        if self._controller.find(f"/schemas/{name}") is not None:
            self._controller.ask("DELETE", f"/schemas/{name}")

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query to the broker.

        Raises:
            Refused: The query is wrong, or not every server answered: part of an answer is none.
        """
        answer = self._broker.ask("POST", "/query/sql", json={"sql": sql})
        if answer["exceptions"]:
            raise Refused(f"Pinot refused {sql!r}: {answer['exceptions'][0]['message'].strip()}")
        if answer.get("numServersQueried") != answer.get("numServersResponded"):
            raise Refused(f"only {answer['numServersResponded']} of {answer['numServersQueried']} servers answered")
        table = answer.get("resultTable")
        return [tuple(row) for row in table["rows"]] if table else []

    def _posted(self, table: Mapping[str, Any]) -> bool:
        """Post a table; not yet, where the topic is only just being made: asking for it makes it.

        Pinot looks at the topic before it keeps anything, so that the same request can be sent again.
        """
        try:
            self._controller.ask("POST", "/tables", json=table)
        except Refused as refusal:
            if "partitionsFor" not in str(refusal):
                raise
            return False
        return True

    def _remove_table(self, name: str) -> None:
        if self._config(name) is not None:
            self._controller.ask("DELETE", f"/tables/{name}?type=realtime")
        self._controller.until(lambda: self._gone(name), f"table {name} is still there")

    def _config(self, name: str) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] = self._controller.ask("GET", f"/tables/{name}")
        return found.get("REALTIME")

    def _answers(self, name: str) -> bool:
        try:
            return bool(self.query(f"SELECT count(*) FROM {quoted(name)}"))  # noqa: S608  # a name out of a description
        except Refused:
            return False

    def _gone(self, name: str) -> bool:
        """Say whether a table of this name is neither wanted nor served any more.

        A segment's name is the table's and the minute: one that a server still holds is taken for the new table's, and
        is never filled. A new table is wanted before it is served: one of the two alone does not tell.
        """
        states = ("idealstate", "externalview")
        return all(self._controller.find(f"/tables/{name}_REALTIME/{state}") is None for state in states)

    @staticmethod
    def _read_back(sent: Mapping[str, Any], read: Any, what: str) -> None:
        if lacking := missing_from(sent, read):
            raise BadInput(f"Pinot keeps {what} without {', '.join(lacking)}")


def _named(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table as Pinot gives it back: its name carries its type."""
    return {**table, "tableName": f"{table['tableName']}_REALTIME"}
