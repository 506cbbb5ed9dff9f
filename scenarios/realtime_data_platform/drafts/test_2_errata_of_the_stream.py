"""What is wrong between PostgreSQL and Pinot, failing as published and holding as corrected."""

import pytest

from reference.realtime_data_platform import artifacts
from scenarios.realtime_data_platform import published

SMALLEST_LONG = -(2**63)
UNAVAILABLE = "__debezium_unavailable_value"
LONG = "SELECT string_agg(md5(i::text), '') FROM generate_series(1, 400) i"


class TestADelete:
    @pytest.mark.claim("rdp-16", shows="published")
    def test_as_published_makes_a_junk_row_and_the_deleted_one_stays(self, laid, way, evidence):
        chain = laid("leaves", way)
        chain.sql(f"DELETE FROM {chain.name} WHERE id = 3")
        chain.until(lambda: ("d",) in chain.pinot("op"), "the delete is there")

        rows = sorted(chain.pinot("id, customer_id, op"))
        assert rows == [(SMALLEST_LONG, SMALLEST_LONG, "d"), (1, 1, "r"), (2, 2, "r"), (3, 3, "r")]
        assert (3, 3, "Bob", "r") in chain.view()
        evidence.table(
            "Pinot after the delete", [dict(zip(("id", "customer_id", "op"), row, strict=True)) for row in rows]
        )

    @pytest.mark.claim("rdp-16", shows="corrected")
    def test_takes_the_row_out_of_the_view(self, laid, way):
        chain = laid("leaves", way)
        chain.sql(f"DELETE FROM {chain.name} WHERE id = 3")
        chain.until(lambda: ("d",) in chain.pinot("op"), "the delete is there")

        assert chain.view() == published.VIEW_ROWS[:2]
        assert not chain.platform.verify(chain.described())


class TestTheKeysOfTheConnector:
    @staticmethod
    def unknown(platform, config):
        """Keys that neither the connector nor Connect itself knows."""
        known = platform.connectors.known(config["connector.class"]).keys()
        own = {"connector.class", "transforms"}
        return {key for key in config.keys() - known - own if not key.startswith(("transforms.", "producer.override."))}

    @pytest.mark.claim("rdp-17", shows="published")
    def test_as_published_one_is_not_known_and_names_nothing(self, platform, laid, way):
        assert self.unknown(platform, published.connector()["config"]) == {"database.server.name"}
        chain = laid("leaves", way)
        assert {event["source"]["name"] for event in chain.events()} == {"user_service"}

    @pytest.mark.claim("rdp-17", shows="corrected")
    def test_are_all_known(self, platform, chains, way):
        chain = chains("keys")
        configs = {
            "published": published.connector()["config"],
            "corrected": artifacts.connector(chain.described(), platform.peers)["config"],
        }

        assert self.unknown(platform, configs[way]) == set()


class TestTheTimeOfAChange:
    @staticmethod
    def times(chain):
        told = {event["after"]["id"]: event["ts_ms"] for event in chain.events() if event["op"] == "r"}
        kept = {key: time for key, time in chain.pinot("id, ts_ms") if key in (1, 2)}
        return kept, {key: told[key] for key in kept}

    @pytest.mark.claim("rdp-20", shows="published")
    def test_as_published_is_the_clock_of_whoever_reads(self, laid, way, evidence):
        kept, told = self.times(laid("leaves", way))

        assert kept.keys() == {1, 2}
        assert all(kept[key] > told[key] for key in kept)
        evidence.json("Pinot's ts_ms and Debezium's", {"kept": kept, "told": told})

    @pytest.mark.claim("rdp-20", shows="corrected")
    def test_is_the_events(self, laid, way):
        kept, told = self.times(laid("leaves", way))

        assert kept == told
        assert kept.keys() == {1, 2}


class TestTablesOfOneNameInTwoSchemas:
    @pytest.fixture
    def two(self, chains, way):
        chain = chains(f"twins_{way}")
        chain.sql("CREATE SCHEMA IF NOT EXISTS elsewhere")
        chain.sql(f"DROP TABLE IF EXISTS elsewhere.{chain.name}")
        chain.sql(published.DDL.format(name=f"elsewhere.{chain.name}", more=""))
        chain.lay(way)
        chain.sql(f"INSERT INTO elsewhere.{chain.name} (customer_id, name) VALUES (1, 'Stranger')")
        chain.sql(f"INSERT INTO {chain.name} (customer_id, name) VALUES (4, 'Dana')")
        chain.until(lambda: (4,) in chain.pinot("id"), "the change after the stranger's")
        yield chain
        chain.sql(f"DROP TABLE elsewhere.{chain.name}")

    @pytest.mark.claim("rdp-29", shows="published")
    def test_as_published_overwrite_each_other(self, two):
        assert (1, 1, "Stranger", "c") in two.view()
        assert (1, 1, "Fasih", "r") not in two.view()

    @pytest.mark.claim("rdp-29", shows="corrected")
    def test_are_kept_apart_by_the_schemas_name(self, two):
        assert two.view() == [*published.VIEW_ROWS, (4, 4, "Dana", "c")]


class TestALongValueThatDidNotChange:
    @pytest.fixture
    def updated(self, chains, way):
        chain = chains(f"long_{way}", more=", note text").lay(way)
        chain.sql(f"UPDATE {chain.name} SET name = ({LONG}) WHERE id = 1")
        chain.sql(f"UPDATE {chain.name} SET note = 'seen' WHERE id = 1")
        chain.until(lambda: "seen" in str(chain.pinot("source")), "the last update")
        [(name,)] = chain.sql(LONG)
        return [seen for key, seen in chain.view("id, name") if key == 1], name

    @pytest.mark.claim("rdp-30", shows="published")
    def test_as_published_becomes_a_placeholder(self, updated):
        seen, _ = updated
        assert seen == [UNAVAILABLE]

    @pytest.mark.claim("rdp-30", shows="corrected")
    def test_is_what_it_was(self, updated):
        seen, name = updated
        assert seen == [name]
