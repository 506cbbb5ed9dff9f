"""Each service is killed, or frozen beyond its timeouts, and ways between services are cut, under writes of every kind.

All faults are injected into one pipeline, one after the other. While they last, each read of the view is the table as
it was at one moment, no earlier than the moment of the read before, or an error. After each fault the view shows a
change that was made after it, within a multiple of the timeouts that are configured.
"""

import random
import time
from dataclasses import replace

import psycopg
import pytest
from hypothesis import settings

from fixtures.faults import Journal, Nemesis
from fixtures.waiting import eventually
from reference.realtime_data_platform.platform import Platform
from reference.realtime_data_platform.stream import artifacts
from scenarios.realtime_data_platform.command import data_platform, data_platform_within
from scenarios.realtime_data_platform.concurrent_updates import repeating
from scenarios.realtime_data_platform.fault_windows import SENDER_TIMEOUT, TIMEOUTS, WAYS, Way, judged, lasts, steps
from scenarios.realtime_data_platform.load import DDL, MANY, Load
from scenarios.realtime_data_platform.pipeline import VISIBLE_WITHIN

LONG = settings.get_current_profile_name() == "soak"
RANDOM_SECONDS = 600
ROWS_A_SEGMENT = 2000

FAULTS = steps(LONG)
again = pytest.mark.parametrize("turn", range(1, (5 if LONG else 1) + 1))


@pytest.fixture(scope="module")
def platform(platform, environment, postgres, kafka, hive, s3, trino):  # noqa: ARG001  # declared, so that they run
    """The platform's client; PostgreSQL, Kafka and S3 are reached by proxies, except by the writer."""
    proxies = environment["toxiproxy"]
    peers = replace(
        platform.peers,
        postgres=str(proxies.peer_address("postgres:sql")),
        kafka=str(proxies.peer_address("kafka:proxied")),
        s3=f"http://{proxies.peer_address('s3:api')}",
    )
    direct = replace(platform.addresses, postgres=postgres.service.url(postgres.direct_address()))
    for catalog in ("hive", "iceberg"):  # of S3 without a proxy
        platform.trino.remove_catalog(catalog)
    yield Platform(direct, peers, patience=platform.patience)
    for catalog in ("hive", "iceberg"):
        platform.trino.remove_catalog(catalog)
    platform.apply_catalogs()


@pytest.fixture(scope="module")
def load(make_pipeline, tmp_path_factory):
    """The load of a pipeline whose view has rows in its base, and whose table has several segments in Pinot."""
    pipeline = make_pipeline("faults", ddl=DDL)
    pipeline.sql(f"ALTER SYSTEM SET wal_sender_timeout = '{SENDER_TIMEOUT}s'")
    pipeline.sql("SELECT pg_reload_conf()")
    with Journal(tmp_path_factory.mktemp("faults") / "journal") as journal:
        load = Load(pipeline, journal)
        pipeline.start("corrected", people=[])
        for _ in range(2):  # the second shows that the first is complete
            load.write("many")
        table = artifacts.table(pipeline.described(), pipeline.platform.peers)
        table["tableIndexConfig"]["streamConfigs"]["realtime.segment.flush.threshold.rows"] = str(ROWS_A_SEGMENT)
        pipeline.platform.pinot.apply_table(table)
        pipeline.platform.pinot.force_commit(pipeline.name)
        pipeline.until_equal()
        eventually(lambda: pipeline.platform.compact(pipeline.name).changes, within=VISIBLE_WITHIN)
        yield load
        load.close()
    pipeline.sql("ALTER SYSTEM RESET wal_sender_timeout")
    pipeline.sql("SELECT pg_reload_conf()")


@pytest.fixture(autouse=True)
def journal(load, tmp_path):
    """A journal of each test's own, since the nemesis reads all of it again and again."""
    with Journal(tmp_path / "journal") as load.journal:
        yield load.journal


@pytest.fixture(scope="module")
def found():
    """What was seen of each fault so far, a row for each."""
    return []


@pytest.fixture
def targets(environment):
    """What can be broken, by its name."""
    services = {name: environment[name] for name in TIMEOUTS}
    return services | {way: Way(services[name], port) for way, (name, port) in WAYS.items()}


@pytest.fixture
def suffer(load, found, targets):
    """Injects a fault while rows are written and read, notes what `status` says of it, and heals it."""
    pipeline = load.pipeline

    def suffer(step, turn=1):
        service = WAYS.get(step.target, (step.target,))[0]

        def broken(_):
            until = time.monotonic() + lasts(step)
            code, said = data_platform_within(
                pipeline.platform, lasts(step), "--patience", "1", "status", pipeline.name
            )
            row["exit code of status"], load.said[row["fault"]] = code, said
            # The fault lasts beyond a timeout: there is no other sign of that.
            time.sleep(max(0, until - time.monotonic()))

        with judged(load, found, f"{step.target}: {step.fault}", service, turn) as row:
            Nemesis(load.journal, targets).run([step], within=60, broken=broken)

    return suffer


@pytest.mark.claim("rdp-21")
@pytest.mark.parametrize("step", FAULTS, ids=lambda step: f"{step.target}: {step.fault}")
@again
def test_each_read_is_a_moment_or_an_error(suffer, load, found, step, turn):
    suffer(step, turn)

    assert found[-1]["changes"] > 0
    assert load.reads.exact > 0


@pytest.mark.claim("rdp-21")
@again
def test_changes_while_pinot_is_down_all_arrive(load, found, targets, turn):
    what = "pinot-server: kill, while 10,000 changes arrive"
    with judged(load, found, what, "pinot-server", turn, writing=False):
        before = load.moments.newest
        with Nemesis(load.journal, targets).breaking("pinot-server", "kill"):
            while load.moments.newest < before + 10_000:
                load.write("many")

    assert found[-1]["changes"] >= 10_000
    assert not load.pipeline.platform.verify(load.pipeline.described())


@pytest.mark.claim("rdp-21")
@again
def test_database_restarts_with_its_slot_behind(load, found, targets, turn):
    behind = "SELECT pg_current_wal_lsn() - confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = %s"
    what = "connect: kill, and a restart of postgres meanwhile"
    with judged(load, found, what, "postgres", turn, writing=False):
        with Nemesis(load.journal, targets).breaking("connect", "kill"):
            for _ in range(10):
                load.write("many")
            [(left,)] = load.pipeline.sql(behind, "platform_faults")
            targets["postgres"].restart()
        load.write("many")

    assert left > 10 * MANY
    assert found[-1]["changes"] >= 11 * MANY


if LONG:

    @pytest.mark.timeout(2 * RANDOM_SECONDS + 600)
    def test_random_faults_lose_nothing(suffer, found, record_property):
        seed = random.SystemRandom().randrange(2**32)
        record_property("seed", seed)
        print(f"seed {seed}")  # noqa: T201  # for the one who repeats it
        until, before = time.monotonic() + RANDOM_SECONDS, len(found)
        chance = random.Random(seed)
        while time.monotonic() < until:
            suffer(chance.choice(FAULTS))

        assert len(found) > before, f"seed {seed}"


@pytest.mark.claim("rdp-21")
def test_lost_slot_is_said_and_one_command_recovers(load, found, targets, evidence):
    platform, name = load.pipeline.platform, load.pipeline.name
    platform.trino.apply_view(platform.view_sql(load.pipeline.described(), "id <= 10", "faults_first"))

    def dropped():
        return load.pipeline.sql("SELECT pg_drop_replication_slot('platform_faults')")

    with judged(load, found, "connect: kill, and a failover that loses the slot", "postgres", writing=False):
        with Nemesis(load.journal, targets).breaking("connect", "kill"):
            load.write("many")
            eventually(dropped, within=VISIBLE_WITHIN, despite=psycopg.errors.ObjectInUse)
            for kind in ("many", "truncate", "delete", "insert"):
                load.write(kind)
        eventually(lambda: platform.connectors.status(name).startswith("FAILED"), within=VISIBLE_WITHIN)
        code, output, said = data_platform(platform, "status", name)
        applied = data_platform(platform, "apply", name)
        stale = load.moments.newest - load.reads.judge()
        with repeating(load.step, pause=0.1):
            recovered = data_platform(platform, "recover", name, "--yes")
        load.write("many")

    assert code == 4, output
    assert "replication slot platform_faults is absent, and changes since are lost; run recover" in said
    assert applied[0] == 3
    assert "changes since are lost; run recover" in applied[2]
    assert stale > MANY
    assert recovered == (0, f"{name}: followed anew, hive.views.{name} is complete\n", "")
    first = sum(key <= 10 for key in load.moments.rows)
    assert platform.trino.query("SELECT count(*) FROM hive.views.faults_first") == [(first,)]
    assert data_platform(platform, "recover", name, "--yes")[0] == 2
    platform.trino.remove_view("hive.views.faults_first")
    evidence.json("status of a pipeline whose slot a failover has lost", {"output": output, "errors": said})


@pytest.mark.claim("rdp-21")
def test_view_equals_the_table_after_all_faults(load, found, evidence):
    platform, name = load.pipeline.platform, load.pipeline.name
    load.pipeline.until_equal()

    assert data_platform(platform, "verify", name) == (0, f"{name}: the view equals the table\n", "")
    assert data_platform(platform, "compact", name)[0] == 0
    assert data_platform(platform, "status", name)[0] == 0
    assert data_platform(platform, "verify", name)[0] == 0
    assert load.reads.exact > 0
    assert not any(each["wrong"] for each in found)
    refused = sorted({error.split("\n")[0][:160] for error in load.reads.refused})
    evidence.table("faults, one after the other", found)
    evidence.json("the errors that reads ended with", refused)
    evidence.json("what status said during each fault", load.said)
