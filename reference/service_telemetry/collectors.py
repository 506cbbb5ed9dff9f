"""The configuration of an OpenTelemetry Collector for traces, metrics and logs, with options for production.

Traces go to Jaeger, metrics to an endpoint that Prometheus scrapes, and logs to the collector's own log. Read this to
see what is corrected: how the collector reaches Jaeger, where its extensions listen, and where data are batched.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from .errors import BadInput

SIGNALS = ("traces", "metrics", "logs")
TO_JAEGER = "otlp_grpc/jaeger"
EVERYWHERE = "0.0.0.0"  # noqa: S104  # inside a container, whose ports are published one by one


def collector_configuration(
    jaeger: str = "jaeger:4317",
    *,
    signals: Collection[str] = SIGNALS,
    encrypted: bool = False,
    memory_mib: int | None = None,
    queue: str | None = None,
    slow_seconds: float | None = None,
    share_percent: float = 10,
    decide_seconds: float = 10,
) -> dict[str, Any]:
    """Return the configuration, which the collector can read as JSON, since JSON is YAML.

    Args:
        jaeger: `HOST:PORT` at which Jaeger receives OTLP over gRPC.
        signals: Which of `traces`, `metrics` and `logs` the collector receives.
        encrypted: Whether Jaeger's port uses TLS, which the collector assumes by default.
        memory_mib: Limit on memory above which data are refused, so that services retry; without a limit, the collector
            may be killed for its use of memory.
        queue: Folder of a queue on disk, in which traces survive the collector's end and an outage of Jaeger.
        slow_seconds: Keep every trace with an error, every trace of at least this duration, and a share of the others;
            by default, keep all. Every span of a trace must reach the same collector.
        share_percent: Percentage of the other traces that is kept.
        decide_seconds: How long the collector waits for all spans of a trace before it decides whether to keep it.

    Raises:
        BadInput: An argument is not usable.
    """
    _check(jaeger, signals, memory_mib, slow_seconds, share_percent, decide_seconds)
    processors: dict[str, Any] = {}
    extensions: dict[str, Any] = {
        "health_check": {"endpoint": f"{EVERYWHERE}:13133"},
        "pprof": {"endpoint": f"{EVERYWHERE}:1777"},
        "zpages": {"endpoint": f"{EVERYWHERE}:55679"},
    }
    exporters: dict[str, Any] = {}
    pipelines: dict[str, Any] = {}
    if memory_mib:
        processors["memory_limiter"] = {"check_interval": "1s", "limit_mib": memory_mib}
    always = list(processors)  # the limiter comes first, so that no other processor handles data that it refuses
    processors["batch"] = {}
    if "traces" in signals:
        exporters[TO_JAEGER] = _to_jaeger(jaeger, encrypted, queue)
        sampling = []
        if slow_seconds is not None:
            processors["tail_sampling"] = _sampling(slow_seconds, share_percent, decide_seconds)
            sampling = ["tail_sampling"]
        # The processor `batch` acknowledges data that it holds only in memory. A queue on disk batches by itself.
        batches = [] if queue else ["batch"]
        pipelines["traces"] = _pipeline([*always, *sampling, *batches], TO_JAEGER)
        if queue:
            extensions["file_storage"] = {"directory": queue, "create_directory": True, "fsync": True}
    if "metrics" in signals:
        # Only the format OpenMetrics has exemplars, which link a measurement to a trace.
        exporters["prometheus"] = {
            "endpoint": f"{EVERYWHERE}:8889",
            "namespace": "default",
            "enable_open_metrics": True,
        }
        pipelines["metrics"] = _pipeline([*always, "batch"], "prometheus")
    if "logs" in signals:
        exporters["debug"] = {"verbosity": "detailed"}
        pipelines["logs"] = _pipeline([*always, "batch"], "debug")
    protocols = {"grpc": {"endpoint": f"{EVERYWHERE}:4317"}, "http": {"endpoint": f"{EVERYWHERE}:4318"}}
    return {
        "receivers": {"otlp": {"protocols": protocols}},
        "processors": processors,
        "exporters": exporters,
        "extensions": extensions,
        "service": {"extensions": list(extensions), "pipelines": pipelines},
    }


def _pipeline(processors: list[str], exporter: str) -> dict[str, list[str]]:
    return {"receivers": ["otlp"], "processors": processors, "exporters": [exporter]}


def _to_jaeger(jaeger: str, encrypted: bool, queue: str | None) -> dict[str, Any]:
    exporter: dict[str, Any] = {"endpoint": jaeger, "tls": {"insecure": not encrypted}}
    if queue:
        exporter["sending_queue"] = {"storage": "file_storage", "batch": {"flush_timeout": "200ms"}}
        exporter["retry_on_failure"] = {"max_interval": "5s", "max_elapsed_time": 0}
    return exporter


def _sampling(slow_seconds: float, share_percent: float, decide_seconds: float) -> dict[str, Any]:
    return {
        "decision_wait": f"{decide_seconds:g}s",
        "policies": [
            {"name": "errors", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}},
            {"name": "slow", "type": "latency", "latency": {"threshold_ms": round(1000 * slow_seconds)}},
            {"name": "others", "type": "probabilistic", "probabilistic": {"sampling_percentage": share_percent}},
        ],
    }


def _check(
    jaeger: str,
    signals: Collection[str],
    memory_mib: int | None,
    slow_seconds: float | None,
    share_percent: float,
    decide_seconds: float,
) -> None:
    host, _, port = jaeger.rpartition(":")
    if not host or not port.isdecimal() or "/" in jaeger:
        raise BadInput(f"{jaeger} is not an address of Jaeger: give HOST:PORT without a scheme, such as jaeger:4317")
    if not signals or not set(signals) <= set(SIGNALS):
        raise BadInput(f"the signals are {', '.join(signals) or 'none'}: give some of {', '.join(SIGNALS)}")
    if memory_mib is not None and memory_mib < 1:
        raise BadInput(f"the memory limit is {memory_mib} MiB: give 1 or more")
    if (slow_seconds is not None and slow_seconds < 0) or decide_seconds <= 0:
        raise BadInput("a slow trace must take 0 seconds or more, and the wait for a decision more than 0 seconds")
    if not 0 <= share_percent <= 100:
        raise BadInput(f"the share is {share_percent} percent: give 0 to 100")
