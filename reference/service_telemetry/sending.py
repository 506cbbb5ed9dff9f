"""Send one span, one measurement or one log record by the exporter that a service would use; `checking` calls this."""

from __future__ import annotations

import importlib
import time
from dataclasses import dataclass
from typing import Any

from opentelemetry.sdk.resources import Resource

SERVICE = "service-telemetry-check"
METRIC = "service.telemetry.check"
EXPORTERS = {
    "traces": ("trace_exporter", "OTLPSpanExporter", "v1/traces"),
    "metrics": ("metric_exporter", "OTLPMetricExporter", "v1/metrics"),
    "logs": ("_log_exporter", "OTLPLogExporter", "v1/logs"),
}


@dataclass(frozen=True)
class Result:
    """The result of one export.

    Attributes:
        delivered: Whether the collector has acknowledged it.
        trace: Id of the trace, if a span was sent; otherwise empty.
        error: The error that the exporter raised; empty if it raised none.
    """

    delivered: bool
    trace: str = ""
    error: str = ""


def send(signal: str, endpoint: str, protocol: str, identity: str, timeout: float) -> Result:
    """Send one span, one measurement or one log record.

    Args:
        signal: `traces`, `metrics` or `logs`.
        endpoint: Value of `OTEL_EXPORTER_OTLP_ENDPOINT`.
        protocol: `grpc` or `http/protobuf`.
        identity: The value of `service.instance.id` in the telemetry, by which it can be found.
        timeout: Seconds for the whole export.
    """
    module, name, path = EXPORTERS[signal]
    of = {"grpc": "grpc", "http/protobuf": "http"}[protocol]
    exporter = getattr(importlib.import_module(f"opentelemetry.exporter.otlp.proto.{of}.{module}"), name)
    # The exporter builds the URL of a signal in the same way from the variable for all signals.
    at = endpoint if protocol == "grpc" else f"{endpoint.rstrip('/')}/{path}"
    sends = exporter(endpoint=at, timeout=timeout)
    resource = Resource.create({"service.name": SERVICE, "service.instance.id": identity})
    try:
        batch, trace = {"traces": _span, "metrics": _metric, "logs": _log}[signal](resource)
        result = sends.export(batch)
    except Exception as error:  # noqa: BLE001  # any error of the exporter is a result, too
        return Result(False, error=f"{type(error).__name__}: {error}")
    finally:
        sends.shutdown()
    return Result(result.name == "SUCCESS", trace)


def _span(resource: Resource) -> tuple[Any, str]:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    memory = InMemorySpanExporter()
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    with provider.get_tracer(SERVICE).start_as_current_span("check") as span:
        trace = span.get_span_context().trace_id
    return memory.get_finished_spans(), f"{trace:032x}"


def _metric(resource: Resource) -> tuple[Any, str]:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
    provider.get_meter(SERVICE).create_counter(METRIC).add(1)
    return reader.get_metrics_data(), ""


def _log(resource: Resource) -> tuple[Any, str]:
    from opentelemetry._logs import LogRecord, SeverityNumber
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

    memory = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # the SDK has no type there
    provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(memory))
    record = LogRecord(timestamp=time.time_ns(), severity_number=SeverityNumber.INFO, body="a check")
    provider.get_logger(SERVICE).emit(record)
    return memory.get_finished_logs(), ""
