"""Beyond the document: ZooKeeper as it is deployed, an ensemble of three servers, and the loss of its leader."""

import socket
import time
from functools import partial

import pytest
from kazoo.client import KazooClient

from fixtures.waiting import eventually
from reference.service_discovery.errors import Unreachable
from reference.service_discovery.instance import Instance
from reference.service_discovery.lookup.cache import CachedDiscovery
from reference.service_discovery.register.registration import gone_within
from scenarios.service_discovery.calls import Calls
from scenarios.service_discovery.ensemble import Ensemble

STAY = tuple(Instance("users.example", port) for port in range(1, 5))
LEAVES, COMES = (Instance("users.example", port) for port in (5, 6))


@pytest.fixture(scope="module")
def ensemble(environment):
    """Three servers, of which one leads."""
    return Ensemble(environment)


@pytest.fixture
def connecting(connect, ensemble):
    """Open connections to the ensemble, or to some of its servers."""
    return lambda to=None, **options: connect(to or ensemble.hosts, session_timeout=ensemble.session_timeout, **options)


@pytest.fixture
def unreachable():
    """The address of a machine that is gone: an attempt to connect gets no answer at all."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        host, port = listener.getsockname()
        waiting = [socket.socket() for _ in range(4)]  # they fill the queue of connections that nobody accepts
        for each in waiting:
            each.setblocking(False)
            each.connect_ex((host, port))
        yield f"{host}:{port}"
        for each in waiting:
            each.close()


@pytest.mark.claim("disc-15")
def test_lookups_and_registrations_outlast_the_leader(ensemble, connecting, registering, starting, evidence):
    first = {each: registering("users", each, connecting())[0] for each in (*STAY, LEAVES)}
    assert all(registration.wait(20) for registration in first.values())
    dies = starting("users", ZOOKEEPER=ensemble.hosts, ZOOKEEPER_GRACE=str(ensemble.session_timeout))
    lookups, leader = CachedDiscovery(connecting(), grace=60), ensemble.leader()

    with Calls(lambda: lookups.find("users"), call=lambda _: None) as calls:
        eventually(lambda: calls.to(dies.address), within=20)
        leader.kill()
        dies.kill()
        comes, _ = registering("users", COMES, connecting(connect_timeout=20))  # the others elect a leader first
        eventually(first[LEAVES].close, within=30)
        assert comes.wait(30)
        new, elected = ensemble.leader(but=leader), time.monotonic()
        eventually(lambda: calls.go_to(*map(str, (*STAY, COMES)), latest=100), within=20)
        leader.restart()

    assert new is not leader
    assert calls.failed() == []
    assert ensemble.instances("users") == [*STAY, COMES]
    evidence.json("seconds from the election to the last call of the dead", calls.to(dies.address)[-1].began - elected)
    lookups.close()


@pytest.mark.claim("disc-15")
def test_server_without_a_leader_confirms_nothing(ensemble, connecting, registering):
    registration, _ = registering("users", STAY[0], connection=connecting())
    assert registration.wait(20)
    leader, follower = ensemble.leader(), ensemble.follower()
    grace = ensemble.session_timeout
    with CachedDiscovery(connecting(follower.url, connect_timeout=1), grace=grace) as lookups:
        assert lookups.find("users") == STAY[0]

        leader.pause()
        # The follower still answers with its last state: a lookup that relied on it could be stale for ever.
        eventually(lambda: _is_refused(lookups), within=gone_within(grace) + grace)
        leader.resume()

        eventually(lambda: lookups.find("users") == STAY[0], within=20, despite=Unreachable)


def test_machine_that_is_gone_delays_no_connection(ensemble, connecting, unreachable):
    in_order = partial(KazooClient, randomize_hosts=False)
    connection = connecting(f"{unreachable},{ensemble.hosts}", connect_timeout=1.5, client_class=in_order)

    assert connection.ask(lambda client: client.exists_async("/")) is not None


def _is_refused(lookups):
    try:
        lookups.find("users")
    except Unreachable:
        return True
    return False
