"""Fixtures of the scenario: the two services under opentelemetry-instrument."""

import pytest

from fixtures.venvs import venv
from scenarios.service_telemetry import published
from scenarios.service_telemetry.instrumented import Pair

# The published packages are installed by hand, without the one for logging, which bootstrap would add.
OTLP = ("otlp_proto_grpc", "otlp_proto_http")
WITHOUT_LOGGING = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "logging"}


@pytest.fixture(scope="session")
def opentelemetry():
    """The environment with Flask and OpenTelemetry's packages."""
    return venv("otel")


@pytest.fixture(scope="module")
def pairs(opentelemetry, httpbin, tmp_path_factory):
    """Return the pair of services whose exporters print, by way; each is started when it is first asked for."""
    started = {}

    def pair(way):
        if way not in started:
            options = {"variables": WITHOUT_LOGGING} if way == "published" else {}
            started[way] = Pair(way, opentelemetry, tmp_path_factory.mktemp(way), httpbin.url, **options)
        return started[way]

    yield pair
    for each in started.values():
        each.close()


@pytest.fixture
def pair(way, pairs):
    """The pair of services of the test's way."""
    return pairs(way)


@pytest.fixture
def server_span(way):
    """The name of the server's span."""
    return {"published": published.SERVER_SPAN, "corrected": "POST /"}[way]


@pytest.fixture
def exporters(way):
    """The exporters for metrics that there are said to be."""
    return {"published": published.METRIC_EXPORTERS, "corrected": {"console", "otlp", *OTLP}}[way]
