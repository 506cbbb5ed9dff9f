"""The first service calls the second, which disappears from the registry when it ends."""

import time
from itertools import product

import pytest
import requests

from fixtures.waiting import eventually
from reference.service_discovery.instance import Instance
from reference.service_discovery.register.draining import DRAIN
from reference.service_discovery.register.registration import gone_within


class TestCallsBetweenServices:
    @pytest.mark.claim("disc-3")
    def test_service_calls_another_by_its_name(self, providers):
        first, second = providers("first", "second")

        answer = first.get("call/second")

        assert answer == {"service": "second", "port": second.port, "pid": second.process.pid}

    @pytest.mark.claim(
        "disc-13", "none", shows="published", fails_with="^NoInstance: no instance of 'second' is registered"
    )
    def test_published_call_dereferences_none(self, registry, library):
        registry.remember("second")

        with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'host'"):
            library.call("second")

    @pytest.mark.claim("disc-13", "none", shows="corrected", fails_with="^AssertionError: assert 500 == 503")
    def test_call_reports_that_no_instance_is_registered(self, registry, provider):
        registry.remember("second")
        first = provider("first")

        answer = requests.get(f"http://{first.address}/call/second", timeout=5)

        assert answer.status_code == 503
        assert answer.json() == {"error": "no instance of 'second' is registered"}


class TestDeregistration:
    """The node lives as long as the session."""

    @pytest.mark.claim("disc-4")
    def test_stopped_service_disappears_at_once(self, provider, registry):
        users = provider("users")

        users.stop()

        assert registry.nodes("users") == []

    @pytest.mark.claim("disc-4")
    def test_stopped_process_leaves_anothers_node(self, registry, registering):
        users = Instance("users.example", 8080)
        first, connection = registering("users", users)
        assert first.wait(5)
        second, _ = registering("users", users)
        assert second.wait(5)
        node = registry.client.exists(first.path)
        assert node.ephemeralOwner == connection.session

        second.close()
        # One that had been deleted would be another by now, since the first process registers again.
        assert registry.client.exists(first.path).czxid == node.czxid

        first.close()
        assert registry.nodes("users") == []

    @pytest.mark.claim("disc-4")
    def test_stop_deregisters_before_it_drains(self, provider, registry, background_threads):
        users = provider("users")
        answers = []
        (asking,) = background_threads(1, lambda: answers.append(users.get("long", within=30)))
        eventually(users.is_asked, within=5)

        users.process.terminate()
        eventually(lambda: not registry.nodes("users"), within=5)
        # Callers that found it just before may still come; it waits for the request that is under way, however long.
        until = time.monotonic() + 3 * DRAIN
        while time.monotonic() < until:
            assert users.get("") == {"service": "users", "port": users.port, "pid": users.process.pid}
        assert answers == []
        users.finish()

        asking.join(5)
        assert answers == ["a long answer"]
        users.process.wait(5)

    @pytest.mark.claim("disc-4")
    @pytest.mark.parametrize("tick", [1, 2, 3, 7, 60, 61, 500, 2000, 3000, 59_999])
    def test_stated_bound_covers_the_rounding_of_zookeeper(self, tick):
        # No hypothesis here: it refuses to run beside kazoo's threads, which draw random numbers.
        heartbeats = {start + part for start in (0, 10**13) for part in (0, 1, tick // 3, tick // 2, tick - 1)}
        for ticks, heartbeat in product(range(2, 21), heartbeats):
            timeout = tick * ticks  # milliseconds; the shortest and the longest that a server grants are among them
            # ZooKeeper ends sessions by whole ticks: ExpiryQueue.roundToNextInterval.
            ended = ((heartbeat + timeout) // tick + 1) * tick

            assert (ended - heartbeat) / 1000 + 0.5 <= gone_within(timeout / 1000) + 1e-6

    @pytest.mark.claim("disc-4")
    def test_published_stop_leaves_the_node_to_the_session(self, provider, registry):
        def left_behind():
            users = provider("users", implementation="published")
            users.stop()
            return users.address in registry.addresses("users")

        # On a slow machine its session may be over by the time that the registry is asked.
        eventually(left_behind, within=60)

    @pytest.mark.claim("disc-4")
    def test_killed_service_disappears_within_the_bound(self, providers, registry, expired, stopwatch, evidence):
        killed, collapsed = providers("users", "users")
        both = registry.addresses("users")

        killed.kill()
        collapsed.collapse()
        assert registry.addresses("users") == both
        with stopwatch() as took:
            eventually(lambda: not registry.nodes("users"), within=expired)

        evidence.json("seconds", {"took": took.seconds, "stated": expired})
