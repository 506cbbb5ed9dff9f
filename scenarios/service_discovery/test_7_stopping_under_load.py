"""Beyond the document: a service that gets SIGTERM while it is called, under the server that it is deployed with."""

import contextlib
import time

import pytest
import requests

from fixtures.waiting import eventually
from scenarios.service_discovery.calls import Calls

# The sync worker does one request at a time: a second one serves while the first is at the long answer.
SERVERS = {
    "sync": {"workers": 2, "options": ["--worker-class=sync"]},
    "gthread": {"workers": 1, "options": ["--worker-class=gthread", "--threads=8"]},
}
PRELOADED = {"workers": 1, "options": ["--worker-class=gthread", "--threads=8", "--preload"]}


@pytest.fixture
def long_request(background_threads):
    """Return a function that sends a request for the long answer, and waits until it is under way.

    It returns the thread of the request, and the list that will have the answer.
    """

    def ask(provider):
        answers = []

        def long():
            with contextlib.suppress(requests.RequestException):
                answers.append(provider.get("long", within=30))

        (thread,) = background_threads(1, long)
        eventually(provider.is_asked, within=10)
        return thread, answers

    return ask


def answers_nothing(provider):
    """Return whether a call is refused, or gets no answer within a second."""
    try:
        provider.get("", within=1)
    except (requests.ConnectionError, requests.Timeout):
        return True
    return False


@pytest.mark.claim("disc-15")
@pytest.mark.parametrize("server", SERVERS)
def test_stop_under_load_fails_no_call(server, providers, registry, cached, long_request, evidence):
    stops, stays = providers("users", "users", **SERVERS[server])
    with Calls(lambda: cached.find("users")) as calls:
        eventually(lambda: calls.go_to(stops.address, stays.address), within=20)
        thread, answers = long_request(stops)
        stopped = time.monotonic()

        stops.process.terminate()

        # While the request is under way, however long it takes: it is called no more, and then it is still there.
        eventually(lambda: registry.addresses("users") == [stays.address], within=10)
        eventually(lambda: calls.go_to(stays.address), within=20)
        assert answers == []
        stops.finish()
        thread.join(10)
        stops.process.wait(20)
        eventually(lambda: calls.go_to(stays.address), within=20)

    assert answers == ["a long answer"]
    assert calls.failed() == []
    evidence.json("seconds from SIGTERM to the last call", calls.to(stops.address)[-1].began - stopped)


@pytest.mark.claim("disc-15")
def test_published_stop_leaves_a_dead_instance(provider, registry, long_request):
    users = provider("users", implementation="published", **SERVERS["gthread"])
    thread, answers = long_request(users)

    users.process.terminate()

    eventually(lambda: answers_nothing(users), within=10)
    assert registry.addresses("users") == [users.address]
    users.finish()
    thread.join(10)
    assert answers == ["a long answer"]


@pytest.mark.claim("disc-15")
def test_stop_deregisters_once_zookeeper_is_back(zookeeper, provider, registry, long_request, tmp_path):
    log = tmp_path / "log"
    users = provider("users", ERRORS=str(log), ZOOKEEPER_CONNECT_TIMEOUT="0.3", start_in="worker", **PRELOADED)
    thread, answers = long_request(users)

    zookeeper.cut()
    users.process.terminate()
    eventually(lambda: "could not be deregistered: no answer from ZooKeeper" in log.read_text(), within=10, every=0.01)
    assert users.get("")["port"] == users.port  # callers cannot know
    zookeeper.mend()

    eventually(lambda: registry.addresses("users") == [], within=10)
    assert answers == []
    users.finish()
    thread.join(10)
    assert answers == ["a long answer"]
    users.process.wait(20)


def test_service_of_the_master_says_it_cannot_drain(provider, tmp_path):
    log = tmp_path / "log"
    users = provider("users", ERRORS=str(log), start_in="factory", **PRELOADED)

    assert users.find("users") == users.address

    assert "pass start=False, and call start in each worker" in log.read_text()
