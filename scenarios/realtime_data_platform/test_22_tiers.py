"""Pinot's tiers: old segments move to servers with another tag, and a key of a table with upsert then has two rows."""

import json
from contextlib import nullcontext
from dataclasses import replace

import pytest
import requests

from fixtures.waiting import eventually
from reference.realtime_data_platform.clients.catalogs import pinot_catalog
from reference.realtime_data_platform.errors import BadInput, Refused
from reference.realtime_data_platform.stream import artifacts
from reference.realtime_data_platform.stream.tiers import Tier, configs
from reference.realtime_data_platform.view import base, statements
from scenarios.realtime_data_platform import published
from scenarios.realtime_data_platform.concurrent_updates import ReadCheck, repeating, updating_rows
from scenarios.realtime_data_platform.one_grpc_port import forwarding
from scenarios.realtime_data_platform.pipeline import VISIBLE_WITHIN

CATALOG = "tiers"
TAG = "cold_REALTIME"
COLD = Tier("cold", "1s", TAG)
KEYS = range(1, 21)
UPDATED = 2
ABSENT = Tier("archive", "1s", "archive_REALTIME")
WRONG = {
    "a tier without a name": ([{"name": None}], "Missing required creator property 'name'"),
    "a name twice": ([{}, {}], "Tier name: cold already exists in tier configs"),
    "no age": ([{"segmentAge": None}], "Must provide 'segmentAge' for segmentSelectorType: time in tier: cold"),
    "an age that is no period": ([{"segmentAge": "a week"}], "segmentAge: a week must be a valid period string"),
    "no tag": ([{"serverTag": None}], "Must provide 'serverTag' for storageType: pinot_server in tier: cold"),
    "a tag of no kind of table": ([{"serverTag": "cold"}], "serverTag: cold must have a valid server tag format"),
    "another storage": ([{"storageType": "s3"}], "Unsupported storageType: s3"),
}


@pytest.fixture(scope="module")
def servers(platform, environment, pinot, pinot_server):  # noqa: ARG001  # declared, so that Pinot runs
    """The two servers of Pinot. The second gets its tag before it starts: otherwise it would be given new tables."""
    second = environment.addressed("pinot-server-cold").place
    instance = {"host": second.host, "port": second.ports["netty"], "type": "SERVER", "tags": [TAG]}
    requests.post(f"{platform.addresses.controller}/instances", json=instance, timeout=60).raise_for_status()
    yield pinot_server, environment["pinot-server-cold"]
    environment.stop("pinot-server-cold")


@pytest.fixture(scope="module")
def hot_and_cold(servers):
    """The names of the two servers in Pinot."""
    return tuple(f"Server_{each.place.host}_{each.place.ports['netty']}" for each in servers)


@pytest.fixture(scope="module")
def read_by_views(platform, lake, servers):
    """The catalog `tiers` of Trino, which reaches both servers at one gRPC port; if theirs differ, it is forwarded."""
    ports = {each.place.host: each.place.ports["grpc"] for each in servers}
    same = len(set(ports.values())) == 1
    with nullcontext(ports.popitem()[1]) if same else forwarding(ports) as port:
        lake.apply_catalog(CATALOG, "pinot", pinot_catalog(replace(platform.peers, pinot_grpc_port=port)))
        yield
        lake.remove_catalog(CATALOG)


class Tiered:
    """A table of twenty people whose names are numbers, with committed segments and a consuming one."""

    def __init__(self, pipeline, way):
        self.pipeline, self.way, self.platform = pipeline, way, pipeline.platform
        self.pinot, self.name = pipeline.platform.pinot, pipeline.name
        pipeline.sql(f"INSERT INTO {pipeline.quoted} (customer_id, name) SELECT 1, '0' FROM generate_series(1, 20)")
        pipeline.start(way, people=[])
        if way == "corrected":
            mark = base.mark_of(self.platform.trino.view("hive", "views", self.name))
            self.platform.trino.apply_view(statements.view_sql(pipeline.described(), mark, catalog=CATALOG))
        else:
            view = published.VIEW.format(name=pipeline.quoted)
            self.platform.trino.apply_view(view.replace("pinot.default", f"{CATALOG}.default"))
        self.commit()

    def commit(self):
        """Commit the consuming segment, and wait for the next one."""
        before = len(self.segments())
        self.pinot.force_commit(self.name)
        eventually(lambda: len(self.segments()) > before, within=VISIBLE_WITHIN)

    def segments(self):
        """Return the server of each segment, by the segment's name; the consuming segment comes last."""
        found = self.pinot.servers(self.name)
        return dict(sorted(found.items(), key=lambda each: int(each[0].rsplit("__", 2)[1])))

    def config(self, **changed):
        """Return the configuration of Pinot's table, with changed keys."""
        return {**self.pinot.config(self.name), "tableName": self.name, **changed}

    def apply_tiers(self, *tiers):
        """Give the table tiers: by the library if corrected, by Pinot's own API if published."""
        if self.way == "corrected":
            self.platform.apply_tiers(self.name, tiers)
        else:
            self.pinot.apply_table(self.config(tierConfigs=configs(tiers)))

    def rebalance(self):
        """Move segments, by the library or by Pinot's own API, and return whether any has moved."""
        return self.platform.rebalance(self.name) if self.way == "corrected" else self.pinot.rebalance(self.name)

    def move(self, *tiers):
        """Give the table tiers, and wait until the segments that are old enough have moved."""
        self.apply_tiers(*tiers)
        return eventually(self.rebalance, within=VISIBLE_WITHIN)

    def rows(self):
        """Return the rows as Pinot's broker and Trino's view have them."""
        return {"broker": sorted(self.pipeline.pinot("id, source, op")), "view": self.pipeline.view()}

    def numbers(self, key):
        """Return the numbers in all rows of a key, in the view and at Pinot's broker."""
        at_broker = [json.loads(row)["name"] for found, row in self.pipeline.pinot("id, source") if found == key]
        return sorted(name for found, name in self.pipeline.view("id, name") if found == key), sorted(at_broker)

    def update(self, key):
        """Increment the number of a key, and wait until Pinot has it."""
        statement = f"UPDATE {self.pipeline.quoted} SET name = (name::bigint + 1)::text WHERE id = %s RETURNING name"
        [(number,)] = self.pipeline.sql(statement, key)
        self.pipeline.until(lambda: number in self.numbers(key)[1], "Pinot lacks the update")


@pytest.fixture(scope="module")
def start_table(make_pipeline, read_by_views):  # noqa: ARG001  # declared, so that views find their catalog
    """Starts the pipeline of a table the given way; a second call returns the running one."""
    running = {}

    def start(way):
        if way not in running:
            running[way] = Tiered(make_pipeline(f"tiered_{way}"), way)
        return running[way]

    return start


@pytest.fixture
def tiered(start_table, way, hot_and_cold):
    """A table whose segments are all on the first server, before the test and after it."""
    table = start_table(way)
    before = set(table.segments().values())
    yield table
    table.apply_tiers()
    table.rebalance()
    assert before == set(table.segments().values()) == {hot_and_cold[0]}


class TestMoveByAge:
    @pytest.mark.claim("rdp-12")
    def test_old_segment_moves_to_its_tiers_server(self, tiered, hot_and_cold, evidence):
        hot, cold = hot_and_cold
        before, rows = tiered.segments(), tiered.rows()
        *old, consuming = before

        moved = tiered.move(COLD)

        assert moved == dict.fromkeys(old, cold)
        assert tiered.segments() == {**moved, consuming: hot}
        assert tiered.rows() == rows
        evidence.table(
            "servers of the segments",
            [{"segment": each, "before": before[each], "after": after} for each, after in tiered.segments().items()],
        )
        assert tiered.move() == dict.fromkeys(old, hot)
        assert tiered.segments() == before
        assert tiered.rows() == rows

    @pytest.mark.claim("rdp-12")
    def test_segment_younger_than_the_tiers_age_stays(self, tiered):
        before = tiered.segments()
        tiered.apply_tiers(replace(COLD, age="1d"))

        assert tiered.rebalance() == {}
        assert tiered.segments() == before

    @pytest.mark.claim("rdp-12")
    def test_tiers_stay_when_the_table_is_applied_again(self, tiered, platform):
        tiered.apply_tiers(COLD)
        table = artifacts.table(tiered.pipeline.described(), platform.peers)
        table["tableIndexConfig"]["streamConfigs"]["realtime.segment.flush.threshold.rows"] = "60000"

        platform.pinot.apply_table(table)

        assert tiered.config()["tierConfigs"] == configs([COLD])

    @pytest.mark.claim("rdp-12")
    @pytest.mark.parametrize(("changes", "message"), WRONG.values(), ids=WRONG)
    def test_wrong_tier_is_refused_by_pinot(self, start_table, changes, message):
        table = start_table("corrected")
        before = table.config()
        [right] = configs([COLD])
        tiers = [{key: value for key, value in {**right, **each}.items() if value is not None} for each in changes]

        with pytest.raises(Refused, match=message):
            table.pinot.apply_table(table.config(tierConfigs=tiers))
        assert table.config() == before

    @pytest.mark.claim("rdp-12")
    def test_tag_of_no_server_is_refused_beforehand(self, tiered):
        before = tiered.config()
        with pytest.raises(BadInput, match=f"no server of Pinot has the tag {ABSENT.tag}; the servers have .*{TAG}"):
            tiered.apply_tiers(ABSENT)
        assert tiered.config() == before

        tiered.pinot.apply_table(tiered.config(tierConfigs=configs([ABSENT])))  # Pinot accepts it
        with pytest.raises(Refused, match=f"No instance found with tag: {ABSENT.tag}"):
            tiered.rebalance()


class TestUpsert:
    @pytest.fixture
    def updated(self, tiered):
        """A table one of whose keys was updated after its segment had moved."""
        tiered.move(COLD)
        tiered.update(UPDATED)
        return tiered

    @pytest.mark.claim("rdp-23", shows="published", fails_with=r"assert \['1'\] == \['0', '1'\]")
    def test_published_key_has_two_rows_after_a_move(self, updated, evidence):
        in_view, at_broker = updated.numbers(UPDATED)

        assert in_view == ["0", "1"]
        assert at_broker == ["0", "1"]
        updated.move()
        on_one_server = updated.numbers(UPDATED)
        assert on_one_server == (["1"], ["1"])
        evidence.json("names of the key", {"on two servers": at_broker, "on one server again": on_one_server[1]})

    @pytest.mark.claim("rdp-23", shows="corrected", fails_with=r"assert \['0', '1'\] == \['1'\]")
    def test_key_has_one_row_after_a_move(self, updated, platform):
        in_view, _ = updated.numbers(UPDATED)

        assert in_view == ["1"]
        assert not platform.verify(updated.pipeline.described())


@pytest.mark.claim("rdp-23", shows="corrected", fails_with=r"'a key twice': [1-9]")
def test_reads_are_exact_while_segments_move(tiered, evidence):
    pipeline, keys, view = tiered.pipeline, set(KEYS), ReadCheck()

    def more_reads():
        enough = view.reads + 3
        eventually(
            lambda: view.reads > enough,
            within=2 * VISIBLE_WITHIN,
            message=lambda: f"{view.summary()}, {view.refused[-1:]}: more than {enough} reads",
        )

    with (
        updating_rows(pipeline, keys, seen=view.newest),
        repeating(lambda: view.read(lambda: pipeline.view("id, name"), keys)),
    ):
        more_reads()
        tiered.commit()
        tiered.move(COLD)
        more_reads()
        tiered.move()
        more_reads()

    assert not view.wrong(), view.summary()
    pipeline.until_equal()
    evidence.table("reads while segments move to another server and back", [view.summary()])
    evidence.json("errors", sorted({error.split("\n")[0][:160] for error in view.refused}))
