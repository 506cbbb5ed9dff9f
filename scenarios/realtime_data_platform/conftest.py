"""What the scenario stands on: the platform's client, and chains."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from reference.realtime_data_platform.platform import Addresses, Platform
from scenarios.realtime_data_platform import published
from scenarios.realtime_data_platform.capabilities import FOUND, knows, told
from scenarios.realtime_data_platform.chain import Chain


def pytest_claim_run(config):
    return {"capabilities": {each.key: there for each, there in config.stash.get(FOUND, {}).items()}}


def pytest_terminal_summary(terminalreporter, config):
    for line in told(config.stash.get(FOUND, {})):
        terminalreporter.write_line(line)


@pytest.fixture(scope="module")
def platform(environment):
    names = ("postgres", "connect", "pinot-controller", "pinot-broker", "trino")
    platform = Platform(Addresses(*(environment[name].url for name in names)))
    platform.apply_catalogs()
    return platform


@pytest.fixture
def asked(request):
    """Ask the Pinot of this run for something that came after the document; the run ends with the answer."""

    def ask(chain, capability):
        there = knows(chain.platform.pinot, published.table(chain.name), capability)
        request.config.stash.setdefault(FOUND, {})[capability] = there
        return {"upsertConfig": f"{capability.key} = {capability.value}", "known to this run's Pinot": there}

    return ask


@pytest.fixture(scope="module")
def chains(platform, environment):
    """Makes the chain of a table; it is removed when the file ends."""
    made = {}

    def make(name, **options):
        made[name] = Chain(platform, environment["kafka"], name, **options)
        return made[name]

    yield make
    with ThreadPoolExecutor() as pool:  # each waits for its servers
        list(pool.map(Chain.remove, made.values()))


@pytest.fixture(scope="module")
def laid(chains):
    """Lays the chain of a table, once a way and a name."""
    known = {}

    def lay(name, way, **options):
        if (name, way) not in known:
            known[name, way] = chains(f"{name}_{way}", **options).lay(way)
        return known[name, way]

    return lay
