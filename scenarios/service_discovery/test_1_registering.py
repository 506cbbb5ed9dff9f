"""A service connects and registers as it starts, and stays registered: the client, the node, the listener."""

import json
import socket
from uuid import UUID

import pytest
import requests
from kazoo.exceptions import ConnectionClosedError
from kazoo.handlers.threading import KazooTimeoutError

from fixtures.waiting import eventually
from reference.service_discovery.errors import Unreachable
from reference.service_discovery.instance import Instance
from reference.service_discovery.lookup.discovery import Discovery
from reference.service_discovery.names import instance_path
from reference.service_discovery.register.registration import Registration
from reference.service_discovery.zookeeper.connection import CONNECT_TIMEOUT, Connection
from reference.service_discovery.zookeeper.credential import Credential
from scenarios.service_discovery import published
from scenarios.service_discovery.first_use import HANGS, come_while_one_connects
from scenarios.service_discovery.ways import Published

HERE = Instance("users.example", 8080)


class TestConnecting:
    """The client starts within five seconds or raises."""

    @pytest.mark.claim("disc-6")
    @pytest.mark.parametrize("server", ["absent", "silent"])
    def test_connecting_raises_within_the_timeout(self, server, unanswering, stopwatch):
        connection = Connection(unanswering(server), connect_timeout=0.5)

        with stopwatch() as took, pytest.raises(Unreachable, match=r"no connection .* within 0\.5 s"):
            connection.client()

        assert 0.5 <= took.seconds < 1
        assert published.CONNECT_TIMEOUT == CONNECT_TIMEOUT == 5

    @pytest.mark.claim("disc-6")
    def test_asking_raises_when_the_server_falls_silent(self, zookeeper, connect, refusal):
        discovery = Discovery(connect(connect_timeout=0.5))
        assert discovery.find("users") is None

        zookeeper.pause()
        error, seconds = refusal(lambda: discovery.find("users"))
        zookeeper.resume()

        assert str(error) == f"no answer from ZooKeeper at {zookeeper.url} within 0.5 s"
        # The timeout is the most that it takes: a retry is not begun whose pause (0.2 s at most) would end too late.
        assert 0.5 - 0.2 <= seconds < 1

    @pytest.mark.claim("disc-6")
    def test_second_attempt_to_connect_succeeds(self, zookeeper, connect, hosts, session_timeout, monkeypatch):
        corrected, library = connect(connect_timeout=0.5), Published(hosts, session_timeout, monkeypatch)
        monkeypatch.setattr(published, "CONNECT_TIMEOUT", 0.5)
        zookeeper.cut()
        with pytest.raises(Unreachable):
            corrected.client()
        with pytest.raises(KazooTimeoutError):
            library.connect()
        zookeeper.mend()

        assert corrected.client().exists("/")
        with pytest.raises(ConnectionClosedError):
            library.find("users")

    @pytest.mark.claim("disc-6")
    @pytest.mark.parametrize("at_start", ["fail", "wait"])
    def test_start_without_zookeeper_raises_or_waits(self, at_start, zookeeper, hosts, registry, caplog, extension):
        zookeeper.cut()
        if at_start == "fail":
            with pytest.raises(Unreachable, match="no connection to ZooKeeper"):
                extension(at_start)
            zookeeper.mend()
            discovery = extension(at_start)  # the second attempt
        else:
            discovery = extension(at_start)
            with pytest.raises(Unreachable):
                discovery.lookup.find("users")
            zookeeper.mend()

        assert discovery.registration.wait(10)
        eventually(lambda: str(discovery.lookup.find("users")) == registry.addresses("users")[0], within=5)

    @pytest.mark.claim("disc-6")
    def test_registration_is_tried_until_zookeeper_answers(self, zookeeper, connect, registry, caplog):
        zookeeper.cut()
        waiting = Registration(connect(connect_timeout=0.2), "users", HERE, listening=lambda: True, at_start="wait")
        with waiting:
            eventually(lambda: "is not registered yet: no connection to ZooKeeper" in caplog.text, within=10)
            zookeeper.mend()

            assert waiting.wait(10)
            assert registry.addresses("users") == [str(HERE)]


class TestFirstUseOfTheClient:
    """As published, the client is a variable of a module, created by the first caller."""

    @pytest.mark.claim("disc-11", "threads", shows="published", fails_with=r"^AssertionError: assert \[<class 'str'")
    def test_published_first_use_fails_concurrent_threads(self, provider, library):
        users = provider("users")

        (first, *others), _ = come_while_one_connects(library, "users", threads=8)

        assert first == users.address
        assert [type(other) for other in others] == [ConnectionClosedError] * 7

    @pytest.mark.claim("disc-11", "threads", shows="corrected", fails_with=r"At index 1 diff: ConnectionClosedError\(")
    def test_first_use_serves_concurrent_threads(self, provider, library):
        users = provider("users")

        found, connections = come_while_one_connects(library, "users", threads=8)

        assert found == [users.address] * 8
        assert connections == 1

    @pytest.mark.claim(
        "disc-11",
        "fork",
        shows="published",
        fails_with=r"\{'child': '[\w.-]+:\d+'\} != \{'child': 'hangs'\}",
    )
    def test_published_lookup_hangs_after_a_fork(self, provider, forked):
        users = provider("users")

        assert forked("users") == {"parent": [users.address, users.address], "child": HANGS}

    @pytest.mark.claim(
        "disc-11", "fork", shows="corrected", fails_with=r"\{'child': 'hangs'\} != \{'child': '[\w.-]+:\d+'\}"
    )
    def test_lookup_works_after_a_fork(self, provider, forked):
        users = provider("users")

        assert forked("users") == {"parent": [users.address, users.address], "child": users.address}


class TestRegisteredNode:
    @pytest.mark.claim("disc-1")
    def test_factory_registers_an_ephemeral_node(self, provider, registry, evidence):
        users = provider("users")

        (node,) = registry.nodes("users")
        assert node.path == f"/providers/users/{UUID(node.path.rpartition('/')[2])}"
        assert json.loads(node.data) == {"host": socket.getfqdn(), "port": users.port}
        assert node.owner == users.facts["session"]
        evidence.json("the node", {"path": node.path, "data": json.loads(node.data), "session": hex(node.owner)})

    @pytest.mark.claim("disc-1")
    def test_registration_replaces_a_persistent_node(self, registry, registering):
        registry.remember("users")
        registry.client.create(instance_path("users", HERE), HERE.to_json())

        registration, connection = registering("users", HERE)

        assert registration.wait(5)
        assert [node.owner for node in registry.nodes("users")] == [connection.session]

    @pytest.mark.claim("disc-1")
    @pytest.mark.parametrize("credential", [None, Credential("users", "secret")], ids=["open", "with a credential"])
    @pytest.mark.parametrize("chroot", ["/one", "/two/levels"])
    def test_registration_creates_a_missing_chroot(self, chroot, credential, hosts, chroots, registering, connect):
        below = f"{hosts}{chroots(chroot)}"
        assert Discovery(connect(below)).find("users") is None

        registration, _ = registering("users", HERE, connect(below, credential=credential))

        assert registration.wait(5)
        assert Discovery(connect(below)).find("users") == HERE

    @pytest.mark.claim("disc-13", "listening", shows="published", fails_with=r"^AssertionError: assert \[\] == \[")
    def test_published_registers_before_listening(self, starting, registry):
        users = starting("users", held=True)
        users.made()

        assert registry.addresses("users") == [users.address]
        with pytest.raises(requests.ConnectionError):
            users.get("")

    @pytest.mark.claim(
        "disc-13", "listening", shows="corrected", fails_with=r"^AssertionError: assert \['[\w.-]+:\d+'\] == \[\]"
    )
    def test_registers_once_the_server_listens(self, starting, provider, registry):
        users = starting("users", held=True)
        users.made()
        provider("canary")  # begins later, and is registered by now
        assert registry.addresses("users") == []

        users.listen()

        eventually(lambda: registry.addresses("users") == [users.address], within=5)

    @pytest.mark.claim(
        "disc-13", "workers", shows="published", fails_with=r"^NotWithin: registered: \['[\w.-]+:\d+'\] "
    )
    def test_published_registers_each_worker_process(self, provider, registry):
        users = provider("users", workers=2)

        eventually(
            lambda: registry.addresses("users") == [users.address] * 2,
            within=10,
            message=lambda: f"registered: {registry.addresses('users')}",
        )

    @pytest.mark.claim(
        "disc-13", "workers", shows="corrected", fails_with=r"^ValueError: too many values to unpack \(expected 1\)"
    )
    def test_registers_an_address_once_for_all_workers(self, provider, registry, expired):
        users = provider("users", workers=2)
        workers = users.workers(2)
        (node,) = registry.nodes("users")

        workers[node.owner].kill()

        def taken_over():
            (other,) = registry.nodes("users")
            return other.address == users.address and other.owner != node.owner

        eventually(taken_over, within=expired, despite=ValueError)


class TestAShortCut:
    """Connections break for half a second. The session survives, and with it the node."""

    @pytest.mark.claim("disc-9", shows="published", fails_with=r"^NotWithin: registered: \['[\w.-]+:\d+'\] ")
    def test_published_listener_deadlocks_after_a_cut(self, provider, registry, short_cut, expired):
        users = provider("users")

        short_cut()

        eventually(
            lambda: not registry.nodes("users"),
            within=expired,
            message=lambda: f"registered: {registry.addresses('users')}",
        )
        assert users.alive()
        assert users.facts["state"] == "CONNECTED"
        with pytest.raises(requests.Timeout):
            users.find("users", within=1)

    @pytest.mark.claim(
        "disc-9", shows="corrected", fails_with=r"^AssertionError: assert \[\] == \[Node\(|^ReadTimeout: "
    )
    def test_registration_survives_a_short_cut(self, providers, registry, short_cut, expired):
        users, canary = providers("users", "canary")
        before = registry.nodes("users")

        short_cut()
        eventually(lambda: canary.facts["state"] == "CONNECTED", within=5)
        canary.kill()

        # By then a session whose heartbeats stopped as it was connected again has expired, or is about to. The
        # published way fails here or in the lookup, which hangs.
        eventually(lambda: not registry.nodes("canary"), within=expired)
        assert registry.nodes("users") == before
        assert users.facts["state"] == "CONNECTED"
        assert users.find("users") == users.address

    @pytest.mark.claim("disc-8", shows="published", fails_with=r"^NotWithin: registered: \['[\w.-]+:\d+'\] ")
    def test_spawned_listener_registers_twice_after_a_cut(self, provider, registry, short_cut):
        users = provider("users", listener="in_a_spawned_thread")

        short_cut()

        eventually(
            lambda: registry.addresses("users") == [users.address] * 2,
            within=5,
            message=lambda: f"registered: {registry.addresses('users')}",
        )
        assert {node.owner for node in registry.nodes("users")} == {users.facts["session"]}

    @pytest.mark.claim("disc-8", shows="corrected", fails_with="Left contains one more item: ")
    def test_short_cut_leaves_one_registration(self, providers, registry, short_cut, expired):
        users, canary = providers("users", "canary", listener="in_a_spawned_thread")

        short_cut()
        eventually(lambda: canary.facts["state"] == "CONNECTED", within=5)
        canary.kill()

        eventually(lambda: not registry.nodes("canary"), within=expired)
        assert registry.addresses("users") == [users.address]


class TestALostSession:
    @pytest.mark.claim("disc-5")
    def test_lost_session_is_registered_again(self, provider, registry, expired):
        users = provider("users")
        session = users.facts["session"]

        users.pause()
        eventually(lambda: not registry.nodes("users"), within=expired)
        users.resume()

        eventually(lambda: registry.addresses("users") == [users.address], within=5)
        assert users.facts["session"] != session

    @pytest.mark.claim("disc-5")
    def test_standby_takes_over_once_the_session_is_lost(self, connect, registry):
        """The standby looks by itself every ten minutes only, so it is its watch of the node that tells it."""
        holding, standing_by = connect(), connect(session_timeout=600)
        with (
            Registration(holding, "users", HERE, listening=lambda: True) as holder,
            Registration(standing_by, "users", HERE, listening=lambda: holder.wait(10)) as standby,
        ):
            assert standby.wait(10)
            assert [node.owner for node in registry.nodes("users")] == [holding.session]

            holding.close()

            eventually(lambda: [node.owner for node in registry.nodes("users")] == [standing_by.session], within=10)
