"""Create, inspect and remove connectors by the REST API of Kafka Connect.

Read this to see when a connector counts as running, and how a failure of one is reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reference.realtime_data_platform.errors import BadInput, PlatformError, Refused

from .rest import GATEWAY_ERRORS, Rest, missing_from

# While its workers rebalance, Kafka Connect answers 409; to a GET of one connector it answers 500 with the message
# REBALANCE.
RETRIED = GATEWAY_ERRORS | {409}
STOPPED = ("STOPPED", "PAUSED")
OF_TOPICS = "topic.creation.default."
REBALANCE = "a rebalance is expected"


class Connectors:
    """The connectors of a Kafka Connect cluster.

    Args:
        url: Its REST endpoint.
        patience: Timeout in seconds for an answer, and for a connector to reach a state.
        ca: File of the authorities whose certificates are trusted; empty for those of `requests`.
    """

    def __init__(self, url: str, *, patience: float = 30, ca: str = "") -> None:
        self._rest = Rest(url, "Kafka Connect", patience=patience, retried=RETRIED, retried_message=REBALANCE, ca=ca)

    def validate(self, config: Mapping[str, str]) -> dict[str, list[str]]:
        """Return the errors that Connect's validation finds, by key; validation connects to the database."""
        values = [each["value"] for each in self._validation(config)]
        return {value["name"]: value["errors"] for value in values if value["errors"]}

    def check_keys(self, config: Mapping[str, str]) -> dict[str, str]:
        """Return for each key of a configuration whether it is `known`, `deprecated` or `unknown`.

        Connect ignores an unknown key. Its validation lists the keys of the connector, of its transforms and of the
        overridden client settings, and leaves out every other key. The settings of topics that Connect creates are
        also left out, but count as known here: Kafka refuses a wrong one when a topic is created.
        """
        definitions = {each["value"]["name"]: each["definition"] for each in self._validation(config)}

        def support(key: str) -> str:
            if key.startswith(OF_TOPICS):
                return "known"
            if key not in definitions:
                return "unknown"
            documentation = (definitions[key] or {}).get("documentation") or ""
            return "deprecated" if documentation.startswith("(Deprecated)") else "known"

        return {key: support(key) for key in config}

    def apply(self, connector: Mapping[str, Any]) -> None:
        """Create or update a connector, and wait until it runs; idempotent.

        A connector with heartbeats counts as running once it has written a message, since its task reports RUNNING
        before it has connected to the database. A new connector that does not start is removed again. An existing
        connector that has failed is restarted, and continues from its stored offset.

        Args:
            connector: The connector's `name` and `config`, in the form of `POST /connectors`.

        Raises:
            BadInput: Validation rejects the configuration, or the connector fails.
            NotInTime: The connector neither runs nor fails within the timeout.
            Refused: Connect stored the configuration with keys missing.
        """
        name, config = connector["name"], connector["config"]
        if errors := self.validate({**config, "name": name}):
            listed = "; ".join(f"{key}: {' '.join(each)}" for key, each in errors.items())
            raise BadInput(f"connector {name}: {listed}")
        found = self.config(name)
        new = found is None
        if found is None or missing_from(config, found) or found.keys() - config.keys() - {"name"}:
            self._rest.request("PUT", f"/connectors/{name}/config", json=config)
        if not new and self.status(name) in STOPPED:
            self._rest.request("PUT", f"/connectors/{name}/resume")
        if not new and self.status(name).startswith("FAILED"):
            self._rest.request("POST", f"/connectors/{name}/restart?includeTasks=true&onlyFailed=true")
            self._rest.wait_until(lambda: not self.status(name).startswith("FAILED"), f"connector {name} fails again")
        try:
            self._rest.wait_until(lambda: self._runs(name, config), f"connector {name} does not run")
            if missing := missing_from(config, self._rest.request("GET", f"/connectors/{name}/config")):
                raise Refused(f"Kafka Connect keeps connector {name} without {', '.join(missing)}")
        except PlatformError:
            if new:
                self.remove(name)
            raise

    def config(self, name: str) -> dict[str, str] | None:
        """Return the configuration of a connector, or None if no connector has this name."""
        found: dict[str, str] | None = self._rest.find(f"/connectors/{name}/config")
        return found

    def written(self) -> dict[str, set[str]]:
        """Return the topics that each connector has written to, by the connector's name."""
        names: list[str] = self._rest.request("GET", "/connectors")
        found = {name: self._rest.find(f"/connectors/{name}/topics") for name in names}
        return {name: set(each[name]["topics"]) for name, each in found.items() if each is not None}

    def status(self, name: str) -> str:
        """Return the state of a connector: `RUNNING`, `FAILED: CAUSE`, `UNASSIGNED`, `STOPPED` or `absent`."""
        found = self._rest.find(f"/connectors/{name}/status")
        if found is None:
            return "absent"
        if not found["tasks"]:
            state = str(found["connector"]["state"])
            return "UNASSIGNED" if state == "RUNNING" else state
        task = found["tasks"][0]
        error, *rest = str(task.get("trace", "")).splitlines() or [""]
        causes = [line for line in rest if line.startswith("Caused by: ")]
        return ": ".join([str(task["state"]), *filter(None, [error, *causes])])

    def wait_for_topic(self, name: str, topic: str) -> None:
        """Wait until a connector has written to a topic.

        Raises:
            NotInTime: The connector has not written to the topic within the timeout.
        """
        self._rest.wait_until(lambda: topic in self._topics(name), f"connector {name} writes nothing to topic {topic}")

    def stop(self, name: str) -> None:
        """Stop a connector without deleting its offsets, so that `apply` continues from them."""
        self._rest.request("PUT", f"/connectors/{name}/stop")
        self._rest.wait_until(lambda: self.status(name) == "STOPPED", f"connector {name} does not stop")

    def offsets(self, name: str) -> list[dict[str, Any]]:
        """Return the offsets that a connector has stored; each is its position in the source."""
        found: list[dict[str, Any]] = self._rest.request("GET", f"/connectors/{name}/offsets")["offsets"]
        return [each["offset"] for each in found]

    def remove(self, name: str) -> None:
        """Remove a connector and its offsets, so that a new one of the same name begins with a snapshot; idempotent."""
        if self._rest.find(f"/connectors/{name}") is not None:
            self.stop(name)
            self._rest.request("DELETE", f"/connectors/{name}/offsets")
            self._rest.request("DELETE", f"/connectors/{name}")
            self._rest.wait_until(lambda: self.status(name) == "absent", f"connector {name} still exists")

    def _validation(self, config: Mapping[str, str]) -> list[dict[str, Any]]:
        path = f"/connector-plugins/{config['connector.class']}/config/validate"
        found: list[dict[str, Any]] = self._rest.request("PUT", path, json=dict(config))["configs"]
        return found

    def _runs(self, name: str, config: Mapping[str, str]) -> bool:
        state = self.status(name)
        if state.startswith("FAILED"):
            raise BadInput(f"connector {name} {state}")
        heartbeats = int(config.get("heartbeat.interval.ms", 0)) > 0
        return state == "RUNNING" and (not heartbeats or bool(self._topics(name)))

    def _topics(self, name: str) -> list[str]:
        topics: list[str] = self._rest.request("GET", f"/connectors/{name}/topics")[name]["topics"]
        return topics
