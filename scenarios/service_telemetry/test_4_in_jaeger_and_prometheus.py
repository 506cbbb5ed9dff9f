"""Both services behind the collector: their trace in Jaeger, their counter in Prometheus, and a way between the two."""

from itertools import pairwise

import pytest
import requests

from fixtures.waiting import eventually
from scenarios.service_telemetry.arrivals import exposed, jaeger_traces
from scenarios.service_telemetry.instrumented import SIGNALS, Pair
from scenarios.service_telemetry.waterfall import Bar, chain, waterfall

SPANS = [("first", "server"), ("first", "client"), ("second", "server"), ("second", "client")]
COUNTER = "default_first_request_count_total"
BUCKETS = "default_httpbin_latency_seconds_bucket"
DEADLINE = {"within": 60, "every": 0.2}


@pytest.fixture(scope="module")
def collected(opentelemetry, httpbin, collector, tmp_path_factory):
    """The pair of services after ten requests; every signal goes to the console and to the collector."""
    options = [word for signal in SIGNALS for word in (f"--{signal}_exporter", "console,otlp")]
    folder = tmp_path_factory.mktemp("collected")
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector.address('grpc')}"}
    pair = Pair("corrected", opentelemetry, folder, httpbin.url, options, endpoint)
    try:
        assert {answer.status_code for answer in pair.post(10)} == {200}
        yield pair
    finally:
        pair.close()


@pytest.fixture(scope="module")
def traces(collected, jaeger):
    """The traces of the ten requests as Jaeger returns them."""
    assert collected.requests == 10

    def complete():
        found = [trace for trace in jaeger_traces(jaeger, "first") if len(trace["spans"]) == len(SPANS)]
        return found if len(found) == 10 else None

    return eventually(complete, message="ten whole traces are in Jaeger", **DEADLINE)


@pytest.mark.claim("otel-4")
@pytest.mark.claim("otel-2")
def test_jaeger_returns_one_trace_of_both_services(traces, evidence):
    for trace in traces:
        spans = [Bar.of_jaeger(span, trace["processes"]) for span in trace["spans"]]
        found = chain(spans, trace["traceID"])

        assert [(span.service, span.kind) for span in found] == SPANS
        assert [child.parent for child in found] == ["", *(parent.identity for parent in found[:-1])]
        assert all(parent.start <= child.start <= child.end <= parent.end for parent, child in pairwise(found))
    evidence.figure("A request, as Jaeger has it", waterfall(found))


@pytest.mark.claim("otel-4")
def test_jaeger_finds_the_trace_by_its_identity(traces, jaeger):
    wanted = traces[0]["traceID"]

    answer = requests.get(f"{jaeger.url}/api/traces/{wanted}", timeout=10)

    (trace,) = answer.json()["data"]
    assert {span["traceID"] for span in trace["spans"]} == {wanted}
    assert len(trace["spans"]) == len(SPANS)


@pytest.mark.claim("otel-2")
def test_jaeger_has_the_attributes_of_the_console(traces, collected, evidence):
    printed = {span["context"]["span_id"].removeprefix("0x"): span for span in collected.first.spans()}
    compared = 0
    for span in (span for trace in traces for span in trace["spans"] if span["spanID"] in printed):
        tags = {tag["key"]: tag["value"] for tag in span["tags"]}

        console = printed[span["spanID"]]
        assert {key: tags[key] for key in console["attributes"]} == console["attributes"]
        assert span["operationName"] == console["name"]
        compared += 1
    assert compared == 20
    evidence.json("A span in Jaeger", span)


@pytest.mark.claim("otel-5")
def test_counter_is_ten_on_the_console(collected, evidence):
    printed = eventually(lambda: _counted(collected), message="ten requests are printed", **DEADLINE)

    (point,) = printed["data"]["data_points"]
    assert (point["value"], point["attributes"]) == (10, {"env": "dev"})
    assert (printed["unit"], printed["data"]["is_monotonic"]) == ("1", True)
    assert printed["data"]["aggregation_temporality"] == 2  # cumulative
    evidence.json("The counter on the console", printed)


@pytest.mark.claim("otel-5")
@pytest.mark.usefixtures("collected")
def test_counter_is_ten_at_the_collectors_endpoint(collector):
    def value():
        return [float(line.split("} ")[1].split()[0]) for line in exposed(collector) if line.startswith(COUNTER + "{")]

    eventually(lambda: value() == [10], message="the collector shows ten", **DEADLINE)


@pytest.mark.claim("otel-5")
@pytest.mark.usefixtures("collected")
def test_counter_is_ten_in_prometheus(prometheus, evidence):
    def value():
        return [each["value"][1] for each in _query(prometheus, f'sum by (env) ({COUNTER}{{exported_job="first"}})')]

    eventually(lambda: value() == ["10"], message="Prometheus has ten", **DEADLINE)
    evidence.json("The counter in Prometheus", _query(prometheus, COUNTER))


@pytest.mark.claim("otel-5")
def test_exemplar_leads_from_histogram_to_trace(prometheus, jaeger, traces, evidence):
    ours = {trace["traceID"] for trace in traces}
    span = {"query": BUCKETS, "start": min(_start(trace) for trace in traces) - 60, "end": 2**32}

    def leading():
        answer = requests.get(f"{prometheus.url}/api/v1/query_exemplars", params=span, timeout=10).json()
        return [each["labels"] for series in answer["data"] for each in series["exemplars"] if each["labels"]]

    exemplars = eventually(leading, message="Prometheus has exemplars", **DEADLINE)
    assert {labels["trace_id"] for labels in exemplars} <= ours
    answer = requests.get(f"{jaeger.url}/api/traces/{exemplars[0]['trace_id']}", timeout=10).json()
    assert exemplars[0]["span_id"] in {each["spanID"] for each in answer["data"][0]["spans"]}
    evidence.json("Exemplars", exemplars)


def _counted(pair):
    printed = pair.first.metric("first.request.count")
    return printed if printed and printed["data"]["data_points"][0]["value"] == pair.requests else None


def _query(prometheus, expression):
    answer = requests.get(f"{prometheus.url}/api/v1/query", params={"query": expression}, timeout=10).json()
    assert answer["status"] == "success", answer
    return answer["data"]["result"]


def _start(trace):
    return min(span["startTime"] for span in trace["spans"]) / 1e6
