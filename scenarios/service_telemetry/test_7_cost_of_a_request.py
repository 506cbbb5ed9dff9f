"""What telemetry costs a request, against the same service without it, and where the time goes."""

from contextlib import closing

import pytest
import requests

from scenarios.service_telemetry.costs import Costs, parts, profiled
from scenarios.service_telemetry.profiles import Pprof, profiles_of, requests_for

ROUNDS = 9


@pytest.fixture(scope="module")
def costs(opentelemetry, httpbin, collector, tmp_path_factory):
    """Both services, by what they export to the collector."""
    folder = tmp_path_factory.mktemp("costs")
    with closing(Costs(opentelemetry, folder, f"http://{collector.address('grpc')}", httpbin.url)) as costs:
        yield costs


@pytest.mark.claim("otel-9")
def test_calling_request_costs_at_most_double(costs, versus):
    versus(costs.calling("all"), costs.calling("none"), slower=2, rounds=ROUNDS)


@pytest.mark.claim("otel-9")
def test_computing_request_costs_a_tenth_at_most(costs, versus):
    versus(costs.computing("all"), costs.computing("none"), slower=1.1, rounds=ROUNDS)


@pytest.mark.claim("otel-9")
def test_request_is_little_slower_while_profiled(costs, versus):
    with profiled(costs.service("first", "all", another=True)):
        versus(costs.waiting(another=True), costs.waiting(), slower=1.2, rounds=ROUNDS)


@pytest.mark.claim("otel-9")
def test_most_of_the_cost_is_not_in_the_exporter(costs, tmp_path, evidence):
    service, pprof = costs.service("second", "all"), Pprof(tmp_path)
    with profiles_of(service.pid) as url, requests_for(f"{service.url}/", {}, method="POST"):
        answer = requests.get(url, params={"seconds": 5}, timeout=120)
        answer.raise_for_status()
    file = tmp_path / "cost.pb.gz"
    file.write_bytes(answer.content)

    shares = parts(pprof.stacks(file, of="files"))

    ours = {part: share for part, share in shares.items() if part.startswith("opentelemetry/")}
    exporter = shares.get("grpc", 0) + ours.pop("opentelemetry/exporter", 0)
    assert sum(ours.values()) > exporter
    evidence.json("Shares of the processor time", {part: f"{share:.1%}" for part, share in shares.items()})
