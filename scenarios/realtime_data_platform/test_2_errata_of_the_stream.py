"""What is wrong between PostgreSQL and Pinot, failing as published and holding as corrected."""

import pytest

from fixtures.waiting import eventually
from reference.realtime_data_platform import artifacts
from reference.realtime_data_platform.description import Column, Table
from scenarios.realtime_data_platform import published
from scenarios.realtime_data_platform.capabilities import DELETES
from scenarios.realtime_data_platform.chain import SEEN_WITHIN

SMALLEST_LONG = -(2**63)
UNAVAILABLE = "__debezium_unavailable_value"
# Longer than a page's quarter, and not to be compressed below it: PostgreSQL stores it out of line.
LONG = "SELECT string_agg(md5(i::text), '') FROM generate_series(1, 400) i"


@pytest.fixture(scope="module")
def person(laid):
    """Lays a way's table of persons, with one more column: one chain for what does not disturb each other."""
    return lambda way: laid("errata", way, more=", note text")


class TestADelete:
    @pytest.fixture
    def bereft(self, person, way):
        """A chain, and the id of somebody who was there and was deleted."""
        chain = person(way)
        gone = chain.insert(4, "Dana")
        chain.until(lambda: (gone,) in chain.pinot("id"), "Dana is in Pinot")
        chain.sql(f"DELETE FROM {chain.quoted} WHERE id = %s", gone)
        chain.until(lambda: ("d",) in chain.pinot("op"), "the delete is in Pinot")
        return chain, gone

    @pytest.mark.claim("rdp-16", shows="published")
    def test_as_published_makes_a_row_of_no_key_and_the_deleted_one_stays(self, bereft, evidence, asked):
        chain, gone = bereft

        rows = chain.pinot("id, customer_id, op")
        assert (SMALLEST_LONG, SMALLEST_LONG, "d") in rows
        assert (gone, 4, "c") in rows
        assert (gone, 4, "Dana", "c") in chain.view()
        evidence.table(
            "Pinot after a delete", [dict(zip(("id", "customer_id", "op"), row, strict=True)) for row in sorted(rows)]
        )
        evidence.table("what a newer Pinot does about it", [asked(chain, DELETES)])

    @pytest.mark.claim("rdp-16", shows="corrected")
    def test_takes_the_row_out_of_the_view_until_it_is_inserted_again(self, bereft):
        chain, gone = bereft

        assert [op for key, op in chain.pinot("id, op") if key == gone] == ["d"]
        assert gone not in [key for (key,) in chain.view("id")]
        assert not chain.platform.verify(chain.described())
        chain.sql(f"INSERT INTO {chain.quoted} (id, customer_id, name) VALUES (%s, 4, 'Dana')", gone)
        chain.until(lambda: (gone, "c") in chain.pinot("id, op"), "Dana is in Pinot again")
        assert not chain.platform.verify(chain.described())


class TestTheKeysOfTheConnector:
    @pytest.mark.claim("rdp-17", shows="published")
    def test_as_published_one_is_unknown_and_names_nothing(self, person, way, platform, evidence):
        chain = person(way)
        configs = {
            "published": published.connector(chain.name),
            "corrected": artifacts.connector(chain.described(), platform.peers),
        }
        config = configs[way]["config"]

        judged = platform.connectors.check_keys(config)

        assert {key: verdict for key, verdict in judged.items() if verdict != "known"} == {
            "database.server.name": "unknown"
        }
        named = {event["source"]["name"] for event in chain.events()}
        assert named == {config["topic.prefix"]} != {config["database.server.name"]}
        evidence.table(
            "Connect's validation of each published key",
            [{"key": key, "it is": judged[key]} for key in published.connector()["config"]],
        )

    @pytest.mark.claim("rdp-17", shows="corrected")
    def test_are_all_known(self, chains, platform, way):
        configs = {
            "published": published.connector("keys"),
            "corrected": artifacts.connector(chains("keys").described(), platform.peers),
        }

        judged = platform.connectors.check_keys(configs[way]["config"])

        assert set(judged.values()) == {"known"}


class TestTheTimeOfAChange:
    @pytest.fixture
    def times(self, person, way):
        """The times of Alice, who was there from the beginning, and of somebody new: Debezium's, and Pinot's."""
        chain = person(way)
        keys = {2, chain.insert(6, "Farid")}
        chain.until(lambda: keys <= {key for (key,) in chain.pinot("id")}, "Farid is in Pinot")
        told = {row["id"]: event["ts_ms"] for event in chain.events() if (row := event["after"]) and row["id"] in keys}
        kept = {key: time for key, time in chain.pinot("id, ts_ms") if key in keys}
        return told, kept

    @pytest.mark.claim("rdp-20", shows="published")
    def test_as_published_is_one_for_all(self, times, evidence):
        told, kept = times

        assert len(set(told.values())) == 2
        assert len(set(kept.values())) == 1
        evidence.json("ts_ms by id", {"in the events": told, "in Pinot": kept})

    @pytest.mark.claim("rdp-20", shows="corrected")
    def test_is_the_events(self, times):
        told, kept = times
        assert kept == told


class TestALongValueThatDidNotChange:
    @pytest.fixture
    def updated(self, person, way):
        """What the view says of somebody's long name after a change of their note, and the name."""
        chain = person(way)
        [(name,)] = chain.sql(LONG)
        key = chain.insert(5, name)
        chain.sql(f"UPDATE {chain.quoted} SET note = 'seen' WHERE id = %s", key)
        chain.until(lambda: "seen" in str(chain.pinot("source")), "the note is in Pinot")
        [seen] = [seen for found, seen in chain.view("id, name") if found == key]
        return seen, name

    @pytest.mark.claim("rdp-30", shows="published")
    def test_as_published_becomes_a_placeholder(self, updated):
        seen, _ = updated
        assert seen == UNAVAILABLE

    @pytest.mark.claim("rdp-30", shows="corrected")
    def test_is_what_it_was(self, updated):
        seen, name = updated
        assert seen == name


class TestAnEventThatCannotBeProcessed:
    @pytest.fixture
    def stream(self, chains, platform, way):
        """A table whose connector is sent bytes in PostgreSQL's older form, in which it knows none so short.

        The form is that of the database's sessions, the connector's among them; as it was again, afterwards.
        """
        chain = chains(f"hurdle_{way}", more=", photo bytea")
        followed = Table(chain.name, (Column("id", "bigint"), Column("customer_id", "bigint")), ("id", "customer_id"))
        connector = {
            "published": published.connector(chain.name),
            "corrected": artifacts.connector(followed, platform.peers),
        }[way]
        chain.insert(1, "Fasih")
        chain.sql("ALTER DATABASE postgres SET bytea_output = 'escape'")
        try:
            platform.connectors.apply(connector)
            yield chain, connector
        finally:
            chain.sql("ALTER DATABASE postgres RESET bytea_output")

    @pytest.fixture
    def stumbled(self, stream, environment):
        """The stream, after an event that cannot be processed, and one that can be; what the log says of it."""
        chain, connector = stream
        eventually(lambda: self.told(chain) == ["Fasih"], within=SEEN_WITHIN)

        def said():
            return environment["connect"].log(10_000).count("Error while processing event")

        before = said()
        chain.sql(f"INSERT INTO {chain.quoted} (customer_id, name, photo) VALUES (2, 'Alice', 'A')")
        chain.insert(3, "Bob")
        return chain, connector, lambda: said() - before

    @staticmethod
    def told(chain):
        return [event["after"]["name"] for event in chain.events()]

    @pytest.mark.claim("rdp-28", shows="published")
    def test_as_published_is_lost_without_a_word(self, stumbled, platform, evidence):
        chain, _, said = stumbled

        eventually(lambda: "Bob" in self.told(chain), within=SEEN_WITHIN)

        assert self.told(chain) == ["Fasih", "Bob"]
        assert platform.connectors.status(chain.name) == "RUNNING"
        assert said() == 0
        evidence.json("people in PostgreSQL", [name for (name,) in chain.sql(f"SELECT name FROM {chain.quoted}")])
        evidence.json("people in the topic", self.told(chain))

    @pytest.mark.claim("rdp-28", shows="corrected")
    def test_stops_the_connector_which_says_so_and_goes_on_from_there(self, stumbled, platform, evidence):
        chain, connector, said = stumbled

        def stopped():
            state = platform.connectors.status(chain.name)
            return state.startswith("FAILED") and state

        state = eventually(lambda: stopped() or "Bob" in self.told(chain), within=SEEN_WITHIN)

        assert self.told(chain) == ["Fasih"]
        assert "Error while processing event at offset" in state
        assert said()
        chain.sql("ALTER DATABASE postgres RESET bytea_output")
        platform.connectors.apply(connector)
        eventually(lambda: self.told(chain) == ["Fasih", "Alice", "Bob"], within=SEEN_WITHIN)
        evidence.text("the connector's state", state)


class TestTablesOfOneNameInTwoSchemas:
    @pytest.fixture
    def twins(self, chains, way):
        """A table with the document's people, and one of its name in another schema, both changed since."""
        chain = chains(f"twins_{way}")
        chain.sql("DROP SCHEMA IF EXISTS elsewhere CASCADE")
        chain.sql("CREATE SCHEMA elsewhere")
        chain.sql(published.DDL.format(name=f"elsewhere.{chain.name}", more=""))
        try:
            chain.lay(way)
            chain.sql(f"INSERT INTO elsewhere.{chain.name} (customer_id, name) VALUES (1, 'Stranger')")
            key = chain.insert(4, "Dana")
            chain.until(lambda: (key,) in chain.pinot("id"), "the change after the stranger's")
            yield chain
        finally:
            chain.sql("DROP SCHEMA elsewhere CASCADE")

    @pytest.mark.claim("rdp-29", shows="published")
    def test_as_published_overwrite_each_other(self, twins, evidence):
        rows = twins.view()
        assert (1, 1, "Stranger", "c") in rows
        assert (1, 1, "Fasih", "r") not in rows
        tables = {f"{event['source']['schema']}.{event['source']['table']}" for event in twins.events()}
        assert tables == {f"public.{twins.name}", f"elsewhere.{twins.name}"}
        evidence.json("the tables whose changes are in one topic", sorted(tables))

    @pytest.mark.claim("rdp-29", shows="corrected")
    def test_are_kept_apart_by_the_schemas_name(self, twins):
        assert twins.view() == [*published.VIEW_ROWS, (4, 4, "Dana", "c")]
