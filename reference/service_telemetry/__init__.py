"""Telemetry of Flask services by OpenTelemetry: instruments that work under `opentelemetry-instrument`, load, profiles.

The document says: two Flask services are instrumented without code, and count and time their own work by a meter
provider of their own; a script sends requests to an endpoint that computes Fibonacci numbers, while a profiler watches.

**What holds.** One trace spans both services; the counter counts, and the histogram times; the load is answered; and a
continuous profiler shows by name which function has become slower.

**What is corrected.**

- A meter provider beside the one of `opentelemetry-instrument` is refused with a warning: instruments come from the
  API.
- Durations are in seconds, and so is their unit. The default buckets are made for milliseconds, and put everything
  below five seconds into one bucket; therefore histograms get the buckets of the semantic conventions.
- Endpoints have a scheme; the collector is configured to reach Jaeger without TLS, which it does not do by default; and
  its extensions listen on an address that can be reached from outside a container.
- SIGTERM ends the document's service before its last spans are exported. Here the service exits and exports them.
- The endpoint computes only numbers up to 31: one request to the published endpoint can keep it busy for years.

In a service::

    from reference.service_telemetry import counter, durations, timed

    received = counter("first.request.count", "Requests that the service received")
    latency = durations("httpbin.latency", "Time that HTTPBin takes")

    received.add(1, {"env": "dev"})
    with timed(latency):
        requests.post("http://127.0.0.1:8000/delay/1", timeout=20)

On the command line::

    service-telemetry load http://127.0.0.1:5000 --requests 100
    service-telemetry profiles "$(pgrep -f service_telemetry.first)"
    service-telemetry check http://127.0.0.1:4317 --jaeger http://127.0.0.1:16686
    service-telemetry collector --jaeger jaeger:4317 --memory 512 --queue /var/lib/otelcol --slow 0.5 --share 5

`check` sends one of each signal by `--protocol` grpc or http/protobuf. It reports whether each arrives at the
collector, and within `--patience` seconds in Jaeger and on the page of `--prometheus`; if one does not, it says why.
`collector` prints a configuration, with a memory limit, a queue on disk, and sampling (slow traces, traces with errors,
and a share of the others) if the options ask for them; `--encrypted` is for a Jaeger with TLS. `load` draws numbers up
to `--largest`; the same `--seed` draws the same numbers again. `profiles` serves profiles of a running process in the
format of pprof, on `--host` and `--port`, with `--rate` samples per second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from .checking import Hop, check, endpoint_problem
    from .collectors import collector_configuration
    from .ending import exit_at_sigterm
    from .errors import BadInput, LoadFailed, ProfileFailed, TelemetryError
    from .instruments import DURATIONS, counter, durations, timed
    from .loading import Answered, load
    from .pprof_format import Frame, Sample, encode_pprof
    from .profiling import profile, read_stacks
    from .serving import profile_server

_MODULES = {
    "Answered": "loading",
    "BadInput": "errors",
    "DURATIONS": "instruments",
    "Hop": "checking",
    "Frame": "pprof_format",
    "LoadFailed": "errors",
    "ProfileFailed": "errors",
    "Sample": "pprof_format",
    "TelemetryError": "errors",
    "check": "checking",
    "collector_configuration": "collectors",
    "counter": "instruments",
    "durations": "instruments",
    "endpoint_problem": "checking",
    "exit_at_sigterm": "ending",
    "load": "loading",
    "encode_pprof": "pprof_format",
    "profile": "profiling",
    "profile_server": "serving",
    "read_stacks": "profiling",
    "timed": "instruments",
}

__all__ = [
    "DURATIONS",
    "Answered",
    "BadInput",
    "Frame",
    "Hop",
    "LoadFailed",
    "ProfileFailed",
    "Sample",
    "TelemetryError",
    "check",
    "collector_configuration",
    "counter",
    "durations",
    "encode_pprof",
    "endpoint_problem",
    "exit_at_sigterm",
    "load",
    "profile",
    "profile_server",
    "read_stacks",
    "timed",
]

__getattr__ = import_at_first_use(__name__, _MODULES)
