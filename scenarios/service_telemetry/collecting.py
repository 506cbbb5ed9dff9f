"""The collector's configurations: as published, as the library makes them, and what the collector says about them."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from fixtures.services.environment import Environment
from fixtures.services.fetching.go import GeneratedBinary
from fixtures.services.runtimes.orphans import engine

HERE = Path(__file__).parent
FOLDER = HERE / "collectors"
LIBRARYS = HERE.parents[1] / "reference" / "service_telemetry" / "collector.yaml"
PUBLISHED = yaml.safe_load((HERE / "as_published" / "collector.yaml").read_text())

# The options of the library that made each file in the folder.
MADE: Mapping[str, Mapping[str, Any]] = {
    "collector": {},
    "traces": {"signals": ["traces"]},
    "metrics": {"signals": ["metrics"]},
    "logs": {"signals": ["logs"]},
    "durable": {"signals": ["traces"], "memory_mib": 256, "queue": "/data/queue"},
}


def kept() -> dict[str, Any]:
    """Return the configurations that the collectors of this document run with, by name."""
    return {file.stem: yaml.safe_load(file.read_text()) for file in (LIBRARYS, *sorted(FOLDER.glob("*.yaml")))}


def ask_collector(environment: Environment, command: str, configuration: Mapping[str, Any]) -> Any:
    """Return what the collector's own command says about a configuration, as it is and without a place.

    Args:
        environment: The document's services.
        command: `validate` or `print-config`.
        configuration: The configuration.

    Raises:
        RuntimeError: The collector refuses it.
    """
    words = [command, f"--config=yaml:{json.dumps(configuration)}"]
    if environment.mode == "docker":
        client = engine()
        assert client is not None
        said = client.containers.run(environment.image("collector"), words, remove=True).decode()
    else:
        done = subprocess.run(
            [GeneratedBinary("collector").get(), *words], capture_output=True, text=True, check=False, timeout=60
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        said = done.stdout
    return yaml.safe_load(said)


def one_span(number: int, service: str) -> dict[str, Any]:
    """Return a request of OTLP over HTTP with one span, which is a trace of its own.

    Args:
        number: Number that makes its identity.
        service: Name of the service that it is from.
    """
    now = time.time_ns()
    span = {
        "traceId": hashlib.sha256(f"{service} {number}".encode()).hexdigest()[:32],
        "spanId": f"{number + 1:016x}",
        "name": "one",
        "kind": 1,
        "startTimeUnixNano": str(now),
        "endTimeUnixNano": str(now + 1000),
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}
