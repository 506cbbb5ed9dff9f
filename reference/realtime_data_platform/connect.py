"""Connectors, by the REST API of Kafka Connect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import BadInput, PlatformError, Refused
from .rest import GATEWAY_WAITS, Rest, missing_from

REBALANCES = GATEWAY_WAITS | {409}


class Connectors:
    """The connectors of a Connect cluster.

    Args:
        url: Its REST endpoint.
        patience: Seconds within which it must answer, and a connector must run.
    """

    def __init__(self, url: str, *, patience: float = 30) -> None:
        self._rest = Rest(url, "Kafka Connect", patience=patience, may_recover=REBALANCES)

    def validate(self, config: Mapping[str, str]) -> dict[str, list[str]]:
        """Return the errors that the connector's own validation finds, by key; it logs in to the database for that."""
        values = [each["value"] for each in self._validation(config)]
        return {value["name"]: value["errors"] for value in values if value["errors"]}

    def judge(self, config: Mapping[str, str]) -> dict[str, str]:
        """Return for each key of a configuration whether it counts: `known`, `deprecated`, or `unknown` and ignored.

        Connect's validation answers for the connector, its transforms and the overridden clients' settings, and is
        silent on what none of them knows.
        """
        answered = {each["value"]["name"]: each["definition"] for each in self._validation(config)}

        def verdict(key: str) -> str:
            if key not in answered:
                return "unknown"
            described = (answered[key] or {}).get("documentation") or ""
            return "deprecated" if described.startswith("(Deprecated)") else "known"

        return {key: verdict(key) for key in config}

    def apply(self, connector: Mapping[str, Any]) -> None:
        """Have a connector with this configuration run; the same again changes nothing.

        It runs when it has written something: a task calls itself running before it has looked at its database. A new
        one that does not is removed again; one that was there and failed goes on where it stopped.

        Raises:
            BadInput: Its validation says no, or it ends with an error.
            NotInTime: It neither runs nor fails.
        """
        name, config = connector["name"], connector["config"]
        if errors := self.validate({**config, "name": name}):
            said = "; ".join(f"{key}: {' '.join(each)}" for key, each in errors.items())
            raise BadInput(f"connector {name}: {said}")
        new = self._rest.find(f"/connectors/{name}") is None
        self._rest.ask("PUT", f"/connectors/{name}/config", json=config)
        if not new and self.status(name).startswith("FAILED"):
            self._rest.ask("POST", f"/connectors/{name}/restart?includeTasks=true&onlyFailed=true")
            self._rest.until(lambda: not self.status(name).startswith("FAILED"), f"connector {name} fails again")
        try:
            self._rest.until(lambda: self._runs(name, config), f"connector {name} does not run")
            if lacking := missing_from(config, self._rest.ask("GET", f"/connectors/{name}/config")):
                raise Refused(f"Kafka Connect keeps connector {name} without {', '.join(lacking)}")
        except PlatformError:
            if new:
                self.remove(name)
            raise

    def status(self, name: str) -> str:
        """Return the state of a connector's task: `RUNNING`, `FAILED: why`, `UNASSIGNED`, `STOPPED`, or `absent`."""
        found = self._rest.find(f"/connectors/{name}/status")
        if found is None:
            return "absent"
        if not found["tasks"]:
            state = str(found["connector"]["state"])
            return "UNASSIGNED" if state == "RUNNING" else state
        task = found["tasks"][0]
        said, *rest = str(task.get("trace", "")).splitlines() or [""]
        causes = [line for line in rest if line.startswith("Caused by: ")]
        return ": ".join([str(task["state"]), *filter(None, [said, *causes])])

    def wait_for_topic(self, name: str, topic: str) -> None:
        """Wait until a connector has written to a topic.

        Raises:
            NotInTime: It did not within the bound.
        """
        self._rest.until(lambda: topic in self._topics(name), f"connector {name} writes nothing to topic {topic}")

    def remove(self, name: str) -> None:
        """Have no such connector, nor its offsets: one of the same name starts with a snapshot again."""
        if self._rest.find(f"/connectors/{name}") is not None:
            self._rest.ask("PUT", f"/connectors/{name}/stop")
            self._rest.until(lambda: self.status(name) == "STOPPED", f"connector {name} does not stop")
            self._rest.ask("DELETE", f"/connectors/{name}/offsets")
            self._rest.ask("DELETE", f"/connectors/{name}")
            self._rest.until(lambda: self.status(name) == "absent", f"connector {name} is still there")

    def _validation(self, config: Mapping[str, str]) -> list[dict[str, Any]]:
        path = f"/connector-plugins/{config['connector.class']}/config/validate"
        found: list[dict[str, Any]] = self._rest.ask("PUT", path, json=dict(config))["configs"]
        return found

    def _runs(self, name: str, config: Mapping[str, str]) -> bool:
        state = self.status(name)
        if state.startswith("FAILED"):
            raise BadInput(f"connector {name} {state}")
        beats = int(config.get("heartbeat.interval.ms", 0)) > 0
        return state == "RUNNING" and (not beats or bool(self._topics(name)))

    def _topics(self, name: str) -> list[str]:
        topics: list[str] = self._rest.ask("GET", f"/connectors/{name}/topics")[name]["topics"]
        return topics
