"""Cached lookups: against asking ZooKeeper, against a plain dict, and by the number of instances."""

import time

import pytest

from fixtures.waiting import eventually
from reference.service_discovery.instance import Instance
from reference.service_discovery.lookup.cache import CachedDiscovery
from reference.service_discovery.lookup.discovery import Discovery
from reference.service_discovery.register.registration import Registration
from reference.service_discovery.zookeeper.connection import Connection

ROUNDS = 40


@pytest.fixture(scope="module")
def connection(zookeeper):
    with Connection(zookeeper.url) as connection:
        yield connection


@pytest.fixture(scope="module")
def register(connection):
    """`register(service, number)` registers so many instances until the end of the module."""
    registrations = []

    def register(service, number=1):
        some = [
            Registration(connection, service, Instance("127.0.0.1", 1024 + port), listening=lambda: True).start()
            for port in range(number)
        ]
        registrations.extend(some)
        assert all(each.wait(30) for each in some)

    yield register
    for each in registrations:
        each.close()


@pytest.fixture(scope="module")
def cached(connection):
    with CachedDiscovery(connection) as cached:
        yield cached


def test_cached_lookup_against_asking(versus, connection, cached, register):
    register("asked")
    direct = Discovery(connection)
    versus(lambda: cached.find("asked"), lambda: direct.find("asked"), rounds=ROUNDS)


def test_cached_lookup_against_a_dict(versus, cached, register):
    register("known")
    addresses = {"known": cached.find("known")}
    asked = ["known"] * 10_000
    # `map` calls both bare: a lambda around each would be half of the dict's time.
    versus(lambda: list(map(cached.find, asked)), lambda: list(map(addresses.get, asked)), rounds=ROUNDS)


def test_cached_lookup_grows_with_instances(growth, cached, register):
    for number in (1, 10, 100):
        register(f"of-{number}", number)
        eventually(lambda number=number: len(cached.instances(f"of-{number}")) == number, within=30)

    def lookups(number):
        return [cached.find(f"of-{number}") for _ in range(10_000)]

    for number in (1, 10, 100):
        assert {each.port for each in lookups(number)} == set(range(1024, 1024 + number))
    growth(lookups, [1, 10, 100])


def test_news_of_a_stop(record, connection, cached):
    """The time from an instance's deregistration to its absence from the cache is recorded, without a bound."""
    seconds = []
    for _ in range(10):
        with Registration(connection, "stopped", Instance("127.0.0.1", 1024), listening=lambda: True) as registration:
            assert registration.wait(30)
            eventually(lambda: cached.find("stopped"), within=30)
            start = time.perf_counter()
        eventually(lambda: not cached.find("stopped"), within=30, every=0.0005)
        seconds.append(time.perf_counter() - start)
    record(seconds)
