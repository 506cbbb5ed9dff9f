"""Errata between PostgreSQL and Pinot: each fails as published and works as corrected."""

import pytest

from fixtures.waiting import eventually
from reference.realtime_data_platform.source.description import Column, Table
from reference.realtime_data_platform.stream import artifacts
from scenarios.realtime_data_platform import published
from scenarios.realtime_data_platform.capabilities import DELETES
from scenarios.realtime_data_platform.pipeline import VISIBLE_WITHIN

SMALLEST_LONG = -(2**63)
UNAVAILABLE = "__debezium_unavailable_value"
# Longer than a quarter of a page even when compressed, so that PostgreSQL stores it out of line (TOAST).
LONG_VALUE_SQL = "SELECT string_agg(md5(i::text), '') FROM generate_series(1, 400) i"


@pytest.fixture(scope="module")
def person(start_pipeline):
    """Starts the pipeline of a table of persons the given way; tests that do not affect each other share it."""
    return lambda way: start_pipeline("errata", way, more=", note text")


class TestDelete:
    @pytest.fixture
    def deleted(self, person, way):
        """A pipeline, and the id of a person that was inserted and deleted."""
        pipeline = person(way)
        deleted_id = pipeline.insert(4, "Dana")
        pipeline.until(lambda: (deleted_id,) in pipeline.pinot("id"), "Pinot lacks Dana")
        pipeline.sql(f"DELETE FROM {pipeline.quoted} WHERE id = %s", deleted_id)
        pipeline.until(lambda: ("d",) in pipeline.pinot("op"), "Pinot lacks the delete")
        return pipeline, deleted_id

    @pytest.mark.claim("rdp-16", shows="published", fails_with=r"assert \(-9223372036854775808, .* in \[")
    def test_published_delete_makes_a_null_key_row(self, deleted, evidence, check_capability):
        pipeline, deleted_id = deleted

        rows = pipeline.pinot("id, customer_id, op")
        assert (SMALLEST_LONG, SMALLEST_LONG, "d") in rows
        assert (deleted_id, 4, "c") in rows
        assert (deleted_id, 4, "Dana", "c") in pipeline.view()
        evidence.table(
            "Pinot after a delete", [dict(zip(("id", "customer_id", "op"), row, strict=True)) for row in sorted(rows)]
        )
        evidence.table("whether this Pinot supports deletes", [check_capability(pipeline, DELETES)])

    @pytest.mark.claim("rdp-16", shows="corrected", fails_with=r"assert \['c'\] == \['c', 'd'\]")
    def test_delete_removes_the_row_from_the_view(self, deleted):
        pipeline, deleted_id = deleted

        assert sorted(op for key, op in pipeline.pinot("id, op") if key == deleted_id) == ["c", "d"]
        assert deleted_id not in [key for (key,) in pipeline.view("id")]
        assert not pipeline.platform.verify(pipeline.described())
        pipeline.sql(f"INSERT INTO {pipeline.quoted} (id, customer_id, name) VALUES (%s, 4, 'Dana')", deleted_id)
        pipeline.until(
            lambda: pipeline.pinot("id, op").count((deleted_id, "c")) == 2, "Pinot lacks Dana inserted again"
        )
        assert not pipeline.platform.verify(pipeline.described())


class TestConnectorKeys:
    @pytest.mark.claim("rdp-17", shows="published", fails_with=r"assert \{\} == .*'unknown'\}")
    def test_published_server_name_is_an_unknown_key(self, person, way, platform, evidence):
        pipeline = person(way)
        configs = {
            "published": published.connector(platform.peers, pipeline.name),
            "corrected": artifacts.connector(pipeline.described(), platform.peers),
        }
        config = configs[way]["config"]

        support = platform.connectors.check_keys(config)

        assert {key: verdict for key, verdict in support.items() if verdict != "known"} == {
            "database.server.name": "unknown"
        }
        names_in_events = {event["source"]["name"] for event in pipeline.events()}
        assert names_in_events == {config["topic.prefix"]} != {config["database.server.name"]}
        evidence.table(
            "Connect's validation of each published key",
            [{"key": key, "it is": support[key]} for key in published.connector(platform.peers)["config"]],
        )

    @pytest.mark.claim("rdp-17", shows="corrected", fails_with=r"'unknown'.* == \{'known'\}")
    def test_connector_keys_are_all_known(self, make_stream, platform, way):
        configs = {
            "published": published.connector(platform.peers, "keys"),
            "corrected": artifacts.connector(make_stream("keys").described(), platform.peers),
        }

        support = platform.connectors.check_keys(configs[way]["config"])

        assert set(support.values()) == {"known"}


class TestTimeOfChange:
    @pytest.fixture
    def times(self, person, way):
        """The `ts_ms` of one row of the snapshot and of one inserted later: in Debezium's events, and in Pinot."""
        pipeline = person(way)
        keys = {2, pipeline.insert(6, "Farid")}
        pipeline.until(lambda: keys <= {key for (key,) in pipeline.pinot("id")}, "Pinot lacks Farid")
        in_events = {
            row["id"]: event["ts_ms"] for event in pipeline.events() if (row := event["after"]) and row["id"] in keys
        }
        in_pinot = {key: time for key, time in pipeline.pinot("id, ts_ms") if key in keys}
        return in_events, in_pinot

    @pytest.mark.claim("rdp-20", shows="published", fails_with=r"assert 2 == 1")
    def test_published_ts_ms_is_the_same_for_all_rows(self, times, evidence):
        in_events, in_pinot = times

        assert len(set(in_events.values())) == 2
        assert len(set(in_pinot.values())) == 1
        evidence.json("ts_ms by id", {"in the events": in_events, "in Pinot": in_pinot})

    @pytest.mark.claim("rdp-20", shows="corrected", fails_with=r"assert \{2: \d+.* == \{2: \d+")
    def test_ts_ms_equals_that_of_the_event(self, times):
        in_events, in_pinot = times
        assert in_pinot == in_events


class TestUnchangedLongValue:
    @pytest.fixture
    def updated(self, person, way):
        """The long name that the view shows after an update of another column, and the name in PostgreSQL."""
        pipeline = person(way)
        [(name,)] = pipeline.sql(LONG_VALUE_SQL)
        key = pipeline.insert(5, name)
        pipeline.sql(f"UPDATE {pipeline.quoted} SET note = 'seen' WHERE id = %s", key)
        pipeline.until(lambda: "seen" in str(pipeline.pinot("source")), "Pinot lacks the note")
        [shown] = [shown for found, shown in pipeline.view("id, name") if found == key]
        return shown, name

    @pytest.mark.claim("rdp-30", shows="published", fails_with=r"== '__debezium_unavailable_value'")
    def test_published_update_loses_a_long_value(self, updated, evidence):
        shown, name = updated
        assert shown == UNAVAILABLE
        evidence.json("a long name after an update of another column", {"in PostgreSQL": name[:60], "shown": shown})

    @pytest.mark.claim("rdp-30", shows="corrected", fails_with=r"assert '__debezium_unavailable_value' == ")
    def test_update_keeps_an_unchanged_long_value(self, updated, evidence):
        shown, name = updated
        assert shown == name
        evidence.json("its length with REPLICA IDENTITY FULL", {"in PostgreSQL": len(name), "shown": len(shown)})


class TestUnprocessableEvent:
    @pytest.fixture
    def stream(self, make_stream, platform, way):
        """A pipeline up to Kafka and its connector in a database whose `bytea_output` is `escape`, reset afterwards.

        The connector cannot parse a short bytea value in that format.
        """
        pipeline = make_stream(f"unprocessable_{way}", more=", photo bytea")
        followed = Table(
            pipeline.name, (Column("id", "bigint"), Column("customer_id", "bigint")), ("id", "customer_id")
        )
        connector = {
            "published": published.connector(platform.peers, pipeline.name),
            "corrected": artifacts.connector(followed, platform.peers),
        }[way]
        pipeline.insert(1, "Fasih")
        pipeline.sql("ALTER DATABASE postgres SET bytea_output = 'escape'")
        try:
            platform.connectors.apply(connector)
            yield pipeline, connector
        finally:
            pipeline.sql("ALTER DATABASE postgres RESET bytea_output")

    @pytest.fixture
    def failed(self, stream, connect):
        """The stream after an unprocessable event and a valid one, and a function that counts new errors in the log."""
        pipeline, connector = stream
        eventually(lambda: self.names_in_topic(pipeline) == ["Fasih"], within=VISIBLE_WITHIN)

        def logged_errors():
            return connect.log(10_000).count("Error while processing event")

        before = logged_errors()
        pipeline.sql(f"INSERT INTO {pipeline.quoted} (customer_id, name, photo) VALUES (2, 'Alice', 'A')")
        pipeline.insert(3, "Bob")
        return pipeline, connector, lambda: logged_errors() - before

    @staticmethod
    def names_in_topic(pipeline):
        return [event["after"]["name"] for event in pipeline.events()]

    @pytest.mark.claim("rdp-28", shows="published", fails_with=r"NotWithin: .*last answer: False")
    def test_published_unprocessable_event_is_lost(self, failed, platform, evidence):
        pipeline, _, new_errors = failed

        eventually(lambda: "Bob" in self.names_in_topic(pipeline), within=VISIBLE_WITHIN)

        assert self.names_in_topic(pipeline) == ["Fasih", "Bob"]
        assert platform.connectors.status(pipeline.name) == "RUNNING"
        assert new_errors() == 0
        evidence.json("people in PostgreSQL", [name for (name,) in pipeline.sql(f"SELECT name FROM {pipeline.quoted}")])
        evidence.json("people in the topic", self.names_in_topic(pipeline))

    @pytest.mark.claim("rdp-28", shows="corrected", fails_with=r"\['Fasih', 'Bob'\] == \['Fasih'\]")
    def test_unprocessable_event_stops_the_connector(self, failed, platform, evidence):
        pipeline, connector, new_errors = failed

        def stopped():
            state = platform.connectors.status(pipeline.name)
            return state.startswith("FAILED") and state

        state = eventually(lambda: stopped() or "Bob" in self.names_in_topic(pipeline), within=VISIBLE_WITHIN)

        assert self.names_in_topic(pipeline) == ["Fasih"]
        assert "Error while processing event at offset" in state
        assert new_errors()
        pipeline.sql("ALTER DATABASE postgres RESET bytea_output")
        platform.connectors.apply(connector)
        eventually(lambda: self.names_in_topic(pipeline) == ["Fasih", "Alice", "Bob"], within=VISIBLE_WITHIN)
        evidence.text("the connector's state", state)


@pytest.fixture(scope="module")
def start_same_name(make_pipeline):
    """Starts the pipeline of a table; then it and a table of the same name in another schema are changed."""
    running = {}

    def start(way):
        if way in running:
            return running[way]
        pipeline = make_pipeline(f"namesake_{way}")
        pipeline.sql("CREATE SCHEMA IF NOT EXISTS elsewhere")
        pipeline.sql(f"DROP TABLE IF EXISTS elsewhere.{pipeline.name}")
        pipeline.sql(published.DDL.format(name=f"elsewhere.{pipeline.name}", more=""))
        pipeline.start(way)
        pipeline.sql(f"INSERT INTO elsewhere.{pipeline.name} (customer_id, name) VALUES (1, 'Stranger')")
        key = pipeline.insert(4, "Dana")
        pipeline.until(lambda: (key,) in pipeline.pinot("id"), "Pinot lacks the change after that of the other table")
        running[way] = pipeline
        return pipeline

    yield start
    for pipeline in running.values():
        pipeline.platform.remove(pipeline.name, "elsewhere")
    for pipeline in running.values():
        pipeline.sql(f"DROP TABLE elsewhere.{pipeline.name}")


class TestSameNameInTwoSchemas:
    @pytest.fixture
    def same_name(self, start_same_name, way):
        """A pipeline of the document's table, after changes of it and of a table of the same name in another schema."""
        return start_same_name(way)

    @pytest.mark.claim("rdp-29", shows="published", fails_with=r"\(1, 1, 'Stranger', 'c'\) in \[")
    def test_published_same_name_tables_overwrite_rows(self, same_name, evidence):
        rows = same_name.view()
        assert (1, 1, "Stranger", "c") in rows
        assert (1, 1, "Fasih", "r") not in rows
        tables = {f"{event['source']['schema']}.{event['source']['table']}" for event in same_name.events()}
        assert tables == {f"public.{same_name.name}", f"elsewhere.{same_name.name}"}
        evidence.json("the tables whose changes are in one topic", sorted(tables))

    @pytest.mark.claim("rdp-29", shows="corrected", fails_with=r"assert \[\(1, 1, 'Stra")
    def test_same_name_tables_are_kept_apart(self, same_name):
        assert same_name.view() == [*published.VIEW_ROWS, (4, 4, "Dana", "c")]

    @pytest.mark.claim("rdp-29", shows="corrected", fails_with=r"assert not Difference")
    def test_same_name_tables_are_replicated_side_by_side(self, same_name):
        platform = same_name.platform
        other = platform.describe(same_name.name, "elsewhere")
        platform.apply(other)
        same_name.until(lambda: not platform.verify(other), "the view of the other table lacks its rows")

        assert platform.trino.query(f"SELECT name FROM hive.views.{other.pipeline}") == [("Stranger",)]
        assert not platform.verify(same_name.described())
