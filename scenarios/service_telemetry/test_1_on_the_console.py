"""Two services under opentelemetry-instrument, whose spans, metrics and log records are printed."""

import subprocess
from itertools import pairwise
from uuid import uuid4

import pytest

from fixtures.waiting import eventually
from scenarios.service_telemetry import published
from scenarios.service_telemetry.waterfall import Bar, chain, waterfall

SPANS = [("first", "server"), ("first", "client"), ("second", "server"), ("second", "client")]
EXPORTERS = """
from importlib.metadata import entry_points
print(*(entry.name for entry in entry_points(group="opentelemetry_metrics_exporter")))
"""


def spans_of_requests(pair, times):
    """Send requests one after another; return the printed spans of their traces."""
    agent = f"python-requests/{uuid4().hex}"
    for _ in range(times):
        (answer,) = pair.post(agent=agent)
        assert answer.status_code == 200

    def complete():
        # Spans of earlier requests may be printed only now, so these are recognised by their user agent.
        spans = pair.first.spans() + pair.second.spans()
        traces = {each["context"]["trace_id"] for each in spans if each["attributes"].get("http.user_agent") == agent}
        ours = [span for span in spans if span["context"]["trace_id"] in traces]
        return ours if len(ours) >= times * len(SPANS) else None

    return eventually(complete, within=60, message="the four spans of each request are printed")


def spans_of_one_request(pair):
    """Send a request; return the printed spans of its trace."""
    return spans_of_requests(pair, 1)


@pytest.mark.claim("otel-1")
def test_first_service_calls_the_second_and_httpbin(pair):
    before = len(pair.second.spans())

    (answer,) = pair.post()

    assert answer.status_code == 200
    assert answer.json()["url"].endswith("/delay/0")
    called = eventually(lambda: [span for span in pair.second.spans()[before:] if "CLIENT" in span["kind"]], within=60)
    assert called[0]["attributes"]["http.url"] == answer.json()["url"]


@pytest.mark.claim("otel-1")
def test_first_service_sleeps_before_calling_the_next(pair):
    spans = [Bar.of_console(span) for span in spans_of_requests(pair, 12)]
    starts = {(each.trace, each.service, each.kind): each.start for each in spans}
    waited = {
        service: [
            starts[trace, service, "client"] - starts[trace, service, "server"] for trace in {t for t, *_ in starts}
        ]
        for service in ("first", "second")
    }
    assert all(seconds >= 0 for each in waited.values() for seconds in each)
    # The second does not sleep, and a machine under load delays both. Twelve sleeps of up to a second are together
    # shorter than 1.5 seconds in one of four million runs.
    assert sum(waited["first"]) > sum(waited["second"]) + 1.5


@pytest.mark.claim("otel-2")
def test_one_trace_spans_both_services(pair, evidence):
    spans = [Bar.of_console(span) for span in spans_of_one_request(pair)]

    found = chain(spans, spans[0].trace)

    assert [(span.service, span.kind) for span in found] == SPANS
    assert len({span.trace for span in found}) == 1
    assert [child.parent for child in found] == ["", *(parent.identity for parent in found[:-1])]
    assert all(parent.start <= child.start <= child.end <= parent.end for parent, child in pairwise(found))
    evidence.figure("A request through both services", waterfall(found))


@pytest.mark.claim("otel-2")
def test_spans_have_the_attributes_of_the_document(pair, evidence):
    spans = {
        (span["resource"]["attributes"]["service.name"], span["kind"].rpartition(".")[2].lower()): span
        for span in spans_of_one_request(pair)
    }

    server = spans["first", "server"]["attributes"]
    assert {key: server[key] for key in published.SERVER_ATTRIBUTES} == {
        **published.SERVER_ATTRIBUTES,
        "net.host.port": pair.first.port,
        "http.host": f"127.0.0.1:{pair.first.port}",
    }
    assert spans["second", "server"]["attributes"]["http.user_agent"].startswith("python-requests/")
    for client, url in ((spans["first", "client"], pair.second.url + "/"), (spans["second", "client"], "/delay/0")):
        assert (client["attributes"]["http.method"], client["attributes"]["http.status_code"]) == ("POST", 200)
        assert client["attributes"]["http.url"].endswith(url)
    assert spans["first", "server"]["resource"]["attributes"]["telemetry.sdk.language"] == "python"
    evidence.json("The span of the first service", spans["first", "server"])


class TestTheNameOfTheServerSpan:
    """The method is part of it."""

    @pytest.mark.claim("otel-14", "span name", shows="published", fails_with="assert 'POST /' not in")
    def test_published_name_is_that_of_no_span(self, pair, server_span):
        assert server_span not in {span["name"] for span in spans_of_one_request(pair)}

    @pytest.mark.claim("otel-14", "span name", shows="corrected", fails_with="assert 0 == 2")
    def test_corrected_name_has_the_method(self, pair, server_span):
        assert [span["name"] for span in spans_of_one_request(pair)].count(server_span) == 2


class TestAMeterProviderOfTheServicesOwn:
    """`opentelemetry-instrument` has set one."""

    REFUSED = "Overriding of current MeterProvider is not allowed"

    def said(self, pair):
        return pair.first.errors() + "".join(str(record["body"]) for record in pair.first.logs())

    @pytest.mark.claim(
        "otel-14",
        "meter provider",
        shows="published",
        fails_with="assert 'Overriding of current MeterProvider is not allowed' in",
    )
    def test_published_meter_provider_is_refused(self, pair):
        assert self.REFUSED in self.said(pair)

    @pytest.mark.claim("otel-14", "meter provider", shows="corrected", fails_with="assert 'Overriding .* not in")
    def test_corrected_counter_needs_no_meter_provider(self, pair):
        pair.post()
        eventually(lambda: pair.first.metric("first.request.count"), within=60, message="the counter is printed")

        assert self.REFUSED not in self.said(pair)


class TestLogRecords:
    """They are exported by the logging instrumentation alone."""

    @pytest.mark.claim("otel-14", "logs", shows="published", fails_with="assert \\[\\{'body'.* == \\[\\]")
    def test_published_logs_are_written_and_not_exported(self, pair):
        spans_of_one_request(pair)
        eventually(lambda: pair.first.metric("first.request.count"), within=60, message="the counter is printed")

        assert "calling the second service" in pair.first.errors()
        assert pair.first.logs() == []

    @pytest.mark.claim("otel-14", "logs", shows="corrected", fails_with="NotWithin: the record is printed")
    def test_corrected_logs_are_exported_with_their_trace(self, pair):
        trace = spans_of_one_request(pair)[0]["context"]["trace_id"]

        record = eventually(
            lambda: next((each for each in pair.first.logs() if each["trace_id"] == trace), None),
            within=15,
            message="the record is printed",
        )

        assert record["body"] == "calling the second service"


class TestMetricExporters:
    """Which there are for metrics."""

    @staticmethod
    def installed(opentelemetry):
        listed = subprocess.run(
            [opentelemetry.python, "-c", EXPORTERS], capture_output=True, text=True, check=True, timeout=60
        )
        return set(listed.stdout.split())

    @pytest.mark.claim("otel-14", "exporters", shows="published", fails_with="assert .* > ")
    def test_published_list_of_exporters_lacks_some(self, opentelemetry, exporters):
        assert self.installed(opentelemetry) > exporters

    @pytest.mark.claim("otel-14", "exporters", shows="corrected", fails_with="assert .*console.* >= ")
    def test_corrected_list_of_exporters_has_otlp(self, opentelemetry, exporters):
        assert exporters >= {"otlp", "otlp_proto_grpc", "otlp_proto_http"}
        assert self.installed(opentelemetry) == exporters


@pytest.mark.claim("otel-6")
def test_histogram_times_the_call_in_seconds(pair, evidence):
    pair.post(4)
    latency = eventually(lambda: complete(pair, "httpbin.latency"), within=60, message="four calls are printed")

    (point,) = latency["data"]["data_points"]
    assert latency["unit"] == "s"
    assert point["count"] == sum(point["bucket_counts"]) == pair.requests
    assert point["count"] * point["min"] <= point["sum"] <= point["count"] * point["max"]
    assert 0 < point["min"] <= point["max"] < 60
    evidence.json("The histogram", latency)


@pytest.mark.claim("otel-6")
def test_histogram_in_seconds_needs_buckets_of_its_own(pair, pairs, evidence):
    pairs("published").post(4)
    pair.post(4)
    default = eventually(lambda: complete(pairs("published"), "httpbin.latency"), within=60)
    own = eventually(lambda: complete(pair, "httpbin.latency"), within=60)

    (default_point,), (own_point,) = (each["data"]["data_points"] for each in (default, own))
    below_five = {
        way: sum(bound < 5 for bound in point["explicit_bounds"] if bound)
        for way, point in (("published", default_point), ("corrected", own_point))
    }
    assert below_five == {"published": 0, "corrected": 11}
    assert default["unit"] == "1.0"  # no unit, though the values are seconds
    assert default_point["bucket_counts"][1] == default_point["count"]  # all of them between zero and five
    evidence.json(
        "The bounds, in seconds", {"by default": default_point["explicit_bounds"], "own": own_point["explicit_bounds"]}
    )


def complete(pair, metric):
    """Return a metric of the second service once every request that was sent is in it."""
    printed = pair.second.metric(metric)
    return printed if printed and printed["data"]["data_points"][0]["count"] == pair.requests else None


@pytest.mark.claim("otel-11")
def test_bootstrap_finds_installed_instrumentations(opentelemetry, evidence):
    listed = subprocess.run(
        [opentelemetry.program("opentelemetry-bootstrap"), "-a", "requirements"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )

    found = {line.partition("==")[0] for line in listed.stdout.split()}
    assert found >= {"opentelemetry-instrumentation-flask", "opentelemetry-instrumentation-requests"}
    assert not found & {"opentelemetry-instrumentation-django", "opentelemetry-instrumentation-fastapi"}
    evidence.text("What opentelemetry-bootstrap would install", listed.stdout)
