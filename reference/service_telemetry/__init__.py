"""Telemetry of Flask services by OpenTelemetry: instruments that work under `opentelemetry-instrument`, and their load.

The document says: two Flask services are instrumented without code, and count and time their own work by a meter
provider of their own; a script sends requests to an endpoint that computes Fibonacci numbers.

**What holds.** One trace spans both services; the counter counts, the histogram times; the load is answered.

**What is corrected.**

- A meter provider beside the one of `opentelemetry-instrument` is refused with a warning: instruments come from the
  API.
- Durations are in seconds, and so is their unit; the default buckets, made for milliseconds, put each below five
  seconds into one, so they get those of the semantic conventions.
- The endpoint computes numbers up to 31 alone: the published one can be kept busy for years by one request.

In a service::

    from reference.service_telemetry import counter, durations, timed

    received = counter("first.request.count", "Requests that the service received")
    latency = durations("httpbin.latency", "Time that HTTPBin takes")

    received.add(1, {"env": "dev"})
    with timed(latency):
        requests.post("http://127.0.0.1:8000/delay/1", timeout=20)

On the command line::

    service-telemetry load http://127.0.0.1:5000 --requests 100
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from .collectors import collector_configuration
    from .errors import BadInput, LoadFailed, TelemetryError
    from .instruments import DURATIONS, counter, durations, timed
    from .loading import Answered, load

_MODULES = {
    "Answered": "loading",
    "BadInput": "errors",
    "DURATIONS": "instruments",
    "LoadFailed": "errors",
    "TelemetryError": "errors",
    "collector_configuration": "collectors",
    "counter": "instruments",
    "durations": "instruments",
    "load": "loading",
    "timed": "instruments",
}

__all__ = [
    "DURATIONS",
    "Answered",
    "BadInput",
    "LoadFailed",
    "TelemetryError",
    "collector_configuration",
    "counter",
    "durations",
    "load",
    "timed",
]

__getattr__ = import_at_first_use(__name__, _MODULES)
