"""Send one span, one measurement and one log record, and report at which hop each arrives, or why it does not.

The hops are the collector, and behind it Jaeger and the endpoint that Prometheus scrapes. Read this to see which wrong
endpoints are recognized by their form, and what an exporter does with them.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

import requests

from .errors import BadInput

PORTS = {"grpc": 4317, "http/protobuf": 4318}
"""The collector's default port, by protocol."""
TIMEOUT = 5.0


@dataclass(frozen=True)
class Hop:
    """Whether a signal has arrived at one place.

    Attributes:
        signal: `traces`, `metrics` or `logs`.
        place: `collector`, `jaeger` or `prometheus`.
        arrived: Whether the signal has arrived there.
        why: What is known about the reason if it has not arrived; otherwise empty.
    """

    signal: str
    place: str
    arrived: bool
    why: str = ""


def endpoint_problem(endpoint: str, protocol: str = "grpc") -> str | None:
    """Return why an exporter cannot deliver to an endpoint, as far as the form of the endpoint shows; None if it may.

    Args:
        endpoint: Value of `OTEL_EXPORTER_OTLP_ENDPOINT`.
        protocol: Value of `OTEL_EXPORTER_OTLP_PROTOCOL`.
    """
    scheme = urlsplit(endpoint).scheme if "://" in endpoint else ""
    if scheme not in ("http", "https"):
        assumed = "TLS is assumed" if protocol == "grpc" else "no request can be made"
        return f"{endpoint} has no scheme, so {assumed}: write http://{endpoint}"
    parts = urlsplit(endpoint)
    if not parts.hostname:
        return f"{endpoint} names no host: write http://HOST:{PORTS[protocol]}"
    if protocol == "http/protobuf" and parts.path.startswith("/v1/"):
        base = f"{scheme}://{parts.netloc}"
        return f"{endpoint} has the path of one signal, to which the exporter adds that path again: write {base}"
    if parts.port in PORTS.values() and parts.port != PORTS[protocol]:
        return f"{parts.port} is the default port of the other protocol: is the protocol {protocol}?"
    return None


def check(
    endpoint: str,
    protocol: str = "grpc",
    *,
    jaeger: str | None = None,
    prometheus: str | None = None,
    patience: float = 10,
) -> Iterator[Hop]:
    """Send one of each signal, and yield for each hop whether it has arrived.

    Args:
        endpoint: Value of `OTEL_EXPORTER_OTLP_ENDPOINT` in the service, for all signals.
        protocol: Value of `OTEL_EXPORTER_OTLP_PROTOCOL`: `grpc` or `http/protobuf`.
        jaeger: Base URL of Jaeger's API, such as http://127.0.0.1:16686.
        prometheus: URL of the collector's page for Prometheus, such as http://127.0.0.1:8889/metrics.
        patience: Timeout in seconds for a hop behind the collector.

    Raises:
        BadInput: The protocol is not one of OTLP's, or a URL is not an HTTP address.
    """
    if protocol not in PORTS:
        raise BadInput(f"{protocol} is not a protocol of OTLP: give grpc or http/protobuf")
    for url in (jaeger, prometheus):
        if url is not None and not url.startswith(("http://", "https://")):
            raise BadInput(f"{url} is not a URL: give one such as http://127.0.0.1:16686")
    return _check(endpoint, protocol, jaeger, prometheus, patience)


def _check(endpoint: str, protocol: str, jaeger: str | None, prometheus: str | None, patience: float) -> Iterator[Hop]:
    from .sending import send

    identity = uuid.uuid4().hex
    delivered, trace = {}, ""
    for signal in ("traces", "metrics", "logs"):
        said: list[str] = []
        with _kept(said):
            result = send(signal, endpoint, protocol, identity, TIMEOUT)
        delivered[signal] = result.delivered
        why = endpoint_problem(endpoint, protocol) or " ".join((said or [result.error])[-1].split())
        trace = trace or result.trace
        yield Hop(signal, "collector", result.delivered, "" if result.delivered else why)
    behind: list[tuple[str, str, str | None, Callable[[str], bool]]] = [
        ("traces", "jaeger", jaeger, lambda url: _in_jaeger(url, trace)),
        ("metrics", "prometheus", prometheus, lambda url: identity in requests.get(url, timeout=TIMEOUT).text),
    ]
    for signal, place, url, there in behind:
        if url is not None and delivered[signal]:
            why = _wait(lambda url=url, there=there: there(url), patience)  # type: ignore[misc]
            yield Hop(signal, place, not why, why and _behind(place, why, patience))


def _in_jaeger(url: str, trace: str) -> bool:
    answer = requests.get(f"{url.rstrip('/')}/api/traces/{trace}", timeout=TIMEOUT)
    return answer.status_code == HTTPStatus.OK and bool(answer.json().get("data"))


def _wait(there: Callable[[], bool], patience: float) -> str:
    until = time.monotonic() + patience
    while True:
        try:
            if there():
                return ""
            why = "it has not arrived"
        except (requests.RequestException, ValueError) as error:
            why = str(error)
        if time.monotonic() > until:
            return why
        time.sleep(0.2)


def _behind(place: str, why: str, patience: float) -> str:
    hint = {
        "jaeger": "the collector's exporter assumes TLS unless it has `tls: {insecure: true}`: see the collector's log",
        "prometheus": "is the exporter `prometheus` in the pipeline of metrics?",
    }[place]
    return f"after {patience:g} s: {why}; {hint}"


@contextmanager
def _kept(said: list[str]) -> Iterator[None]:
    """Collect the exporters' log messages about failures in a list, and keep them from the console."""

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    logger, handler = logging.getLogger("opentelemetry"), Keep(logging.WARNING)
    before = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = before
