"""Fixtures of the scenario: the platform's client, and pipelines of tables, as published or corrected."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reference.realtime_data_platform.artifacts import Peers
from reference.realtime_data_platform.platform import Addresses, Platform
from scenarios.realtime_data_platform import published
from scenarios.realtime_data_platform.capabilities import FOUND, summary, supports
from scenarios.realtime_data_platform.pipeline import Pipeline

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items):
    """Give each test ten minutes: whichever comes first starts eleven servers, which takes a loaded machine five."""
    for item in items:
        if item.path.parent == FOLDER and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(600))


def pytest_claim_run(config):
    return {"capabilities": {each.key: supported for each, supported in config.stash.get(FOUND, {}).items()}}


def pytest_terminal_summary(terminalreporter, config):
    for line in summary(config.stash.get(FOUND, {})):
        terminalreporter.write_line(line)


def peers(environment):
    """Return the addresses under which the services of a run reach each other."""
    return Peers(
        postgres=str(environment["postgres"].peer_address()),
        kafka=str(environment["kafka"].peer_address("plain")),
        pinot_controller=str(environment["pinot-controller"].peer_address()),
        pinot_grpc_port=environment["pinot-server"].peer_address("grpc").port,
        metastore=environment["hive"].service.url(environment["hive"].peer_address()),
        s3=environment["s3"].service.url(environment["s3"].peer_address()),
    )


@pytest.fixture(scope="module")
def platform(environment):
    """The platform's client, with all services started that a pipeline runs through."""
    environment.start(
        "postgres", "kafka", "connect", "pinot-controller", "pinot-broker", "pinot-server", "hive", "s3", "trino"
    )
    names = ("postgres", "connect", "pinot-controller", "pinot-broker", "trino")
    platform = Platform(Addresses(*(environment[name].url for name in names)), peers(environment))
    platform.apply_catalogs()
    return platform


@pytest.fixture
def check_capability(request):
    """Checks whether this run's Pinot has a newer feature; the terminal summary shows the result."""

    def check(pipeline, capability):
        supported = supports(
            pipeline.platform.pinot, published.table(pipeline.platform.peers, pipeline.name), capability
        )
        request.config.stash.setdefault(FOUND, {})[capability] = supported
        return {"upsertConfig": f"{capability.key} = {capability.value}", "known to this run's Pinot": supported}

    return check


@pytest.fixture(scope="module")
def make_pipeline(platform, environment):
    """Creates a table and its pipeline, not started; it is removed at the end of the test file."""
    created = {}

    def make(name, **options):
        created[name] = Pipeline(platform, environment["kafka"], name, **options)
        return created[name]

    yield make
    with ThreadPoolExecutor() as pool:  # each removal mostly waits for the servers
        list(pool.map(Pipeline.remove, created.values()))


@pytest.fixture(scope="module")
def start_pipeline(make_pipeline):
    """Creates and starts a pipeline; a second call with the same name and way returns the running one."""
    running = {}

    def start(name, way, **options):
        if (name, way) not in running:
            running[name, way] = make_pipeline(f"{name}_{way}", **options).start(way)
        return running[name, way]

    return start
