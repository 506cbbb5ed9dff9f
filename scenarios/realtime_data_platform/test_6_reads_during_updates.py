"""Whether a read during updates returns each key exactly once, as published and as corrected."""

import json

import pytest
from hypothesis import settings

from fixtures.waiting import eventually
from reference.realtime_data_platform.clients import catalogs
from reference.realtime_data_platform.errors import Refused
from reference.realtime_data_platform.stream import artifacts
from reference.realtime_data_platform.view import base, statements
from scenarios.realtime_data_platform import published
from scenarios.realtime_data_platform.capabilities import CONSISTENT_READS
from scenarios.realtime_data_platform.concurrent_updates import ReadCheck, updating_rows
from scenarios.realtime_data_platform.pipeline import VISIBLE_WITHIN

KEYS, ROWS_A_SEGMENT, SEGMENTS, READS = 60, 100, 4, 40
EXACT = 40 if settings.get_current_profile_name() == "soak" else 16  # reads of the exact view
ENOUGH = 5  # reads with a key twice or missing, after which no more are needed to show that there are any


@pytest.fixture(scope="module")
def segmented(make_pipeline, platform):
    """Starts a pipeline with many small Pinot segments, between which updates move the valid row of a key."""
    running = {}

    def start(way):
        if way in running:
            return running[way]
        pipeline = running[way] = make_pipeline(f"segmented_{way}")
        pipeline.sql(f"INSERT INTO {pipeline.quoted} (customer_id, name) SELECT 1, '0' FROM generate_series(1, {KEYS})")
        pipeline.start(way, people=[])
        table = {
            "published": published.table(platform.peers, pipeline.name),
            "corrected": artifacts.table(pipeline.described(), platform.peers),
        }[way]
        streams = table["tableIndexConfig"]["streamConfigs"]
        streams["realtime.segment.flush.threshold.rows"] = str(ROWS_A_SEGMENT)
        platform.pinot.apply_table(table)
        # The consuming segment keeps the size limit with which it began: commit it.
        platform.pinot.force_commit(pipeline.name)
        eventually(lambda: update_all(pipeline) and segments(pipeline) >= SEGMENTS, within=VISIBLE_WITHIN, every=0.5)
        return pipeline

    return start


def segments(pipeline):
    """Return the number of Pinot segments of a pipeline's table."""
    return len(set(pipeline.pinot("$segmentName", "option(skipUpsert=true)")))


def update_all(pipeline):
    """Increment the number in every row, and return the rows updated."""
    return pipeline.sql(f"UPDATE {pipeline.quoted} SET name = (name::bigint + 1)::text RETURNING id")


def rows_of_broker(pipeline):
    """Return the id and the number of each row, as Pinot's broker has them."""
    return [(key, json.loads(row)["name"]) for key, row in pipeline.pinot("id, source")]


class TestReadsOfTheView:
    @pytest.fixture
    def reads(self, segmented, way):
        """A pipeline, and the checks of reads of its view and of Pinot's broker during updates."""
        pipeline = segmented(way)
        keys = set(range(1, KEYS + 1))
        most = READS if way == "published" else EXACT
        view, broker = ReadCheck(), ReadCheck()
        with updating_rows(pipeline, keys, seen=view.newest):
            while view.reads + len(view.refused) < most and view.incomplete < ENOUGH:
                view.read(lambda: pipeline.view("id, name"), keys)
                if way == "published":
                    broker.read(lambda: rows_of_broker(pipeline), keys)
        return pipeline, view, broker

    @pytest.mark.claim("rdp-24", shows="published", fails_with=r"'a key twice': 0, 'a key missing': 0")
    def test_published_read_duplicates_or_misses_a_key(self, reads, evidence, check_capability):
        pipeline, view, broker = reads
        keys, control = set(range(1, KEYS + 1)), ReadCheck()

        assert view.incomplete, view.summary()
        newest = sorted(pipeline.sql(f"SELECT id, name FROM {pipeline.quoted}"))
        pipeline.until(lambda: pipeline.view("id, name") == newest, "the last updates are not in the view")
        for _ in range(ENOUGH):
            control.read(lambda: pipeline.view("id, name"), keys)
        assert not control.wrong(), control.summary()
        counts = [
            {"of": "the view as published", **view.summary()},
            {"of": "Pinot's broker, directly", **broker.summary()},
            {"of": "the view as published, without updates", **control.summary()},
        ]
        evidence.table(f"reads while rows are updated, in {segments(pipeline)} segments", counts)
        evidence.table("whether this Pinot supports consistent reads", [check_capability(pipeline, CONSISTENT_READS)])

    @pytest.mark.claim("rdp-24", shows="corrected", fails_with=r"'a key [a-z ]+': [1-9]")
    def test_read_returns_each_key_once_and_never_stale(self, reads, evidence):
        pipeline, view, _ = reads

        assert not view.wrong(), view.summary()
        assert not view.refused, view.refused
        pipeline.until_equal()
        evidence.table(f"reads while rows are updated, in {segments(pipeline)} segments", [view.summary()])

    @pytest.mark.claim("rdp-24", shows="corrected", fails_with=r"DID NOT RAISE Refused")
    def test_read_beyond_a_catalogs_limit_is_rejected(self, segmented, way, platform):
        pipeline = segmented(way)
        platform.trino.remove_catalog("limited")
        platform.trino.apply_catalog("limited", "pinot", catalogs.pinot_catalog(platform.peers, most_rows=KEYS))
        try:
            if way == "corrected":
                mark = base.mark_of(platform.trino.view("hive", "views", pipeline.name))
                platform.trino.apply_view(statements.view_sql(pipeline.described(), mark, catalog="limited"))
            with pytest.raises(Refused, match=f"maximum allowed is '{KEYS}' rows"):
                pipeline.view()
        finally:
            if way == "corrected":
                platform.apply(pipeline.described())
