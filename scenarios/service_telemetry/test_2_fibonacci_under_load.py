"""The endpoint that computes Fibonacci numbers, and the script that sends it requests."""

import pytest
import requests

from fixtures.waiting import eventually
from reference.service_telemetry import load
from scenarios.service_telemetry.instrumented import Instrumented


@pytest.mark.claim("otel-13")
def test_every_number_from_1_to_31_is_answered(first):
    fibonacci = [0, 1]
    for n in range(1, 32):
        answer = requests.get(f"{first('corrected').url}/{n}", timeout=60)

        assert (answer.status_code, answer.json()) == (200, {"fibonacci": fibonacci[n]})
        fibonacci.append(fibonacci[-1] + fibonacci[-2])


@pytest.mark.claim("otel-13")
def test_random_load_is_answered_200_throughout(first):
    answered = list(load(first("corrected").url, 20, seed=1))

    assert len(answered) == 20
    assert {each.n for each in answered} <= set(range(1, 32))
    assert max(each.n for each in answered) > 24


@pytest.mark.claim("otel-13")
def test_number_above_the_bound_is_refused_at_once(first):
    answer = requests.get(f"{first('corrected').url}/1000", timeout=20)

    assert answer.status_code == 400
    assert answer.json()["title"] == "n is 1000: at most 31 is computed"


@pytest.mark.claim("otel-13")
def test_published_endpoint_computes_any_number_sent(first):
    service = first("published")
    assert requests.get(f"{service.url}/5", timeout=60).json() == {"fibonacci": 5}

    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{service.url}/100", timeout=3)  # 10 ** 20 additions

    before = service.cpu_seconds()  # it goes on, though nobody waits for the answer
    eventually(lambda: service.cpu_seconds() > before + 0.2, within=60, message="it computes on")


@pytest.fixture(scope="module")
def first(opentelemetry, tmp_path_factory):
    """Return the first service, which needs no second for this endpoint, by way."""
    started = {}

    def service(way):
        if way not in started:
            folder = tmp_path_factory.mktemp(way)
            started[way] = Instrumented("first", way, opentelemetry, folder, {"SECOND": "http://127.0.0.1:1"})
            started[way].wait()
        return started[way]

    yield service
    for each in started.values():
        each.close()
