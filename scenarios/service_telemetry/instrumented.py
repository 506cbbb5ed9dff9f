"""The two services under opentelemetry-instrument or without it, and what their console exporters print."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import psutil
import requests

from fixtures.services.runtimes.orphans import child_variables, end, tree
from fixtures.services.runtimes.ports import free_ports
from fixtures.waiting import eventually

ROOT = Path(__file__).parents[2]
AS_PUBLISHED = Path(__file__).parent / "as_published"
SIGNALS = ("traces", "metrics", "logs")
# The SDK's defaults are five seconds for spans and sixty for metrics.
QUICKLY = {"OTEL_BSP_SCHEDULE_DELAY": "200", "OTEL_BLRP_SCHEDULE_DELAY": "200", "OTEL_METRIC_EXPORT_INTERVAL": "700"}


def console() -> list[str]:
    """Return the options of opentelemetry-instrument by which every signal is printed."""
    return [word for signal in SIGNALS for word in (f"--{signal}_exporter", "console")]


class Instrumented:
    """One service in a process of its own, as opentelemetry-instrument runs it.

    Args:
        name: `first` or `second`.
        way: The code that it runs, `published` or `corrected`.
        environment: The environment with OpenTelemetry's packages.
        folder: Folder of its output.
        variables: Environment variables, such as where it finds the next service.
        options: Options of opentelemetry-instrument; by default every signal is printed. None runs the service
            without it.
        said: Name by which its telemetry says it goes; by default the service's.
        gunicorn: Options of gunicorn, which then serves it; by default it runs by itself.
    """

    def __init__(
        self,
        name: str,
        way: str,
        environment: Any,
        folder: Path,
        variables: Mapping[str, str],
        options: Sequence[str] | None = (),
        said: str = "",
        gunicorn: Sequence[str] | None = None,
    ) -> None:
        self.name = name
        self.said = said or name
        self.port = free_ports(["http"])["http"]
        self.url = f"http://127.0.0.1:{self.port}"
        self._printed = folder / f"{name}-{self.port}.stdout"
        self._errors = folder / f"{name}-{self.port}.stderr"
        path, service = {
            "published": (AS_PUBLISHED, [environment.python, str(AS_PUBLISHED / f"{name}.py")]),
            "corrected": (ROOT, [environment.python, "-m", f"reference.service_telemetry.{name}"]),
        }[way]
        if gunicorn is not None:
            bind = ["--bind", f"127.0.0.1:{self.port}", *gunicorn]
            service = [environment.program("gunicorn"), *bind, f"reference.service_telemetry.{name}:create_app()"]
        command = []
        if options is not None:
            instrument = environment.program("opentelemetry-instrument")
            command = [instrument, *(options or console()), "--service_name", self.said]
        # No variable of this run's own telemetry, if it has any, reaches the service.
        clean = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
        clean |= {"PYTHONPATH": str(path), "PORT": str(self.port), **child_variables(), **QUICKLY, **variables}
        with self._printed.open("wb") as printed, self._errors.open("wb") as errors:
            self._process = subprocess.Popen([*command, *service], env=clean, stdout=printed, stderr=errors)

    def __enter__(self) -> Self:
        try:
            self.wait()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait(self) -> None:
        """Wait until it serves, which entering it as a context does, too; leaving that ends it."""
        eventually(self._serves, within=120, every=0.1, message=lambda: f"{self.name} serves: {self.errors()[-2000:]}")

    def printed(self) -> list[dict[str, Any]]:
        """Return every JSON object that its console exporters have printed."""
        return list(_objects(self._printed.read_text()))

    def spans(self) -> list[dict[str, Any]]:
        """Return its spans."""
        return [each for each in self.printed() if "context" in each]

    def logs(self) -> list[dict[str, Any]]:
        """Return its log records."""
        return [each for each in self.printed() if "severity_text" in each]

    def metric(self, name: str) -> dict[str, Any] | None:
        """Return the newest state of a metric that it has printed."""
        newest = None
        for each in self.printed():
            for resource in each.get("resource_metrics", ()):
                for scope in resource["scope_metrics"]:
                    newest = next((metric for metric in scope["metrics"] if metric["name"] == name), newest)
        return newest

    def errors(self) -> str:
        """Return what it wrote to its standard error."""
        return self._errors.read_text()

    def everything(self) -> str:
        """Return all that it has exported and written, as one text."""
        return self._printed.read_text() + self.errors()

    def cpu_seconds(self) -> float:
        """Return how much processor time its processes have used."""
        return sum(sum(each.cpu_times()[:2]) for each in tree(psutil.Process(self._process.pid)))

    @property
    def pid(self) -> int:
        """Its process, which opentelemetry-instrument becomes."""
        return self._process.pid

    def memory(self) -> int:
        """Return the bytes of memory that its processes hold."""
        return sum(int(each.memory_info().rss) for each in tree(psutil.Process(self._process.pid)))

    def terminate(self) -> None:
        """End it by SIGTERM, and wait until it has ended."""
        self._process.terminate()
        self._process.wait(timeout=60)

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(psutil.NoSuchProcess):
            end(tree(psutil.Process(self._process.pid)))
        self._process.wait()

    def _serves(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"{self.name} has ended: {self.errors()[-2000:]}")
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


class Pair:
    """The first service in front of the second, which is in front of HTTPBin.

    Args:
        way: The code that they run, `published` or `corrected`.
        environment: The environment with OpenTelemetry's packages.
        folder: Folder of their output.
        httpbin: URL of HTTPBin.
        options: Options of opentelemetry-instrument; by default every signal is printed.
        variables: Environment variables of both.
    """

    def __init__(
        self,
        way: str,
        environment: Any,
        folder: Path,
        httpbin: str,
        options: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
    ) -> None:
        given = dict(variables or {})
        self.requests = 0
        self.second = Instrumented("second", way, environment, folder, {"HTTPBIN": httpbin, **given}, options)
        self.first = Instrumented("first", way, environment, folder, {"SECOND": self.second.url, **given}, options)
        try:
            self.second.wait()
            self.first.wait()
        except BaseException:
            self.close()
            raise

    def post(self, times: int = 1, agent: str = "python-requests") -> list[requests.Response]:
        """Send requests to the first service, all at once, from a user agent, and return the answers."""
        answers = post_at_once(self.first.url, times, agent)
        self.requests += times
        return answers

    def close(self) -> None:
        """End both."""
        self.first.close()
        self.second.close()


def post_at_once(url: str, times: int, agent: str = "python-requests") -> list[requests.Response]:
    """Send so many requests at once, from a user agent, and return the answers."""

    def post(_: int) -> requests.Response:
        return requests.post(url, headers={"User-Agent": agent}, timeout=60)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(post, range(times)))


def _objects(text: str) -> Iterator[dict[str, Any]]:
    decoder, at = json.JSONDecoder(), 0
    while (at := text.find("{", at)) >= 0:
        try:
            value, at = decoder.raw_decode(text, at)
        except ValueError:  # the last one is still being written, or it is none
            at += 1
        else:
            if isinstance(value, dict):
                yield value
