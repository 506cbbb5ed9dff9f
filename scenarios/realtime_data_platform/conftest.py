"""Fixtures of the scenario: the platform's client, and pipelines of tables, as published or corrected."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reference.realtime_data_platform.clients.catalogs import hive_catalog
from reference.realtime_data_platform.platform import Addresses, Platform
from reference.realtime_data_platform.stream.artifacts import Peers
from scenarios.realtime_data_platform import published
from scenarios.realtime_data_platform.capabilities import FOUND, summary, supports
from scenarios.realtime_data_platform.pipeline import Pipeline

FOLDER = Path(__file__).parent
# Services that the platform's client calls, in the order of `Addresses`, and those that call each other.
CALLED = ("postgres", "connect", "pinot-controller", "pinot-broker", "trino")
ADDRESSED = (*CALLED, "kafka", "pinot-server", "hive", "s3")


def pytest_collection_modifyitems(items):
    """Give each test ten minutes: the first one starts up to ten servers, which takes five on a loaded machine."""
    for item in items:
        if item.path.parent == FOLDER and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(600))


def pytest_claim_run(config):
    return {"capabilities": {each.key: supported for each, supported in config.stash.get(FOUND, {}).items()}}


def pytest_terminal_summary(terminalreporter, config):
    for line in summary(config.stash.get(FOUND, {})):
        terminalreporter.write_line(line)


@pytest.fixture(scope="module")
def platform(environment):
    """The platform's client, which starts no service: a test declares those that it uses by other fixtures."""
    at = {name: environment.addressed(name) for name in ADDRESSED}
    peers = Peers(
        postgres=str(at["postgres"].peer_address()),
        kafka=str(at["kafka"].peer_address("plain")),
        pinot_controller=str(at["pinot-controller"].peer_address()),
        pinot_grpc_port=at["pinot-server"].peer_address("grpc").port,
        metastore=at["hive"].service.url(at["hive"].peer_address()),
        s3=at["s3"].service.url(at["s3"].peer_address()),
    )
    return Platform(Addresses(*(at[name].url for name in CALLED), kafka=str(at["kafka"].address())), peers)


@pytest.fixture(scope="module")
def pinot(platform, pinot_controller, pinot_broker, pinot_server):  # noqa: ARG001  # declared, so that they run
    """The client of Pinot, whose services are running."""
    return platform.pinot


@pytest.fixture(scope="module")
def lake(platform, trino, hive, s3):  # noqa: ARG001  # declared, so that they run
    """The client of Trino, which is running with the catalog `hive` and its schema `views` on S3."""
    platform.trino.apply_catalog("hive", "hive", hive_catalog(platform.peers))
    platform.trino.apply_schema("hive.views", f"s3://{platform.peers.bucket}/views/")
    return platform.trino


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
def make_stream(platform, environment, postgres, kafka, connect):  # noqa: ARG001  # declared, so that they run
    """Creates a table whose pipeline is not started and ends in Kafka; it is removed at the end of the test file."""
    created = {}

    def make(name, **options):
        created[name] = Pipeline(platform, kafka, name, **options)
        return created[name]

    yield make
    if environment.runs("pinot-server", "trino", "hive"):  # without these servers, no later test meets the tables
        with ThreadPoolExecutor() as pool:  # each removal mostly waits for the servers
            list(pool.map(Pipeline.remove, created.values()))


@pytest.fixture(scope="module")
def make_pipeline(make_stream, platform, pinot, lake):  # noqa: ARG001  # declared, so that they run
    """Creates a table whose pipeline is not started; all its services are running."""
    platform.apply_catalogs()
    return make_stream


@pytest.fixture(scope="module")
def start_pipeline(make_pipeline):
    """Creates and starts a pipeline; a second call with the same name and way returns the running one."""
    running = {}

    def start(name, way, **options):
        if (name, way) not in running:
            running[name, way] = make_pipeline(f"{name}_{way}", **options).start(way)
        return running[name, way]

    return start
