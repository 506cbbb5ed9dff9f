"""Beyond the document: lookups from a cache that watches ZooKeeper, the age of its answers, and its cost."""

import random
from functools import partial

import pytest
from scipy.stats import chisquare

from fixtures.faults import Nemesis
from fixtures.waiting import eventually
from reference.service_discovery.errors import BadInput
from reference.service_discovery.instance import Instance
from reference.service_discovery.lookup.cache import CachedDiscovery
from reference.service_discovery.register.registration import Registration
from reference.service_discovery.zookeeper.connection import CONNECT_TIMEOUT, Connection


def addresses(cached):
    return {str(instance) for instance in cached.instances("users")}


def some_instances(number):
    return tuple(Instance("users.example", port) for port in range(1, number + 1))


class TestALocalCopy:
    @pytest.mark.claim("disc-12")
    def test_cache_is_correct_through_a_zookeeper_restart(self, zookeeper, providers, connect, expired):
        stays, goes = providers("users", "users")
        cached = CachedDiscovery(connect(), grace=60)
        assert addresses(cached) == {stays.address, goes.address}

        zookeeper.kill()
        assert addresses(cached) == {stays.address, goes.address}
        zookeeper.restart()

        goes.kill()
        eventually(lambda: addresses(cached) == {stays.address}, within=expired)
        (comes,) = providers("users")
        eventually(lambda: addresses(cached) == {stays.address, comes.address}, within=1)
        cached.close()

    @pytest.mark.claim("disc-12")
    def test_cache_keeps_all_instances_through_a_freeze(
        self, zookeeper, registry, registering, connect, session_timeout
    ):
        some = [registering("users", each)[0] for each in some_instances(5)]
        assert all(each.wait(10) for each in some)
        connection = connect()
        cached = CachedDiscovery(connection, grace=60)
        assert cached.instances("users") == some_instances(5)
        made = {node.path: node.created for node in registry.nodes("users")}

        zookeeper.pause()
        eventually(lambda: connection.down_for > session_timeout, within=20)
        zookeeper.resume()
        numbers = set()

        def registered_again():
            numbers.add(len(cached.instances("users")))
            nodes = {node.path: node.created for node in registry.nodes("users")}
            return nodes.keys() == made.keys() and nodes != made

        # Sessions ended in the freeze: the nodes go and come one after the other.
        eventually(registered_again, within=20, every=0.005)
        assert numbers == {5}
        cached.close()

    @pytest.mark.claim("disc-12")
    def test_cache_sees_a_service_registered_later(self, provider, cached):
        assert cached.find("users") is None

        users = provider("users")

        eventually(lambda: str(cached.find("users")) == users.address, within=1)

    @pytest.mark.claim("disc-12")
    def test_watch_brings_news_between_two_rounds(self, register, directly, monkeypatch):
        """Rounds are 200 s apart, and lookups ask for nothing within the grace: only a watch can bring the news."""
        with CachedDiscovery(directly(connect_timeout=60), grace=300) as cached:
            assert cached.instances("users") == ()
            monkeypatch.setattr(Connection, "granted_session_timeout", 600)

            for number, instance in enumerate(some_instances(3), 1):
                register("users", instance)

                now = some_instances(number)
                eventually(lambda now=now: cached.instances("users") == now, within=30)

    @pytest.mark.claim("disc-12")
    def test_cache_and_registration_restart_after_a_fork(self, provider, registry, after_a_fork):
        users, later = provider("users"), provider("later")

        child = after_a_fork("users", "later", "forked")

        assert child == {"before the fork": users.address, "in the child": later.address, "registered": True}

    @pytest.mark.claim("disc-12")
    def test_stated_bound_counts_with_the_granted_timeout(self, connect, session_timeout, expired):
        connection = connect(session_timeout=30)
        connection.client()

        assert connection.granted_session_timeout == pytest.approx(session_timeout, abs=0.01)
        assert CachedDiscovery(connection, grace=30).bound == pytest.approx(expired + 30, abs=0.02)
        with pytest.raises(BadInput, match="the grace is at least the session timeout of 30 s, not 29"):
            CachedDiscovery(connection, grace=29)

    @pytest.mark.claim("disc-12")
    def test_cache_spreads_lookups_evenly(self, register, cached, evidence):
        for instance in some_instances(10):
            register("users", instance)
        lookups = 200_000

        counts = [0] * 10
        for _ in range(lookups):
            counts[cached.find("users").port - 1] += 1

        # A fair choice fails once in a million runs; one that prefers an instance by a tenth, in all of them.
        assert chisquare(counts).pvalue > 1e-6
        evidence.json("lookups", {"by instance": counts, "p": chisquare(counts).pvalue})


class TestDeadInstances:
    """No lookup goes to an instance later than the stated bound after its death, or ZooKeeper's return."""

    @pytest.mark.claim("disc-12")
    def test_no_lookup_returns_the_dead_after_the_bound(
        self, zookeeper, providers, callers, journal, expired, cached, evidence
    ):
        some = providers(*["users"] * 6)
        one, other = callers("users", of=some)
        nemesis = Nemesis(journal, {"zookeeper": zookeeper, "one": one})

        def forget(victim):
            answered = "lookups are answered, and none leads to the dead"
            eventually(lambda: journal.forgets(victim, one, other), within=20, every=0.2, message=answered)

        with nemesis.breaking("one", "pause"):
            with journal.death(some[0]):
                some[0].kill()
            eventually(lambda: journal.goes_on_for(cached.bound, other), within=2 * cached.bound, every=0.2)
            in_peace = journal.judged(within_s=expired)  # of the other one alone
        forget(some[0])

        with journal.death(some[1]), nemesis.breaking("zookeeper", "restart"):
            some[1].kill()
        forget(some[1])

        for outage, victim in (("pause", some[2]), ("cut", some[3])):
            with journal.death(victim), nemesis.breaking("zookeeper", outage):
                victim.kill()
                eventually(lambda: journal.refuses(one, other), within=10, every=0.2)
            forget(victim)

        findings = journal.judged(within_s=cached.bound)

        evidence.json("stated bounds in seconds", {"in peace": expired, "whatever happens": cached.bound})
        faults = ("caller frozen", "restart", "pause", "cut")
        failovers = dict(zip(faults, journal.failovers(), strict=True))
        evidence.json("seconds from a death or the return to the last call of the dead", failovers)
        evidence.json("seconds until all callers are answered again", findings.healed_s)
        assert in_peace.verdict == "valid", str(in_peace)
        assert findings.verdict == "valid", str(findings)


class TestManyRequests:
    def test_connection_closes_while_requests_wait(self, zookeeper, connect, background_threads):
        connection = connect(connect_timeout=2)
        assert connection.ask(lambda client: client.exists_async("/")) is not None
        zookeeper.kill()
        try:
            eventually(lambda: connection.down_for > 0, within=10)
            asking = background_threads(400, lambda: connection.ask(lambda client: client.exists_async("/")))

            (closing,) = background_threads(1, connection.close)

            closing.join(10)
            assert not closing.is_alive()
            for thread in asking:
                thread.join(10)
                assert not thread.is_alive()
        finally:
            zookeeper.restart()


class TestTheCost:
    @pytest.mark.claim("disc-12")
    def test_cached_lookup_is_1000_times_faster(self, provider, cached, asking, versus):
        provider("users")

        versus(partial(cached.find, "users"), partial(asking.find, "users"), faster=1000, checksum=str)

    @pytest.mark.claim("disc-12")
    def test_cached_lookup_costs_little_more_than_a_dict(self, register, cached, versus):
        table = {"users": some_instances(10)}
        for instance in table["users"]:
            register("users", instance)

        versus(
            partial(cached.find, "users"),
            lambda: random.choice(table["users"]),
            slower=2,
            checksum=table["users"].__contains__,
        )

    @pytest.mark.claim("disc-12")
    def test_first_lookup_of_1000_instances_is_bounded(self, directly, cached, stopwatch, evidence):
        connection = directly(session_timeout=10)
        thousand = [Registration(connection, "users", each, listening=lambda: True) for each in some_instances(1000)]

        with stopwatch() as registering:
            for each in thousand:
                each.start()
            assert all(each.wait(30) for each in thousand)
        with stopwatch() as reading:
            found = cached.instances("users")

        assert found == some_instances(1000)
        assert reading.seconds < CONNECT_TIMEOUT
        evidence.json("seconds", {"registering": registering.seconds, "the first lookup": reading.seconds})
