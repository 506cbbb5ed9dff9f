"""Bad input raises an error that names the cause, and nothing that was created before it remains."""

from contextlib import contextmanager
from dataclasses import replace

import pytest

from reference.realtime_data_platform.clients import catalogs
from reference.realtime_data_platform.errors import BadInput, NotFound, PlatformError, Refused
from reference.realtime_data_platform.platform import Platform
from reference.realtime_data_platform.source.description import Column, Table
from reference.realtime_data_platform.stream import artifacts

ABSENT = {"connector": "absent", "pinot": "absent", "view": "absent"}
NOWHERE = Table("nowhere", (Column("id", "bigint"),), ("id",))


@pytest.fixture(scope="module")
def people(make_pipeline):
    """A table with a row, whose pipeline no test but the last leaves running."""
    pipeline = make_pipeline("bad")
    pipeline.insert(1, "Fasih")
    return pipeline


def slots_and_publications(pipeline, name):
    """Return the replication slots and publications of a table's pipeline in PostgreSQL."""
    slots = pipeline.sql("SELECT slot_name FROM pg_replication_slots WHERE slot_name = %s", f"platform_{name}")
    publications = pipeline.sql("SELECT pubname FROM pg_publication WHERE pubname = %s", f"platform_{name}")
    return slots + publications


@contextmanager
def nothing_remains(platform, pipeline, name):
    """After the block, check that no part of the table's pipeline exists."""
    yield
    assert platform.status(name) == ABSENT
    assert slots_and_publications(pipeline, name) == []


class TestConnector:
    def test_wrong_password_is_reported(self, people, platform):
        wrong = Platform(
            platform.addresses, replace(platform.peers, password="${env:PATH}"), patience=platform.patience
        )

        with (
            nothing_remains(platform, people, people.name),
            pytest.raises(BadInput, match=r"connector bad: database\.\w+: .*password authentication failed"),
        ):
            wrong.apply(people.described())

        assert people.sql("SELECT relreplident::text FROM pg_class WHERE relname = 'bad'") == [("d",)]

    def test_unknown_table_is_reported(self, people, platform):
        for call in (lambda: platform.describe("nowhere"), lambda: platform.apply(NOWHERE)):
            with (
                nothing_remains(platform, people, "nowhere"),
                pytest.raises(BadInput, match=r"no table public\.nowhere"),
            ):
                call()

        with (
            nothing_remains(platform, people, "nowhere"),
            pytest.raises(BadInput, match=r"connector nowhere FAILED: .*platform_nowhere"),
        ):
            platform.connectors.apply(artifacts.connector(NOWHERE, platform.peers))


# By a suffix of the table's name: statements that make one whose changes would not arrive, and why.
NOT_REPLICATED = {
    "partitioned": ("CREATE TABLE {0} (id bigint PRIMARY KEY) PARTITION BY HASH (id)", "is partitioned"),
    "unlogged": ("CREATE UNLOGGED TABLE {0} (id bigint PRIMARY KEY)", "is unlogged"),
    "view": ("CREATE VIEW {0} AS SELECT 1 AS id", "is a view"),
    "materialized": ("CREATE MATERIALIZED VIEW {0} AS SELECT 1 AS id", "is a materialized view"),
    "parent": ("CREATE TABLE {0} (id bigint PRIMARY KEY); CREATE TABLE {0}_child () INHERITS ({0})", "inherit from it"),
    "computed": (
        "CREATE TABLE {0} (id bigint PRIMARY KEY, twice bigint GENERATED ALWAYS AS (id * 2) STORED)",
        "has the generated column twice",
    ),
}


class TestDescription:
    @pytest.fixture
    def refused(self, people):
        """Schema `refused`, which the test fills; dropped afterwards."""
        people.sql("DROP SCHEMA IF EXISTS refused CASCADE")
        people.sql("CREATE SCHEMA refused")
        yield people
        people.sql("DROP SCHEMA refused CASCADE")

    @pytest.mark.parametrize("kind", NOT_REPLICATED)
    def test_table_whose_changes_never_come_is_refused(self, refused, platform, kind):
        statement, reason = NOT_REPLICATED[kind]
        for each in statement.format(f"refused.{kind}").split("; "):
            refused.sql(each)

        with pytest.raises(BadInput, match=rf"refused\.{kind} .*{reason}"):
            platform.describe(kind, "refused")

    def test_included_columns_are_no_key_columns(self, refused, platform):
        refused.sql("CREATE TABLE refused.covered (email text, id bigint, PRIMARY KEY (id) INCLUDE (email))")

        assert platform.describe("covered", "refused").key == ("id",)

    @pytest.mark.parametrize("name", ["x' OR '1'='1", 'x"; DROP TABLE bad', "Person", "", "a\0b"])
    def test_sql_in_a_name_is_no_more_than_a_name(self, people, platform, name):
        with pytest.raises(BadInput, match=r"PostgreSQL (has no table|does not accept (the table name|this value))"):
            platform.describe(name)
        assert platform.status(name) == ABSENT
        platform.remove(name)

        assert people.sql("SELECT count(*) FROM bad") == [(1,)]


class TestTable:
    def test_pinot_table_without_schema_is_rejected(self, platform, people):
        with pytest.raises(Refused, match=r"Pinot's controller refused POST /tables: .*Schema"):
            platform.pinot.apply_table(artifacts.table(people.described(), platform.peers))

        assert platform.status(people.name) == ABSENT

    def test_pinot_table_with_another_schema_is_rejected(self, platform, people):
        described = people.described()

        with pytest.raises(BadInput, match="table bad needs schema bad, not nowhere"):
            platform.pinot.apply(artifacts.schema(NOWHERE), artifacts.table(described, platform.peers))

        assert platform.status(people.name) == ABSENT


class TestView:
    def test_failed_view_removes_the_new_pipeline(self, platform, people):
        with (
            nothing_remains(platform, people, people.name),
            pytest.raises(NotFound, match=r"COLUMN_NOT_FOUND.*height"),
        ):
            platform.apply(people.described(), where="height > 1")

    def test_failed_view_keeps_the_existing_view(self, platform, people):
        people.start("corrected", people=[])

        with pytest.raises(NotFound, match=r"COLUMN_NOT_FOUND.*height"):
            platform.apply(people.described(), where="height > 1")

        assert not platform.verify(people.described())


@pytest.mark.parametrize(
    ("connector", "change"),
    [
        ("pinot", {"pinot.controller-urls": "localhost:1"}),
        ("hive", {"hive.metastore.uri": "thrift://localhost:1", "hive.metastore.thrift.client.max-retries": "0"}),
        ("postgresql", {"connection-url": "jdbc:postgresql://localhost:1/postgres"}),
    ],
)
def test_catalog_that_reaches_no_server_is_removed(connector, change, lake, platform):
    keys = {
        "pinot": catalogs.pinot_catalog(platform.peers),
        "hive": catalogs.hive_catalog(platform.peers),
        "postgresql": {"connection-user": "any", "connection-password": "any"},
    }[connector]

    with pytest.raises(Refused, match=r"catalog nowhere does not reach its server: Trino refused: .*:1"):
        lake.apply_catalog("nowhere", connector, {**keys, **change})

    assert ("nowhere",) not in lake.query("SHOW CATALOGS")


def test_catalog_with_an_unknown_key_is_rejected(lake, platform):
    with pytest.raises(PlatformError, match=r"'pinot\.controller-url' was not used"):
        lake.apply_catalog("nowhere", "pinot", {"pinot.controller-url": platform.peers.pinot_controller})

    assert ("nowhere",) not in lake.query("SHOW CATALOGS")
