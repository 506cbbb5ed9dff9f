"""The cost of telemetry: a request beside that of the same service without it, and while it is profiled."""

from contextlib import closing

import pytest

from fixtures.venvs import venv
from scenarios.service_telemetry.costs import Costs, profiled

ROUNDS = 9


@pytest.fixture(scope="module")
def costs(httpbin, collector, tmp_path_factory):
    """Both services, by what they export to the collector."""
    folder = tmp_path_factory.mktemp("costs")
    with closing(Costs(venv("otel"), folder, f"http://{collector.address('grpc')}", httpbin.url)) as costs:
        yield costs


def test_traces_of_a_calling_request(versus, costs):
    versus(costs.calling("traces"), costs.calling("none"), rounds=ROUNDS, memory=False)


def test_all_signals_of_a_calling_request(versus, costs):
    versus(costs.calling("all"), costs.calling("none"), rounds=ROUNDS, memory=False)


def test_all_signals_of_a_computing_request(versus, costs):
    versus(costs.computing("all"), costs.computing("none"), rounds=ROUNDS, memory=False)


def test_profiler_of_a_computing_request(versus, costs):
    with profiled(costs.service("first", "all", another=True)):
        versus(costs.waiting(another=True), costs.waiting(), rounds=ROUNDS, memory=False)
