"""What is wrong is said, and nothing half made stays."""

from contextlib import contextmanager
from dataclasses import replace

import pytest

from reference.realtime_data_platform import artifacts, statements
from reference.realtime_data_platform.description import Column, Table
from reference.realtime_data_platform.errors import BadInput, NotFound, PlatformError, Refused
from reference.realtime_data_platform.platform import Platform

ABSENT = {"connector": "absent", "pinot": "absent", "view": "absent"}
NOWHERE = Table("nowhere", (Column("id", "bigint"),), ("id",))


@pytest.fixture
def people(chains):
    """A table with a row, and no chain."""
    chain = chains("bad")
    chain.insert(1, "Fasih")
    return chain


def leavings(chain, name):
    """What is left of a table's chain in PostgreSQL: slots, publications, and its replica identity."""
    slots = chain.sql("SELECT slot_name FROM pg_replication_slots WHERE slot_name = %s", f"platform_{name}")
    publications = chain.sql("SELECT pubname FROM pg_publication WHERE pubname = %s", f"platform_{name}")
    return slots + publications


@contextmanager
def nothing_stays(platform, chain, name):
    yield
    assert platform.status(name) == ABSENT
    assert leavings(chain, name) == []


class TestAConnector:
    def test_with_a_wrong_password(self, people, platform):
        wrong = Platform(
            platform.addresses, replace(platform.peers, password="wrong"), patience=platform.patience
        )  # it is

        with (
            nothing_stays(platform, people, people.name),
            pytest.raises(BadInput, match=r"connector bad: database\.\w+: .*password authentication failed"),
        ):
            wrong.apply(people.described())

        assert people.sql("SELECT relreplident::text FROM pg_class WHERE relname = 'bad'") == [("d",)]

    def test_of_an_unknown_table(self, people, platform):
        for ask in (lambda: platform.describe("nowhere"), lambda: platform.apply(NOWHERE)):
            with nothing_stays(platform, people, "nowhere"), pytest.raises(BadInput, match=r"no table public\.nowhere"):
                ask()

        with (
            nothing_stays(platform, people, "nowhere"),
            pytest.raises(BadInput, match=r"connector nowhere FAILED: .*platform_nowhere"),
        ):
            platform.connectors.apply(artifacts.connector(NOWHERE, platform.peers))


class TestATable:
    def test_whose_schema_is_missing(self, platform, people):
        with pytest.raises(Refused, match=r"Pinot's controller refused POST /tables: .*Schema"):
            platform.pinot.apply_table(artifacts.table(people.described(), platform.peers))

        assert platform.status(people.name) == ABSENT

    def test_with_the_schema_of_another(self, platform, people):
        described = people.described()

        with pytest.raises(BadInput, match="table bad needs schema bad, not nowhere"):
            platform.pinot.apply(artifacts.schema(NOWHERE), artifacts.table(described, platform.peers))

        assert platform.status(people.name) == ABSENT


class TestAView:
    def test_over_a_missing_column_takes_what_was_new_with_it(self, platform, people):
        with (
            nothing_stays(platform, people, people.name),
            pytest.raises(NotFound, match=r"COLUMN_NOT_FOUND.*height"),
        ):
            platform.apply(people.described(), where="height > 1")

    def test_over_a_missing_column_leaves_the_former_one(self, platform, people):
        people.lay("corrected", people=[])

        with pytest.raises(NotFound, match=r"COLUMN_NOT_FOUND.*height"):
            platform.apply(people.described(), where="height > 1")

        assert not platform.verify(people.described())


@pytest.mark.parametrize(
    ("connector", "change"),
    [
        ("pinot", {"pinot.controller-urls": "pinot-controller:1"}),
        ("hive", {"hive.metastore.uri": "thrift://hive:1", "hive.metastore.thrift.client.max-retries": "0"}),
        ("postgresql", {"connection-url": "jdbc:postgresql://postgres:1/postgres"}),
    ],
)
def test_a_catalog_that_points_nowhere(connector, change, platform):
    keys = {
        "pinot": statements.pinot_catalog(platform.peers),
        "hive": statements.hive_catalog(platform.peers),
        "postgresql": {"connection-user": "any", "connection-password": "any"},
    }[connector]

    with pytest.raises(Refused, match=r"catalog nowhere does not reach its server: Trino refused: .*:1"):
        platform.trino.apply_catalog("nowhere", connector, {**keys, **change})

    assert ("nowhere",) not in platform.trino.query("SHOW CATALOGS")


def test_a_catalog_with_a_key_that_is_none(platform):
    with pytest.raises(PlatformError, match=r"'pinot\.controller-url' was not used"):
        platform.trino.apply_catalog("nowhere", "pinot", {"pinot.controller-url": "pinot-controller:9000"})

    assert ("nowhere",) not in platform.trino.query("SHOW CATALOGS")
