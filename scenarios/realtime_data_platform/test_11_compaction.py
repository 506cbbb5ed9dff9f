"""The view stays exact while its changes are folded into a base: at any size, when killed, in any order of arrival."""

import signal
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fixtures.waiting import eventually
from reference.realtime_data_platform.errors import BadInput, Refused
from reference.realtime_data_platform.stream import artifacts
from reference.realtime_data_platform.view import base
from scenarios.realtime_data_platform.concurrent_updates import ReadCheck, repeating, updating_rows
from scenarios.realtime_data_platform.killed_process import run_until_statement
from scenarios.realtime_data_platform.pipeline import VISIBLE_WITHIN
from scenarios.realtime_data_platform.replay import Replay

ROWS = 250_000
KEYS, ROWS_A_SEGMENT = 60, 100
LONG = settings.get_current_profile_name() == "soak"
EXAMPLES, READS = (40, 40) if LONG else (5, 16)
KILLED = [True, False] if LONG else [True]  # whether while a statement runs, or before it

pytestmark = pytest.mark.claim("rdp-32")


@pytest.fixture(scope="module")
def start_people(make_pipeline):
    """Starts the pipeline of a table of people."""
    return lambda name: make_pipeline(name).start("corrected")


def compact_until_folded(pipeline):
    """Compact until a compaction folds changes: the stream may not have delivered the last change at first."""
    return eventually(
        lambda: (done := pipeline.platform.compact(pipeline.name)).changes and done, within=VISIBLE_WITHIN
    )


def mark_of(pipeline):
    """Return the mark of a pipeline's view: its snapshot of the base and its watermark."""
    return base.mark_of(pipeline.platform.trino.view("hive", "views", pipeline.name))


class TestSize:
    def test_view_of_250000_rows_equals_the_table(self, make_pipeline, platform, evidence):
        pipeline = make_pipeline("large", ddl="CREATE TABLE {name} (id bigint PRIMARY KEY, amount bigint)")
        pipeline.sql("INSERT INTO large SELECT i, i FROM generate_series(1, %s) i", ROWS)
        platform.apply(pipeline.described())

        def totals():
            return platform.trino.query("SELECT count(*), sum(amount) FROM hive.views.large")

        def equal():
            return totals() == pipeline.sql("SELECT count(*), sum(amount)::bigint FROM large")

        eventually(equal, within=240, message=totals)
        for _ in range(2):
            pipeline.sql("UPDATE large SET amount = amount + 1 WHERE id <= 1000")
        eventually(equal, within=VISIBLE_WITHIN, message=totals)
        done = compact_until_folded(pipeline)
        assert equal()
        again = platform.compact("large")
        assert equal()

        assert done.changes >= ROWS
        assert again.dropped >= ROWS // 50_000
        assert again.left <= 2000
        evidence.json(
            "changes of the table", {"folded": done.changes, "left": again.left, "segments removed": again.dropped}
        )


class TestReads:
    def test_read_is_exact_while_bases_are_replaced(self, start_people, platform, evidence):
        pipeline = start_people("compacted")
        pipeline.sql(f"INSERT INTO {pipeline.quoted} (customer_id, name) SELECT 1, '0' FROM generate_series(1, {KEYS})")
        pipeline.sql(f"DELETE FROM {pipeline.quoted} WHERE name <> '0'")
        table = artifacts.table(pipeline.described(), platform.peers)
        table["tableIndexConfig"]["streamConfigs"]["realtime.segment.flush.threshold.rows"] = str(ROWS_A_SEGMENT)
        platform.pinot.apply_table(table)
        platform.pinot.force_commit(pipeline.name)
        pipeline.until_equal()
        keys = {key for (key,) in pipeline.sql(f"SELECT id FROM {pipeline.quoted}")}
        done, reads = [], ReadCheck()

        with (
            updating_rows(pipeline, keys, seen=reads.newest),
            repeating(lambda: done.append(platform.compact(pipeline.name))),
        ):
            eventually(lambda: any(each.changes for each in done), within=VISIBLE_WITHIN)
            while reads.reads + len(reads.refused) < READS or sum(each.dropped for each in done) < 2:
                reads.read(lambda: pipeline.view("id, name"), keys)

        assert not reads.wrong(), reads.summary()
        assert reads.reads > READS / 2, reads.refused
        pipeline.until_equal()
        evidence.table(
            "reads while rows are updated and compacted",
            [
                reads.summary()
                | {
                    "compactions": len(done),
                    "changes folded": sum(each.changes for each in done),
                    "segments removed": sum(each.dropped for each in done),
                }
            ],
        )


@pytest.mark.parametrize("running", KILLED, ids=["during", "before"][: len(KILLED)])
def test_view_is_exact_after_a_killed_compaction(start_people, platform, running, evidence):
    pipeline = start_people(f"killed_{'during' if running else 'before'}")
    at = []
    for step in count(1):
        pipeline.sql(f"UPDATE {pipeline.quoted} SET name = '{step}' WHERE id <= 2")
        pipeline.sql(f"DELETE FROM {pipeline.quoted} WHERE id = 3 + {step}")
        if step % 3 == 0:
            pipeline.sql(f"TRUNCATE {pipeline.quoted}")
        pipeline.sql(f"INSERT INTO {pipeline.quoted} (id, customer_id, name) VALUES (4 + {step}, 1, 'new')")
        pipeline.until_equal()
        code, statement, said = run_until_statement(platform, ["compact", pipeline.name], step, running=running)
        assert not platform.verify(pipeline.described())
        if code == 0:
            break
        assert code == -signal.SIGKILL, said
        at.append(statement.split("\n")[0][:80])

    assert any("MERGE" in each for each in at)
    assert any("CREATE OR REPLACE VIEW" in each for each in at)
    evidence.json(f"statements {'during' if running else 'before'} which a compaction was killed", at)


class TestTwoAtOnce:
    def test_second_compaction_is_refused(self, start_people, platform):
        pipeline = start_people("locked")
        with pipeline.connection() as connection:
            connection.execute("SELECT pg_advisory_lock(hashtextextended('data-platform compact locked', 0))")
            with pytest.raises(Refused, match="another compaction of locked is running; try again"):
                platform.compact("locked")

    def test_view_is_exact_after_compactions_at_once(self, start_people, platform):
        pipeline = start_people("contended")
        for name in ("one", "two"):
            pipeline.sql(f"UPDATE {pipeline.quoted} SET name = '{name}'")
        pipeline.until_equal()

        with ThreadPoolExecutor() as pool:
            running = [pool.submit(platform.compact, pipeline.name) for _ in range(3)]
            refused = [str(error) for each in running if (error := each.exception())]

        assert any(each.exception() is None and each.result().changes for each in running)
        assert all("another compaction of contended is running" in each for each in refused)
        assert not platform.verify(pipeline.described())

    def test_table_without_a_view_is_not_compacted(self, platform, lake):
        with pytest.raises(BadInput, match="nowhere has no view to compact: apply it first"):
            platform.compact("nowhere")


@pytest.fixture(scope="module")
def original(start_people):
    """A pipeline whose topic has a snapshot, and transactions with several changes each."""
    pipeline = start_people("original")
    for name in ("one", "two", "three"):
        pipeline.sql(f"UPDATE {pipeline.quoted} SET name = '{name}'")
    pipeline.sql(f"DELETE FROM {pipeline.quoted} WHERE id = 2")
    pipeline.until_equal()
    return pipeline


class TestOrderOfArrival:
    def test_early_change_that_commits_late_is_not_lost(self, start_people, platform, evidence):
        pipeline = start_people("interleaved")
        with pipeline.connection() as slow:
            slow.execute("BEGIN")
            slow.execute(f"UPDATE {pipeline.quoted} SET name = 'early' WHERE id = 1")
            for name in ("late", "later"):
                pipeline.sql(f"UPDATE {pipeline.quoted} SET name = '{name}' WHERE id = 2")
            pipeline.until_equal()
            compact_until_folded(pipeline)
            slow.execute("COMMIT")
        pipeline.until_equal()

        [early] = [event for event in pipeline.events() if (event["after"] or {}).get("name") == "early"]
        assert early["source"]["lsn"] < mark_of(pipeline).watermark
        platform.compact(pipeline.name)
        assert not platform.verify(pipeline.described())
        evidence.json(
            "a change below the watermark",
            {"its log sequence number": early["source"]["lsn"], "watermark": mark_of(pipeline).watermark},
        )

    @pytest.fixture
    def replay(self, original, make_pipeline):
        """Creates a pipeline to whose topic the test sends the events of `original`, in an order of its choice."""
        return lambda name, partitions: Replay(original, make_pipeline(name), partitions)

    def test_half_a_snapshot_or_transaction_is_kept(self, replay):
        halves = replay("halves", 1)
        halves.send(lambda event: event["op"] == "r" and event["after"]["id"] < 3)
        assert halves.compact().changes == 0

        halves.send(lambda event: event["op"] == "r" or event["after"] == {"id": 1, "customer_id": 1, "name": "one"})
        assert halves.compact().changes == 3
        for name in ("one", "two"):
            halves.send(lambda event, name=name: event["op"] == "u" and event["after"]["name"] == name)
        halves.compact()
        halves.send(lambda event: event["op"] == "u" and event["after"]["id"] == 1)
        assert halves.compact().changes
        halves.send(lambda _: True)

        assert not halves.difference()
        halves.compact()
        assert not halves.difference()

    def test_lagging_partition_holds_back_the_watermark(self, replay):
        uneven = replay("uneven", 2)
        uneven.send(lambda event: (event["after"] or event["before"])["id"] % 2 == 0)
        assert uneven.compact().changes == 0

        uneven.send(lambda event: event["op"] == "r")
        assert uneven.compact().changes == 0

        uneven.send(lambda _: True)
        assert not uneven.difference()
        assert uneven.compact().changes
        assert not uneven.difference()


IDS = st.integers(0, 3)
CHANGES = st.one_of(
    st.builds("INSERT INTO {{0}} VALUES ({}, 1, '{}') ON CONFLICT DO NOTHING".format, IDS, st.integers(0, 9)),
    st.builds("UPDATE {{0}} SET name = name || '{}' WHERE id = {}".format, st.integers(0, 9), IDS),
    st.builds(
        "UPDATE {{0}} SET id = {} WHERE id = {} AND NOT EXISTS (SELECT FROM {{0}} WHERE id = {})".format, IDS, IDS, IDS
    ),
    st.builds("DELETE FROM {{0}} WHERE id = {}".format, IDS),
    st.sampled_from(["TRUNCATE {0}", "COMPACT"]),
)


@pytest.fixture(scope="module")
def sequence(start_people):
    """The pipeline to which every generated sequence of changes is applied."""
    return start_people("sequence")


@given(st.lists(CHANGES, min_size=5, max_size=15))
@settings(max_examples=EXAMPLES, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
def test_view_equals_the_table_after_any_sequence(sequence, changes):
    for change in changes:
        if change == "COMPACT":
            sequence.platform.compact(sequence.name)
        else:
            sequence.sql(change.format(sequence.quoted))
    sequence.until_equal()
    sequence.platform.compact(sequence.name)
    assert not sequence.platform.verify(sequence.described())
