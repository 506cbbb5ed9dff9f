"""The first service calls the second, which disappears from the registry when it ends."""

import pytest
import requests

from fixtures.waiting import eventually


class TestACall:
    @pytest.mark.claim("disc-3")
    def test_first_service_calls_second_without_its_address(self, providers):
        first, second = providers("first", "second")

        answer = first.get("call/second")

        assert answer == {"service": "second", "port": second.port, "pid": second.process.pid}

    @pytest.mark.claim("disc-13", shows="published")
    def test_published_call_dereferences_none(self, registry, library):
        registry.remember("second")

        with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'host'"):
            library.call("second")

    @pytest.mark.claim("disc-13", shows="corrected")
    def test_call_reports_that_no_instance_is_registered(self, registry, provider):
        registry.remember("second")
        first = provider("first")

        answer = requests.get(f"http://{first.address}/call/second", timeout=5)

        assert (answer.status_code, answer.json()) == (503, {"error": "no instance of 'second' is registered"})


class TestTheEnd:
    """The node lives as long as the session."""

    @pytest.mark.claim("disc-4")
    def test_stopped_service_disappears_at_once(self, provider, registry):
        users = provider("users")

        users.stop()

        assert registry.nodes("users") == []

    @pytest.mark.claim("disc-4")
    def test_published_stop_leaves_the_node_to_the_session(self, provider, registry):
        users = provider("users", implementation="published")

        users.stop()

        assert registry.addresses("users") == [users.address]

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
