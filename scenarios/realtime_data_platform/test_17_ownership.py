"""Others' objects are neither overwritten nor deleted, `remove` restores everything, and no password is readable."""

from dataclasses import replace

import pytest
import requests

from fixtures.waiting import eventually
from reference.realtime_data_platform.clients import catalogs
from reference.realtime_data_platform.errors import BadInput, NotOurs, Refused
from reference.realtime_data_platform.platform import Platform
from reference.realtime_data_platform.stream import artifacts
from scenarios.realtime_data_platform import published
from scenarios.realtime_data_platform.command import data_platform
from scenarios.realtime_data_platform.parts import IN_POSTGRESQL, Parts
from scenarios.realtime_data_platform.pipeline import VISIBLE_WITHIN

PASSWORD = "kept out of every answer"  # the same as in environment.toml


def make_connector(platform, pipeline):
    platform.connectors.apply(published.connector(platform.peers, pipeline.name))


def make_topic(platform, pipeline):
    other = published.connector(platform.peers, f"{pipeline.name}_other")
    other["config"] |= {"table.include.list": f"public.{pipeline.name}", "transforms.route.replacement": pipeline.name}
    platform.connectors.apply(other)
    platform.connectors.wait_for_topic(other["name"], pipeline.name)


def make_pinot_schema(platform, pipeline):
    platform.pinot.apply_schema(published.schema(platform.peers, pipeline.name))


def make_pinot_table(platform, pipeline):
    make_pinot_schema(platform, pipeline)
    platform.pinot.apply_table(published.table(platform.peers, pipeline.name))


def make_view(platform, pipeline):
    platform.trino.query(f"CREATE VIEW hive.views.{pipeline.quoted} AS SELECT 'theirs' AS whose")


def make_hive_table(platform, pipeline):
    platform.trino.query(f"CREATE TABLE hive.views.{pipeline.quoted} AS SELECT 'theirs' AS whose")


def make_iceberg_table(platform, pipeline):
    platform.trino.query(f"CREATE TABLE iceberg.base.{pipeline.quoted} AS SELECT 'theirs' AS whose")


def make_publication(_, pipeline):
    pipeline.sql(f"CREATE PUBLICATION platform_{pipeline.name} FOR TABLE {pipeline.quoted}")


def make_slot(_, pipeline):
    pipeline.sql(f"SELECT pg_create_logical_replication_slot('platform_{pipeline.name}', 'pgoutput')")


MADE_BY_OTHERS = {
    "connector": make_connector,
    "topic": make_topic,
    "schema": make_pinot_schema,
    "table": make_pinot_table,
    "view": make_view,
    "hive": make_hive_table,
    "iceberg": make_iceberg_table,
    "publication": make_publication,
    "slot": make_slot,
}


@pytest.mark.claim("rdp-34")
@pytest.mark.parametrize("kind", MADE_BY_OTHERS)
def test_what_others_made_is_left_as_it_is(make_pipeline, platform, kind):
    pipeline = make_pipeline(f"theirs_{kind}")
    pipeline.insert(1, "Fasih")
    MADE_BY_OTHERS[kind](platform, pipeline)
    parts = Parts(platform, pipeline)
    before = parts.found()

    for call in (lambda: platform.apply(pipeline.described()), lambda: platform.remove(pipeline.name)):
        with pytest.raises(NotOurs, match=rf"{pipeline.name}.* not made by data-platform for .*; nothing was changed"):
            call()
        assert parts.found() == before

    if kind == "hive":
        platform.trino.query(f"DROP TABLE hive.views.{pipeline.quoted}")
    platform.connectors.remove(f"{pipeline.name}_other")
    pipeline.sql(
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s",
        f"platform_{pipeline.name}_other",
    )
    pipeline.sql(f"DROP PUBLICATION IF EXISTS platform_{pipeline.name}_other")


@pytest.mark.claim("rdp-34")
def test_table_of_another_database_is_not_overwritten(make_pipeline, platform):
    pipeline = make_pipeline("in_two_databases").start("corrected")
    elsewhere = Platform(platform.addresses, replace(platform.peers, database="elsewhere"))

    with pytest.raises(NotOurs, match=r"connector in_two_databases and table in_two_databases of Pinot were not made"):
        elsewhere.apply(pipeline.described())

    assert not platform.verify(pipeline.described())


@pytest.mark.claim("rdp-34")
@pytest.mark.parametrize("identity", ["DEFAULT", "NOTHING", "FULL", "USING INDEX people_key"])
def test_removed_pipeline_leaves_all_as_before(make_pipeline, platform, identity, evidence):
    pipeline = make_pipeline(f"put_back_{identity[:5].strip().lower()}")
    pipeline.sql("DROP INDEX IF EXISTS people_key")
    pipeline.sql(f"CREATE UNIQUE INDEX people_key ON {pipeline.quoted} (id)")
    pipeline.sql(f"ALTER TABLE {pipeline.quoted} REPLICA IDENTITY {identity}")
    pipeline.insert(1, "Fasih")
    parts = Parts(platform, pipeline)
    before = parts.found()
    platform.apply(pipeline.described())
    assert {"f"} == {row[2] for row in pipeline.sql(IN_POSTGRESQL) if row[:2] == ("identity", pipeline.name)}

    platform.remove(pipeline.name)

    assert parts.found() == before
    evidence.json("what PostgreSQL has of replication, before and after", before["postgresql"])


def test_table_in_use_is_not_waited_for_forever(make_pipeline, platform, monkeypatch):
    monkeypatch.setattr("reference.realtime_data_platform.source.publication.LOCK_WITHIN", 1)
    pipeline = make_pipeline("in_use")
    before = pipeline.sql(IN_POSTGRESQL)
    with pipeline.connection() as writer, writer.transaction():
        writer.execute(f"INSERT INTO {pipeline.quoted} (customer_id, name) VALUES (1, 'Fasih')")
        with pytest.raises(Refused, match=r"a transaction has locked \"public\"\.\"in_use\" for 1 s; try again"):
            platform.apply(pipeline.described())
    assert pipeline.sql(IN_POSTGRESQL) == before


class TestRemove:
    @pytest.mark.claim("rdp-34")
    def test_remove_without_agreement_changes_nothing(self, make_pipeline, platform):
        pipeline = make_pipeline("kept").start("corrected")
        parts = Parts(platform, pipeline)
        before = parts.found()

        code, output, errors = data_platform(platform, "remove", "kept")

        assert (code, output) == (2, "")
        assert "Remove what the platform holds of public.kept? Without a terminal, agree by --yes" in errors
        assert parts.found() == before

    @pytest.mark.claim("rdp-34")
    def test_topic_removed_too_brings_no_row_back(self, make_pipeline, platform):
        pipeline = make_pipeline("emptied").start("corrected")
        pipeline.until_equal()
        assert pipeline.view("name")

        assert data_platform(platform, "remove", "emptied", "--yes", "--topic")[0] == 0
        pipeline.sql("DELETE FROM emptied")
        platform.apply(pipeline.described())
        pipeline.insert(9, "later")
        pipeline.until(lambda: pipeline.view("name"), "the row that came later is in the view")

        assert pipeline.view("name") == [("later",)]


class TestPassword:
    @pytest.fixture
    def followed(self, make_pipeline, platform):
        """A table that is followed as a PostgreSQL user with a password of its own, and the platform of that user."""
        pipeline = make_pipeline("guarded")
        pipeline.sql("DROP ROLE IF EXISTS replicator")
        pipeline.sql(f"CREATE ROLE replicator SUPERUSER LOGIN PASSWORD '{PASSWORD}'")
        own = Platform(
            platform.addresses, replace(platform.peers, user="replicator", password="${env:REPLICATOR_PASSWORD}")
        )
        pipeline.insert(1, "Fasih")
        own.apply(pipeline.described())
        yield pipeline, own
        own.remove(pipeline.name)
        pipeline.sql("DROP ROLE replicator")

    @pytest.mark.claim("rdp-35")
    def test_no_password_is_in_an_answer_or_a_log(self, followed, environment, evidence):
        pipeline, platform = followed
        at, name = platform.addresses, pipeline.name
        config = platform.connectors.config(name)
        shown = {
            path: requests.get(f"{url}/{path}", timeout=30).text
            for url, paths in {
                at.connect: [f"connectors/{name}{part}" for part in ("", "/config", "/tasks", "/status", "/offsets")],
                at.controller: [f"tables/{name}", f"schemas/{name}"],
            }.items()
            for path in paths
        }
        validated = f"{at.connect}/connector-plugins/{artifacts.CONNECTOR}/config/validate"
        shown["validation"] = requests.put(validated, json=config, timeout=30).text
        shown["queries"] = str(platform.trino.query("SELECT query FROM system.runtime.queries"))
        shown["statements"] = str([catalogs.hive_catalog(platform.peers), catalogs.iceberg_catalog(platform.peers)])
        shown["command"] = "".join(map(str, data_platform(platform, "status", name)))
        for service in ("connect", "trino", "pinot-controller", "pinot-broker", "pinot-server"):
            shown[f"log of {service}"] = environment.addressed(service).log(100_000)

        assert config["database.password"] == "${env:REPLICATOR_PASSWORD}"
        assert all(len(text) > 20 for text in shown.values() if text is not shown.get("log of trino"))
        assert {where for where, text in shown.items() if PASSWORD in text} == set()
        evidence.json("where the password was looked for, and characters read", {k: len(v) for k, v in shown.items()})

    @pytest.mark.claim("rdp-35")
    def test_password_in_clear_text_is_refused(self, make_pipeline, platform):
        pipeline = make_pipeline("unguarded")
        clear = Platform(platform.addresses, replace(platform.peers, password=PASSWORD))
        parts = Parts(platform, pipeline)
        before = parts.found()

        with pytest.raises(BadInput, match="read by anyone who reaches Kafka Connect: give a reference") as refused:
            clear.apply(pipeline.described())

        assert PASSWORD not in str(refused.value)
        assert parts.found() == before


class TestStatus:
    @pytest.fixture
    def people(self, make_pipeline):
        return make_pipeline("watched").start("corrected")

    @pytest.fixture
    def little_log(self, people):
        """The pipeline, while PostgreSQL keeps at most a megabyte of log for a replication slot."""
        people.sql("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
        people.sql("SELECT pg_reload_conf()")
        yield people
        people.sql("ALTER SYSTEM RESET max_slot_wal_keep_size")
        people.sql("SELECT pg_reload_conf()")

    @pytest.mark.claim("rdp-34")
    def test_status_exits_with_4_when_the_slot_is_lost(self, little_log, platform, evidence):
        name = little_log.name
        code, output, errors = data_platform(platform, "status", name)
        assert (code, errors) == (0, "")
        assert "changes not folded" in output
        assert "Kafka to Pinot: 0 messages not read" in output
        elsewhere = Platform(replace(platform.addresses, kafka="127.0.0.1:1"), platform.peers)
        assert elsewhere.health(name).behind["Kafka to Pinot"].startswith("unknown: Kafka at 127.0.0.1:1")

        requests.put(f"{platform.addresses.connect}/connectors/{name}/stop", timeout=30).raise_for_status()
        eventually(lambda: platform.connectors.status(name) == "STOPPED", within=VISIBLE_WITHIN)

        def lost():
            little_log.sql("SELECT pg_switch_wal()")
            little_log.sql("CREATE TABLE IF NOT EXISTS filler (a int); INSERT INTO filler VALUES (1)")
            little_log.sql("CHECKPOINT")
            return little_log.sql("SELECT wal_status FROM pg_replication_slots WHERE slot_name = 'platform_watched'")

        eventually(lambda: lost() == [("lost",)], within=VISIBLE_WITHIN)
        code, output, errors = data_platform(platform, "status", name)

        assert code == 4
        assert "connector watched is STOPPED" in errors
        assert "replication slot platform_watched is lost: PostgreSQL has removed changes" in errors
        assert "; run recover" in errors
        evidence.json("status of a pipeline whose slot is lost", {"output": output, "errors": errors})

        little_log.sql("INSERT INTO watched (customer_id, name) VALUES (9, 'while lost')")
        assert data_platform(platform, "apply", name)[0] == 3
        assert data_platform(platform, "recover", name, "--yes")[0] == 0
        eventually(lambda: not platform.verify(little_log.described()), within=VISIBLE_WITHIN)
        eventually(lambda: data_platform(platform, "status", name)[0] == 0, within=VISIBLE_WITHIN)
        little_log.sql("DROP TABLE filler")
