"""Looking a service up: a random live instance, the content of its node, and the enumeration of known services."""

from collections import Counter

import pytest
from kazoo.exceptions import NoNodeError

from fixtures.waiting import eventually
from reference.service_discovery.errors import BadInput
from reference.service_discovery.instance import Instance
from reference.service_discovery.lookup.discovery import Discovery
from reference.service_discovery.names import KnownServices
from reference.service_discovery.register.health import HealthCheck


class TestLookup:
    @pytest.mark.claim("disc-2")
    def test_lookup_returns_a_random_live_instance(self, providers, library):
        some = providers("users", "users", "users")

        found = Counter(library.find("users") for _ in range(100))

        # Each is missed a hundred times with a probability of (2/3) ** 100, which is below 1e-17.
        assert found.keys() == {each.address for each in some}

    @pytest.mark.claim("disc-2")
    def test_lookup_returns_none_when_there_is_none(self, provider, registry, library):
        users = provider("users")
        users.stop()

        assert registry.services() == ["users"]
        assert library.find("users") is None

    @pytest.mark.claim("disc-2")
    def test_lookup_omits_a_malformed_node(self, provider, registry, library):
        users = provider("users")
        for number, data in enumerate((b"", b"[]", b'{"host": "a"}', b'{"host": "a", "port": 0}')):
            registry.client.create(f"/providers/users/{number}", data)

        assert {library.find("users") for _ in range(100)} == {users.address}

    @pytest.mark.claim("disc-2")
    @pytest.mark.parametrize("failure", ["returns False", "raises", "hangs"])
    def test_lookup_omits_an_unhealthy_instance(self, failure, registering, failing_check, library):
        health = HealthCheck(failing_check, every=0.05, within=0.2)
        users = Instance("users.example", 8080)
        registration, _ = registering("users", users, health=health)
        assert registration.wait(5)
        assert library.find("users") == str(users)

        failing_check.fail(failure)
        eventually(lambda: library.find("users") is None, within=5)
        failing_check.recover()

        eventually(lambda: library.find("users") == str(users), within=5)

    @pytest.mark.claim("disc-2")
    def test_unhealthy_instance_is_not_registered_again(self, registry, registering, failing_check):
        registration, _ = registering(
            "users", Instance("users.example", 8080), health=HealthCheck(failing_check, every=0.02)
        )
        assert registration.wait(5)
        failing_check.fail("returns False")
        eventually(lambda: not registry.nodes("users"), within=5)
        changes, calls = registry.client.exists("/providers/users").cversion, failing_check.calls

        eventually(lambda: failing_check.calls > calls + 20, within=10)

        assert registry.client.exists("/providers/users").cversion == changes

    @pytest.mark.claim("disc-2")
    def test_alternating_health_check_keeps_the_node(self, registry, registering):
        answers = []
        health = HealthCheck(lambda: answers.append(None) or len(answers) % 2, every=0.02)
        registration, _ = registering("users", Instance("users.example", 8080), health=health)
        assert registration.wait(5)
        created = registry.client.exists(registration.path).czxid

        eventually(lambda: len(answers) > 50, within=10)

        assert registry.client.exists(registration.path).czxid == created

    @pytest.mark.claim("disc-10", "unknown service", shows="published", fails_with="DID NOT RAISE .*NoNodeError")
    def test_published_lookup_raises_if_unknown(self, library):
        with pytest.raises(NoNodeError):
            library.find("users")

    @pytest.mark.claim("disc-10", "unknown service", shows="corrected", fails_with="^NoNodeError")
    def test_lookup_returns_none_for_an_unknown_service(self, library):
        assert library.find("users") is None

    @pytest.mark.claim("disc-10", "vanished node", shows="published", fails_with="DID NOT RAISE .*NoNodeError")
    def test_published_lookup_raises_for_a_vanished_node(self, vanishing, library):
        library.made_of(vanishing("users"))

        with pytest.raises(NoNodeError):
            library.find("users")

    @pytest.mark.claim("disc-10", "vanished node", shows="corrected", fails_with="^NoNodeError")
    def test_lookup_returns_none_for_a_vanished_node(self, vanishing, library):
        library.made_of(vanishing("users"))

        assert library.find("users") is None


class TestReadingANode:
    """A tuple with the host and the port, and a stat."""

    @pytest.mark.claim("disc-13", "bytes and stat", shows="published", fails_with="DID NOT RAISE .*ValueError")
    def test_published_read_cannot_unpack_bytes_and_stat(self, provider, registry, library):
        provider("users")
        (node,) = registry.nodes("users")

        with pytest.raises(ValueError, match="too many values to unpack"):
            library.read(node.path)

    @pytest.mark.claim(
        "disc-13",
        "bytes and stat",
        shows="corrected",
        fails_with=r"^ValueError: too many values to unpack \(expected 2\)",
    )
    def test_read_decodes_host_and_port(self, provider, registry, library):
        users = provider("users")
        (node,) = registry.nodes("users")

        assert library.read(node.path) == users.address


class TestTheEnumeration:
    @pytest.mark.claim("disc-7")
    def test_enumeration_names_the_known_services(self, providers, registry, connect):
        class Known(KnownServices):
            EMAIL_SERVICE = "email"
            USERS_SERVICE = "users"

        email, users = providers("email", "users")
        registry.remember("no service")
        discovery = Discovery(connect())

        assert str(discovery.find(Known.EMAIL_SERVICE)) == email.address
        assert str(discovery.find(Known.USERS_SERVICE)) == users.address
        assert discovery.services() == list(Known)
        with pytest.raises(BadInput, match="cannot name a service"):

            class Unknown(KnownServices):
                EMAIL_SERVICE = "/email"

    @pytest.mark.claim("disc-13", "enumeration", shows="published", fails_with="DID NOT RAISE .*TypeError")
    def test_published_enumeration_hides_the_class(self, provider, library):
        provider("email")

        with pytest.raises(TypeError, match="unexpected keyword argument 'host'"):
            library.find(library.enumerate())

    @pytest.mark.claim(
        "disc-13", "enumeration", shows="corrected", fails_with="^TypeError: .*unexpected keyword argument 'host'"
    )
    def test_enumeration_does_not_affect_the_lookup(self, provider, library):
        email = provider("email")

        assert library.find(library.enumerate()) == email.address
