"""The collector killed and paused under load: the service goes on, and what is lost has a bound."""

from statistics import median

import pytest
import requests

from fixtures.waiting import eventually
from scenarios.service_telemetry.arrivals import jaeger_traces, own_count
from scenarios.service_telemetry.collecting import one_span
from scenarios.service_telemetry.instrumented import Instrumented

DEADLINE = {"within": 90, "every": 0.3}
QUEUE = 32
SPANS = 40
TIMEOUT = 2
BOUNDED = {
    "OTEL_BSP_MAX_QUEUE_SIZE": str(QUEUE),
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": str(QUEUE // 2),
    "OTEL_EXPORTER_OTLP_TIMEOUT": str(TIMEOUT),
}
# What the SDK counts of its own work is printed.
COUNTED = {"OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED": "true"}
TRACES = ["--traces_exporter", "otlp", "--metrics_exporter", "console", "--logs_exporter", "none"]
LOSSES = ("otel.sdk.processor.span.processed", "otel.sdk.exporter.span.exported")


class TestTheServiceGoesOn:
    """Whatever happens to the collector."""

    @pytest.fixture(params=["kill", "pause"])
    def fault(self, request):
        """What happens to the collector."""
        return request.param

    @pytest.fixture
    def service(self, fault, opentelemetry, collector, tmp_path):
        """The service that computes Fibonacci numbers, with a small queue of spans."""
        variables = {
            "SECOND": "http://127.0.0.1:1",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector.address('grpc')}",
        }
        with Instrumented(
            "first",
            "corrected",
            opentelemetry,
            tmp_path,
            variables | BOUNDED | COUNTED,
            TRACES,
            said=f"through-a-{fault}",
        ) as service:
            yield service

    @pytest.mark.claim("otel-15")
    def test_service_answers_without_its_collector(self, fault, service, collector, jaeger, evidence):
        before = _seconds(service, 3, 60)
        eventually(lambda: _arrived(jaeger, service, 3) == len(before), message="every span arrives", **DEADLINE)
        held = service.memory()

        getattr(collector, fault)()
        during = _seconds(service, 4, 400)
        grown = service.memory() - held
        collector.restart() if fault == "kill" else collector.resume()

        after = []
        eventually(
            lambda: after.extend(_seconds(service, 5, 1)) or _arrived(jaeger, service, 5),
            message="export resumes",
            **DEADLINE,
        )
        # A request that waited for an export would take the exporter's timeout.
        assert median(during) < TIMEOUT / 10
        assert max(during) < TIMEOUT
        assert grown < 30_000_000

        def lost():
            return len(during) + len(after) - _arrived(jaeger, service, 4) - _arrived(jaeger, service, 5)

        if fault == "kill":
            eventually(lambda: lost() == _said_lost(service), message=lambda: _both(lost(), service), **DEADLINE)
        else:
            # A paused collector may yet deliver what the exporter has given up.
            eventually(lambda: lost() <= _said_lost(service), message=lambda: _both(lost(), service), **DEADLINE)
        assert lost() > 0
        rows = {"before": median(before), "while the collector is away": median(during)}
        evidence.json(
            f"{fault}: seconds of a request (median), and spans lost of 400",
            {**rows, "lost": lost(), "lost as the SDK says": _said_lost(service)},
        )


class TestTracesThatTheCollectorHasAcknowledged:
    """Jaeger is down, and then the collector is killed: what it has taken in comes from its disk, or never."""

    @pytest.fixture
    def acknowledged(self, request, jaeger):
        """Return how many of the acknowledged traces a collector delivers in the end."""

        def deliver(collector):
            service = f"{request.node.name}"
            jaeger.kill()
            with requests.Session() as session:
                for number in range(SPANS):
                    answer = session.post(f"{collector.url}/v1/traces", json=one_span(number, service), timeout=10)
                    answer.raise_for_status()
            collector.kill()
            jaeger.restart()
            collector.restart()
            return lambda: len(jaeger_traces(jaeger, service))

        return deliver

    @pytest.mark.claim("otel-16")
    def test_queue_on_disk_loses_none_of_them(self, environment, acknowledged):
        arrived = acknowledged(environment["collector-durable"])

        eventually(lambda: arrived() == SPANS, message="all acknowledged traces arrive", **DEADLINE)

    @pytest.mark.claim("otel-16")
    def test_queue_in_memory_loses_all_of_them(self, collector, jaeger, acknowledged):
        arrived = acknowledged(collector)

        # One that is sent afterwards arrives, so that those before it would have.
        requests.post(f"{collector.url}/v1/traces", json=one_span(SPANS, "later"), timeout=10).raise_for_status()
        eventually(lambda: jaeger_traces(jaeger, "later"), message="a later trace arrives", **DEADLINE)
        assert own_count(collector, "otelcol_exporter_queue_size") == 0
        assert arrived() == 0


def _seconds(service, n, times):
    with requests.Session() as session:
        answers = [session.get(f"{service.url}/{n}", timeout=30) for _ in range(times)]
    assert {answer.status_code for answer in answers} == {200}
    return [answer.elapsed.total_seconds() for answer in answers]


def _said_lost(service):
    """Return how many spans the SDK says that it dropped, before an export or after it failed."""
    printed = [service.metric(name) for name in LOSSES]
    points = [point for metric in printed if metric for point in metric["data"]["data_points"]]
    return sum(point["value"] for point in points if "error.type" in point["attributes"])


def _both(lost, service):
    return f"{lost} spans are lost, and the SDK says {_said_lost(service)}"


def _arrived(jaeger, service, n):
    spans = (span for trace in jaeger_traces(jaeger, service.said) for span in trace["spans"])
    return sum({"key": "http.target", "type": "string", "value": f"/{n}"} in span["tags"] for span in spans)
