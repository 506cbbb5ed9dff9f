"""The first service in workers that gunicorn forks from a process in which OpenTelemetry was set up already."""

import re

import pytest

from fixtures.waiting import eventually
from scenarios.service_telemetry.arrivals import exposed, jaeger_traces
from scenarios.service_telemetry.instrumented import SIGNALS, Instrumented, post_at_once

REQUESTS = 12
WORKERS = 3
OTLP = [word for signal in SIGNALS for word in (f"--{signal}_exporter", "otlp")]
DEADLINE = {"within": 60, "every": 0.2}


@pytest.fixture(params=[[], ["--preload"]], ids=["each loads the service", "preloaded"])
def service(request, opentelemetry, httpbin, collector, tmp_path):
    """The first service in three workers, in front of HTTPBin."""
    variables = {
        "SECOND": f"{httpbin.url}/post",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector.address('grpc')}",
        "HOME": str(tmp_path),  # where gunicorn makes its control socket
    }
    with Instrumented(
        "first",
        "corrected",
        opentelemetry,
        tmp_path,
        variables,
        OTLP,
        said="preloaded" if request.param else "forked",
        gunicorn=[f"--workers={WORKERS}", *request.param],
    ) as service:
        yield service


@pytest.mark.claim("otel-20")
def test_no_span_or_count_of_a_worker_is_lost(service, collector, jaeger, evidence):
    def counted():
        lines = [line for line in exposed(collector) if line.startswith("default_first_request_count_total{")]
        ours = [line for line in lines if f'job="{service.said}"' in line]
        return {re.search(r'instance="([^"]+)"', line)[1]: float(line.split("} ")[1].split()[0]) for line in ours}

    def spans():
        ours = [span for trace in jaeger_traces(jaeger, service.said) for span in trace["spans"]]
        return sum(span["operationName"] == "POST /" for span in ours)

    assert {answer.status_code for answer in post_at_once(service.url, REQUESTS)} == {200}

    eventually(lambda: sum(counted().values()) == REQUESTS, message="every request is counted once", **DEADLINE)
    eventually(lambda: spans() == REQUESTS, message="every request has its span", **DEADLINE)
    assert 1 < len(counted()) <= WORKERS
    evidence.json(f"{service.said}: requests by instance", counted())
