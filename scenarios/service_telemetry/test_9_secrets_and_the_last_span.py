"""What must not leave the service, and what must: secrets of a request, and the last span before SIGTERM."""

import pytest
import requests

from fixtures.waiting import eventually
from scenarios.service_telemetry.instrumented import Instrumented

ASKED_FOR = {"OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST": "authorization"}


@pytest.fixture
def service_with_secrets(request, opentelemetry, tmp_path):
    """The first service after a request with secrets, once its span and a metric are printed."""
    variables = {"SECOND": "http://127.0.0.1:1", "DATABASE_PASSWORD": "secret-of-the-environment", **request.param}
    with Instrumented("first", "corrected", opentelemetry, tmp_path, variables) as service:
        headers = {"Authorization": "Bearer secret-of-the-header", "Cookie": "session=secret-of-the-cookie"}
        answer = requests.get(f"{service.url}/5?key=secret-of-the-query", headers=headers, timeout=60)
        assert answer.status_code == 200
        eventually(service.spans, within=60, message="the span is printed")
        eventually(lambda: service.metric("http.server.duration"), within=60, message="a metric is printed")
        yield service


@pytest.mark.claim("otel-18")
@pytest.mark.parametrize("service_with_secrets", [{}], ids=["by default"], indirect=True)
def test_secrets_of_headers_and_environment_stay(service_with_secrets, evidence):
    exported = service_with_secrets.everything()
    (span,) = service_with_secrets.spans()

    for secret in ("secret-of-the-environment", "secret-of-the-header", "secret-of-the-cookie"):
        assert secret not in exported
    # What a client puts into the query is in the span: a secret does not belong there.
    assert span["attributes"]["http.target"] == "/5?key=secret-of-the-query"
    evidence.json("The span of a request with secrets", span)


@pytest.mark.claim("otel-18")
@pytest.mark.parametrize("service_with_secrets", [ASKED_FOR], ids=["asked for"], indirect=True)
def test_header_that_is_asked_for_is_exported(service_with_secrets):
    (span,) = service_with_secrets.spans()

    assert "secret-of-the-header" in str(span["attributes"]["http.request.header.authorization"])
    assert "secret-of-the-cookie" not in service_with_secrets.everything()


@pytest.mark.claim("otel-19")
@pytest.mark.parametrize(("code", "names"), [("published", []), ("corrected", ["GET /<int:n>"])])
def test_service_exports_its_last_span_at_sigterm(code, names, opentelemetry, tmp_path):
    variables = {"SECOND": "http://127.0.0.1:1", "OTEL_BSP_SCHEDULE_DELAY": "300000"}
    with Instrumented("first", code, opentelemetry, tmp_path, variables) as service:
        assert requests.get(f"{service.url}/5", timeout=60).status_code == 200
        assert service.spans() == []

        service.terminate()

        assert [span["name"] for span in service.spans()] == names
