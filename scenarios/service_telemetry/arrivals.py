"""What of a service's telemetry arrives: at the collector, in Jaeger, at the endpoint for Prometheus, in the log."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from fixtures.services.runtimes.orphans import child_variables
from fixtures.services.runtimes.running import Running

PROGRAM = Path(__file__).parent / "one_of_each.py"
SIGNALS = ("traces", "metrics", "logs")
# Of the whole export with its retries, which otherwise go on for a minute.
PATIENCE = {"OTEL_EXPORTER_OTLP_TIMEOUT": "4", "OTEL_METRIC_EXPORT_TIMEOUT": "4000"}


@dataclass(frozen=True)
class Sent:
    """One run of the program that makes one of each.

    Attributes:
        service: The name of the service that it says it is.
        said: What it wrote to its standard error.
    """

    service: str
    said: str


def send_one_of_each(environment: Any, service: str, variables: Mapping[str, str]) -> Sent:
    """Send a span, a measurement and a log record, with the exporters that variables describe."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    options = [word for signal in SIGNALS for word in (f"--{signal}_exporter", "otlp")]
    done = subprocess.run(
        [
            environment.program("opentelemetry-instrument"),
            *options,
            "--service_name",
            service,
            environment.python,
            PROGRAM,
        ],
        env={**clean, **child_variables(), **PATIENCE, **variables},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return Sent(service, done.stderr)


def accepted(collector: Running) -> dict[str, float]:
    """Return how many of each signal a collector has taken in, by its own count."""
    names = {"traces": "spans", "metrics": "metric_points", "logs": "log_records"}
    return {signal: own_count(collector, f"otelcol_receiver_accepted_{name}") for signal, name in names.items()}


def own_count(collector: Running, metric: str) -> float:
    """Return the sum of one of the collector's own counters, over all its labels."""
    lines = requests.get(f"http://{collector.address('metrics')}/metrics", timeout=10).text.splitlines()
    pattern = re.compile(rf"{metric}(?:\{{.*\}})? (\S+)$")
    return sum(float(found[1]) for line in lines if (found := pattern.match(line)))


def arrived(service: str, collector: Running, jaeger: Running) -> set[str]:
    """Return which signals of a service are where they belong behind a collector."""
    found = set()
    if jaeger_traces(jaeger, service):
        found.add("traces")
    if any(f'job="{service}"' in line for line in exposed(collector)):
        found.add("metrics")
    if f"service.name: Str({service})" in collector.log(100_000):
        found.add("logs")
    return found


def jaeger_traces(jaeger: Running, service: str) -> list[dict[str, Any]]:
    """Return the traces of a service as Jaeger answers a query for them."""
    answer = requests.get(f"{jaeger.url}/api/traces", params={"service": service, "limit": 1000}, timeout=10)
    answer.raise_for_status()
    return list(answer.json()["data"] or ())


def exposed(collector: Running) -> list[str]:
    """Return the lines that a collector shows to Prometheus, with their exemplars."""
    accept = {"Accept": "application/openmetrics-text"}
    return requests.get(
        f"http://{collector.address('prometheus')}/metrics", headers=accept, timeout=10
    ).text.splitlines()
