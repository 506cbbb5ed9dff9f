"""What a request costs a service: without telemetry, with traces, with all signals, and while it is profiled."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import requests

from fixtures.measure import Timed
from fixtures.waiting import eventually
from reference.service_telemetry import ProfileFailed, profile
from scenarios.service_telemetry.instrumented import Instrumented
from scenarios.service_telemetry.profiles import Stacks

# Options of opentelemetry-instrument, by what is exported.
EXPORTED = {
    "none": None,
    "traces": ["--traces_exporter", "otlp", "--metrics_exporter", "none", "--logs_exporter", "none"],
    "all": ["--traces_exporter", "otlp", "--metrics_exporter", "otlp", "--logs_exporter", "otlp"],
}
# The SDK's own defaults, which other tests shorten.
DEFAULTS = {
    "OTEL_BSP_SCHEDULE_DELAY": "5000",
    "OTEL_BLRP_SCHEDULE_DELAY": "5000",
    "OTEL_METRIC_EXPORT_INTERVAL": "60000",
}
PROFILE_SECONDS = 300
COMPUTED = 25
"""The number that is asked for: some twenty milliseconds."""
_PACKAGE = re.compile(r"/(?:site-packages/|(?=reference/service))(opentelemetry/[a-z]+|[a-z0-9_]+)/")


class Costs:
    """Both services, started when they are first asked for, by what they export.

    Args:
        environment: The environment with OpenTelemetry's packages.
        folder: Folder of their output.
        collector: URL of the collector's port of gRPC.
        httpbin: URL of HTTPBin.
    """

    def __init__(self, environment: Any, folder: Path, collector: str, httpbin: str) -> None:
        self._environment = environment
        self._folder = folder
        self._variables = {
            "SECOND": "http://127.0.0.1:1",
            "HTTPBIN": httpbin,
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector,
            **DEFAULTS,
        }
        self._started: dict[tuple[str, str, bool], Instrumented] = {}

    def service(self, name: str, exported: str, *, another: bool = False) -> Instrumented:
        """Return a service that is ready: `first` or `second`, with what it exports; `another` is a second one."""
        key = (name, exported, another)
        if key not in self._started:
            options = EXPORTED[exported]
            service = Instrumented(
                name, "corrected", self._environment, self._folder, self._variables, options, said=f"{name}-{exported}"
            )
            self._started[key] = service
            service.wait()
        return self._started[key]

    def calling(self, exported: str, times: int = 60) -> Callable[[], Timed]:
        """Return a way to send requests to the second service, each of which makes it call HTTPBin."""
        service = self.service("second", exported)
        return _sending(exported, service, f"{service.url}/", "POST", times)

    def computing(self, exported: str, times: int = 8) -> Callable[[], Timed]:
        """Return a way to send requests to the first service, each of which makes it compute for some milliseconds."""
        service = self.service("first", exported)
        return _sending(exported, service, f"{service.url}/{COMPUTED}", "GET", times)

    def waiting(self, *, another: bool = False, times: int = 8) -> Callable[[], Timed]:
        """Return a way to send such requests to the service with all signals, timed as a client sees it."""
        service = self.service("first", "all", another=another)

        def send() -> Timed:
            begun = time.perf_counter()
            statuses = _send(requests.Session(), f"{service.url}/{COMPUTED}", "GET", times)
            return Timed(time.perf_counter() - begun, statuses)

        send.__name__ = "while profiled" if another else "not profiled"
        return send

    def close(self) -> None:
        """End all services."""
        for service in self._started.values():
            service.close()


@contextlib.contextmanager
def profiled(service: Instrumented) -> Iterator[None]:
    """Profile a service while the block runs."""
    thread = threading.Thread(target=_profile, args=(service.pid,))
    thread.start()

    def profiler() -> psutil.Process | None:
        children = psutil.Process().children()
        return next((each for each in children if "py-spy" in each.name()), None)

    try:
        eventually(profiler, within=30, message="the profiler runs")
        yield
    finally:
        if (process := profiler()) is not None:
            process.kill()
        thread.join()


def parts(stacks: Stacks) -> Mapping[str, float]:
    """Return the share of the time by the part of the program that it was spent in or for.

    Time in the standard library belongs to whichever package called it.

    Args:
        stacks: Stacks of files, the outermost first.
    """
    spent: Counter[str] = Counter()
    for files, nanoseconds in stacks:
        packages = (found[1] for file in reversed(files) if (found := _PACKAGE.search(file)))
        part = next(packages, "the standard library")
        spent[part] += nanoseconds
    total = sum(spent.values())
    return {part: nanoseconds / total for part, nanoseconds in spent.most_common()}


def _sending(name: str, service: Instrumented, url: str, method: str, times: int) -> Callable[[], Timed]:
    session = requests.Session()

    def send() -> Timed:
        before = _processor_seconds(service.pid)
        statuses = _send(session, url, method, times)
        return Timed(_processor_seconds(service.pid) - before, statuses)

    send.__name__ = {"none": "without telemetry", "traces": "with traces", "all": "with all signals"}[name]
    return send


def _send(session: requests.Session, url: str, method: str, times: int) -> list[int]:
    return [session.request(method, url, timeout=60).status_code for _ in range(times)]


def _processor_seconds(pid: int) -> float:
    # The clock of another process's processor time, as clock_getcpuclockid of Linux gives it: in nanoseconds, and
    # with the threads that have ended.
    return time.clock_gettime(~pid << 3 | 2)


def _profile(pid: int) -> None:
    with contextlib.suppress(ProfileFailed):  # it is ended when it has been on for long enough
        profile(pid, PROFILE_SECONDS)
