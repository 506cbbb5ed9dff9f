"""From a service to the collector, and from there to Jaeger: which settings deliver, and which lose everything."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from fixtures.waiting import eventually
from reference.service_telemetry import check, collector_configuration
from scenarios.service_telemetry.arrivals import accepted, arrived, exposed, jaeger_traces, own_count, send_one_of_each
from scenarios.service_telemetry.collecting import MADE, PUBLISHED, ask_collector, kept, one_span
from scenarios.service_telemetry.endpoints import ALL, FORMS

TLS = "first record does not look like a TLS handshake"
DEADLINE = {"within": 60, "every": 0.2}


@pytest.fixture(scope="module")
def sent(opentelemetry, collector):
    """Return what was sent under a form of the endpoint, by row and way; all are sent at once."""

    def send(row_and_way):
        row, way = row_and_way
        variables = FORMS[row].variables(way, str(collector.address("grpc")), str(collector.address("http")))
        return send_one_of_each(opentelemetry, f"{row} {way}".replace(" ", "-"), variables)

    every = [(row, way) for row in FORMS for way in ("published", "corrected")]
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(every, pool.map(send, every), strict=True))


class TestFormsOfAnEndpoint:
    """Between a service and the collector, whose ports do not speak TLS."""

    @pytest.mark.claim("otel-8", "endpoint", shows="published", fails_with="AssertionError: nothing arrives")
    @pytest.mark.parametrize("row", FORMS)
    def test_published_endpoint_delivers_nothing(self, row, way, sent, collector, jaeger, evidence):
        service, said = sent[row, way].service, sent[row, way].said

        # Whatever was sent after it has arrived, and the service has ended, with its last attempt behind it.
        eventually(lambda: arrived(sent["document", "corrected"].service, collector, jaeger) == ALL, **DEADLINE)
        assert arrived(service, collector, jaeger) == set(), "nothing arrives"
        assert re.search(FORMS[row].says, said)
        evidence.text(f"{row}: what the service says", _without_stacks(said))

    @pytest.mark.claim("otel-8", "endpoint", shows="corrected", fails_with="NotWithin: all that was sent arrives")
    @pytest.mark.parametrize("row", FORMS)
    def test_corrected_endpoint_delivers(self, row, way, sent, collector, jaeger):
        service = sent[row, way].service

        within = 3 if way == "published" else 60
        eventually(
            lambda: arrived(service, collector, jaeger) == FORMS[row].arrives,
            within=within,
            message="all that was sent arrives",
        )


class TestFromTheCollectorToJaeger:
    """The collector's exporter assumes TLS, too."""

    @pytest.fixture
    def behind(self, way, environment):
        """The collector of this way."""
        return environment["collector-published" if way == "published" else "collector"]

    @pytest.fixture
    def service(self, way, behind, opentelemetry, request):
        """The name of a service whose telemetry the collector has accepted."""
        before = accepted(behind)["traces"]
        form = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{behind.address('grpc')}"}
        name = send_one_of_each(opentelemetry, f"{request.node.name}-{way}", form).service
        eventually(lambda: accepted(behind)["traces"] > before, **DEADLINE)
        return name

    @pytest.mark.claim("otel-8", "exporter", shows="published", fails_with="NotWithin: the collector says why")
    def test_published_exporter_never_reaches_jaeger(self, service, behind, jaeger, way, evidence):
        within = 60 if way == "published" else 5
        eventually(lambda: TLS in behind.log(100_000), within=within, message="the collector says why")

        assert own_count(behind, "otelcol_exporter_sent_spans") == 0
        assert jaeger_traces(jaeger, service) == []
        assert behind.alive()
        assert requests.get(f"http://{behind.address('health')}", timeout=10).ok  # it calls itself healthy
        said = next(line for line in behind.log(100_000).splitlines() if TLS in line)
        evidence.text("What the collector says", said)

    @pytest.mark.claim("otel-8", "exporter", shows="corrected", fails_with="NotWithin: the trace is in Jaeger")
    def test_corrected_exporter_reaches_jaeger(self, service, behind, jaeger, way):
        within = 60 if way == "corrected" else 5

        eventually(lambda: jaeger_traces(jaeger, service), within=within, message="the trace is in Jaeger")
        assert kept()["collector"] == collector_configuration()


class TestWhereExtensionsListen:
    """Without an address, on localhost, which in a container nobody else reaches."""

    @pytest.fixture
    def effective(self, way, environment):
        """The whole configuration of this way, with the collector's defaults."""
        configuration = PUBLISHED if way == "published" else collector_configuration()
        return ask_collector(environment, "print-config", configuration)

    @pytest.mark.claim("otel-14", "extensions", shows="published", fails_with="assert .* == ")
    def test_published_extensions_listen_on_localhost(self, effective):
        assert _addresses(effective) == {
            "health_check": "localhost:13133",
            "pprof": "localhost:1777",
            "zpages": "localhost:55679",
        }

    @pytest.mark.claim("otel-14", "extensions", shows="corrected", fails_with="assert .* == ")
    def test_corrected_extensions_listen_everywhere(self, effective):
        assert _addresses(effective) == {
            "health_check": "0.0.0.0:13133",
            "pprof": "0.0.0.0:1777",
            "zpages": "0.0.0.0:55679",
        }


@pytest.mark.claim("otel-17")
@pytest.mark.parametrize(("protocol", "port"), [("grpc", "grpc"), ("http/protobuf", "http")])
def test_check_finds_every_signal_at_every_hop(protocol, port, collector, jaeger):
    prometheus = f"http://{collector.address('prometheus')}/metrics"

    hops = list(check(f"http://{collector.address(port)}", protocol, jaeger=jaeger.url, prometheus=prometheus))

    assert [(hop.signal, hop.place, hop.arrived, hop.why) for hop in hops] == [
        ("traces", "collector", True, ""),
        ("metrics", "collector", True, ""),
        ("logs", "collector", True, ""),
        ("traces", "jaeger", True, ""),
        ("metrics", "prometheus", True, ""),
    ]


@pytest.mark.claim("otel-17")
def test_check_says_why_published_settings_fail(environment, jaeger, evidence):
    collector = environment["collector-published"]

    first, *_ = check(str(collector.address("grpc")))
    hops = list(check(f"http://{collector.address('grpc')}", jaeger=jaeger.url, patience=1))

    assert not first.arrived
    assert "has no scheme, so TLS is assumed" in first.why
    assert [hop.place for hop in hops if not hop.arrived] == ["jaeger"]
    assert "the collector's exporter assumes TLS" in hops[-1].why
    evidence.text("What check says", f"{first.why}\n{hops[-1].why}")


@pytest.mark.claim("otel-3")
@pytest.mark.parametrize("row", ["document", "HTTP with a path for all"], ids=["grpc", "http"])
def test_collector_takes_every_signal(row, sent, collector, jaeger):
    service = sent[row, "corrected"].service

    eventually(lambda: arrived(service, collector, jaeger) == ALL, **DEADLINE)
    assert any(
        line.startswith("default_probe_count_total{") and f'job="{service}"' in line for line in exposed(collector)
    )
    assert "a record of the probe" in collector.log(100_000)


@pytest.mark.claim("otel-3")
@pytest.mark.parametrize(
    ("port", "path", "says"),
    [
        ("health", "/", "Server available"),
        ("pprof", "/debug/pprof/", "goroutine"),
        ("pprof", "/debug/pprof/cmdline", "collector.yaml"),
        ("zpages", "/debug/servicez", "Pipelines"),
        ("zpages", "/debug/pipelinez", "otlp_grpc/jaeger"),
        ("zpages", "/debug/extensionz", "health_check"),
    ],
)
def test_extension_answers(port, path, says, collector):
    answer = requests.get(f"http://{collector.address(port)}{path}", timeout=10)

    assert answer.status_code == 200
    assert says in answer.text


@pytest.mark.claim("otel-3")
def test_collector_sends_spans_in_batches(collector):
    batches, sizes = (f"otelcol_processor_batch_batch_send_size_{what}" for what in ("count", "sum"))
    before = own_count(collector, batches), own_count(collector, sizes)
    with requests.Session() as session:
        for number in range(40):
            session.post(f"{collector.url}/v1/traces", json=one_span(number, "batches"), timeout=10).raise_for_status()

    eventually(lambda: own_count(collector, sizes) == before[1] + 40, **DEADLINE)
    assert 0 < own_count(collector, batches) - before[0] < 40


@pytest.mark.claim("otel-3")
def test_collector_accepts_every_configuration(environment):
    assert kept() == {name: collector_configuration(**options) for name, options in MADE.items()}
    for configuration in (PUBLISHED, *kept().values(), collector_configuration(slow_seconds=0.5, share_percent=1)):
        ask_collector(environment, "validate", configuration)


@pytest.mark.claim("otel-12")
def test_each_signal_goes_to_a_collector_of_its_own(environment, opentelemetry, jaeger):
    collectors = {signal: environment[f"collector-{signal}"] for signal in ("traces", "metrics", "logs")}
    before = {signal: accepted(collector) for signal, collector in collectors.items()}
    endpoints = {
        f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT": f"http://{collector.address('grpc')}"
        for signal, collector in collectors.items()
    }

    service = send_one_of_each(opentelemetry, "apart", endpoints).service

    eventually(lambda: jaeger_traces(jaeger, service), **DEADLINE)
    eventually(lambda: any(f'job="{service}"' in line for line in exposed(collectors["metrics"])), **DEADLINE)
    eventually(lambda: f"service.name: Str({service})" in collectors["logs"].log(100_000), **DEADLINE)
    for signal, collector in collectors.items():
        more = {key: count - before[signal][key] for key, count in accepted(collector).items()}
        assert {key for key, count in more.items() if count} == {signal}


@pytest.mark.claim("otel-12")
def test_collector_of_one_signal_refuses_the_others(environment):
    collector = environment["collector-logs"]

    assert requests.post(f"{collector.url}/v1/logs", json={}, timeout=10).status_code == 200
    assert requests.post(f"{collector.url}/v1/traces", json=one_span(0, "batches"), timeout=10).status_code == 404


def _addresses(configuration):
    return {name: each["endpoint"] for name, each in configuration["extensions"].items()}


def _without_stacks(said):
    return "\n".join(line[:300] for line in said.splitlines() if not line.startswith(" "))
