"""What reads show while rows change: each key once, or not."""

import json

import pytest

from fixtures.waiting import eventually
from reference.realtime_data_platform import artifacts, statements
from reference.realtime_data_platform.errors import Refused
from scenarios.realtime_data_platform import published
from scenarios.realtime_data_platform.capabilities import CONSISTENT_READS
from scenarios.realtime_data_platform.chain import SEEN_WITHIN
from scenarios.realtime_data_platform.hammer import Judgement, hammered

KEYS, ROWS_A_SEGMENT, SEGMENTS, READS = 60, 100, 4, 40


@pytest.fixture(scope="module")
def moving(chains, platform):
    """Lays a way's table of numbers in many small segments: an update moves a key out of one into another."""
    laid = {}

    def lay(way):
        if way in laid:
            return laid[way]
        chain = laid[way] = chains(f"moving_{way}")
        chain.sql(f"INSERT INTO {chain.quoted} (customer_id, name) SELECT 1, '0' FROM generate_series(1, {KEYS})")
        chain.lay(way, people=[])
        table = {
            "published": published.table(chain.name),
            "corrected": artifacts.table(chain.described(), platform.peers),
        }[way]
        streams = table["tableIndexConfig"]["streamConfigs"]
        streams["realtime.segment.flush.threshold.rows"] = str(ROWS_A_SEGMENT)
        platform.pinot.apply_table(table)
        # The segment that is being filled keeps the size it began with: end it.
        platform.pinot.force_commit(chain.name)
        eventually(lambda: updated(chain) and segments(chain) >= SEGMENTS, within=SEEN_WITHIN, every=0.5)
        return chain

    return lay


def segments(chain):
    return len(set(chain.pinot("$segmentName", "option(skipUpsert=true)")))


def updated(chain):
    """Update every row to the next number."""
    return chain.sql(f"UPDATE {chain.quoted} SET name = (name::bigint + 1)::text RETURNING id")


class TestReadingTheView:
    @pytest.fixture
    def judged(self, moving, way):
        """The chain of a way, and what reads of its view, and of Pinot's own broker, showed under updates."""
        chain = moving(way)
        keys = set(range(1, KEYS + 1))
        view, broker = Judgement(), Judgement()
        with hammered(chain, keys, seen=view.newest):
            for _ in range(READS):
                view.read(lambda: chain.view("id, name"), keys)
                broker.read(lambda: [(key, json.loads(row)["name"]) for key, row in chain.pinot("id, source")], keys)
        return chain, view, broker

    @pytest.mark.claim("rdp-24", shows="published")
    def test_as_published_shows_a_key_twice_or_not_at_all(self, judged, evidence, asked):
        chain, view, broker = judged

        assert view.twice or view.lacking, view.told()
        told = [{"of": "the view as published", **view.told()}, {"of": "Pinot's broker, directly", **broker.told()}]
        evidence.table(f"reads while rows are updated, in {segments(chain)} segments", told)
        evidence.table("what a newer Pinot does about it", [asked(chain, CONSISTENT_READS)])

    @pytest.mark.claim("rdp-24", shows="corrected")
    def test_shows_each_key_once_and_never_older(self, judged, evidence):
        chain, view, _ = judged

        assert not view.wrong(), view.told()
        assert view.reads > READS / 2, view.refused
        eventually(lambda: not chain.platform.verify(chain.described()), within=SEEN_WITHIN)
        evidence.table(f"reads while rows are updated, in {segments(chain)} segments", [view.told()])

    @pytest.mark.claim("rdp-24", shows="corrected")
    def test_is_refused_where_there_are_more_rows_than_one_answer_may_hold(self, moving, way, platform):
        chain = moving(way)
        little = {"catalog": "little", "most_rows": KEYS}
        platform.trino.remove_catalog("little")
        platform.trino.apply_catalog("little", "pinot", statements.pinot_catalog(platform.peers, most_rows=KEYS))
        try:
            if way == "corrected":
                platform.trino.apply_view(statements.view_sql(chain.described(), **little))
            with pytest.raises(Refused, match=f"{KEYS}"):
                chain.view()
        finally:
            platform.trino.remove_catalog("little")
            if way == "corrected":
                platform.apply(chain.described())
