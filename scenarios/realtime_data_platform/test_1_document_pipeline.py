"""The document's own steps: connector, Pinot schema and table, Trino catalogs, the view and its rows."""

import json
from itertools import pairwise

import pytest
import requests
from trino.dbapi import connect

from fixtures.waiting import eventually
from reference.realtime_data_platform.errors import Refused
from scenarios.realtime_data_platform import published
from scenarios.realtime_data_platform.pipeline import HEARTBEATS

SNAPPY = 2


@pytest.fixture(scope="module")
def streamed(make_stream, platform):
    """The document's table `person`, followed by its own request to Kafka Connect; its rows are in the topic."""
    person = make_stream("person")
    for customer, name in published.PEOPLE:
        person.sql("INSERT INTO person (customer_id, name) VALUES (%s, %s)", customer, name)
    url = f"{platform.addresses.connect}/connectors"
    posted = requests.post(url, json=published.connector(platform.peers), timeout=30)
    assert posted.status_code == 201, posted.text
    person.events(at_least=3)
    return person


@pytest.fixture(scope="module")
def stored(streamed, pinot, platform):
    """The table, with its rows in Pinot by the document's own requests; Pinot's answers to them are attributes."""
    controller = platform.addresses.controller
    schema = {"schemaName": ("person_schema.json", json.dumps(published.schema(platform.peers)))}
    streamed.schema_answer = requests.post(f"{controller}/schemas", files=schema, timeout=30)
    streamed.table_answer = requests.post(f"{controller}/tables", json=published.table(platform.peers), timeout=60)
    streamed.until(
        lambda: pinot.status("person") == "answers" and len(streamed.pinot()) == 3,
        "Pinot lacks some of the three rows",
    )
    return streamed


@pytest.fixture(scope="module")
def viewed(stored, lake, platform):
    """The table, with its rows in the document's view."""
    platform.apply_catalogs()
    lake.apply_view(published.VIEW.format(name="person"))
    return stored


@pytest.mark.claim("rdp-1")
class TestConnector:
    def test_connector_streams_snapshot_to_topic_person(self, streamed, evidence):
        events = streamed.events()[:3]

        assert [(event["after"]["name"], event["op"]) for event in events] == [
            ("Fasih", "r"),
            ("Alice", "r"),
            ("Bob", "r"),
        ]
        assert streamed.platform.connectors.status("person") == "RUNNING"
        evidence.json("an event of the snapshot", events[0])

    def test_publication_has_the_table_alone(self, streamed):
        tables = streamed.sql("SELECT tablename FROM pg_publication_tables WHERE pubname = 'platform_person'")

        assert tables == [("person",)]

    @pytest.mark.usefixtures("streamed")
    def test_messages_are_compressed_with_snappy(self, kafka):
        batches = kafka.read(kafka.place.data / "person-0" / "00000000000000000000.log")

        attributes = int.from_bytes(batches[21:23], "big")
        assert attributes & 0b111 == SNAPPY

    def test_heartbeat_arrives_each_second_on_its_topic(self, streamed):
        beats = [message.timestamp()[1] for message in streamed.messages(f"{HEARTBEATS}.user_service", at_least=4)]

        between = [after - before for before, after in pairwise(beats)]
        assert sorted(between)[len(between) // 2] == pytest.approx(1000, abs=500)


@pytest.mark.claim("rdp-2")
class TestPinot:
    def test_pinot_accepts_schema_and_table(self, stored, platform, evidence):
        assert stored.schema_answer.json()["status"] == "person successfully added"
        assert "person_REALTIME successfully added" in stored.table_answer.json()["status"]
        table = requests.get(f"{platform.addresses.controller}/tables/person", timeout=10).json()["REALTIME"]
        assert table["upsertConfig"]["mode"] == "FULL"
        evidence.json("the table, as Pinot keeps it", table)

    def test_transforms_extract_columns_from_payload(self, stored, evidence):
        rows = stored.pinot("id, customer_id, source, op")

        extracted = sorted((key, customer, json.loads(row), op) for key, customer, row, op in rows)
        assert extracted == [
            (key, key, {"id": key, "customer_id": key, "name": name}, "r") for key, name in published.PEOPLE
        ]
        names = ("id", "customer_id", "source", "op")
        evidence.table("Pinot's columns of each message", [dict(zip(names, row, strict=True)) for row in extracted])


@pytest.mark.usefixtures("stored")
@pytest.mark.claim("rdp-3")
def test_pinot_query_api_returns_the_rows(platform, evidence):
    query = {"sql": "SELECT id FROM person ORDER BY id LIMIT 10"}

    answer = requests.post(f"{platform.addresses.broker}/query/sql", json=query, timeout=10).json()

    assert answer["resultTable"]["rows"] == [[1], [2], [3]]
    evidence.json("the answer of Pinot's query API", answer)


@pytest.fixture
def by_sql(lake):
    """Trino's client; the catalogs and the schema that the test creates are removed before and after it."""

    def remove():
        lake.query("DROP SCHEMA IF EXISTS hive.by_sql")
        for name in ("pinot_by_sql", "hive_by_sql"):
            lake.remove_catalog(name)

    remove()
    yield lake
    remove()


@pytest.mark.usefixtures("stored")
@pytest.mark.claim("rdp-4")
def test_trino_creates_catalogs_and_schema_by_sql(by_sql, platform, evidence):
    by_sql.query(published.pinot_catalog(platform.peers, "pinot_by_sql"))
    by_sql.query(published.hive_catalog(platform.peers, "hive_by_sql"))
    by_sql.query("CREATE SCHEMA hive_by_sql.by_sql WITH (location = 's3://lake/by_sql/')")

    assert ("person",) in by_sql.query("SHOW TABLES FROM pinot_by_sql.default")
    [(created,)] = by_sql.query("SHOW CREATE SCHEMA hive_by_sql.by_sql")
    assert "location = 's3://lake/by_sql" in created
    evidence.text("the schema, as Trino shows it", created)


@pytest.mark.usefixtures("viewed")
@pytest.mark.claim("rdp-5")
def test_view_returns_exactly_the_documents_rows(trino, evidence):
    connection = connect(host=trino.address().host, port=trino.address().port, user="reader")
    cursor = connection.cursor()

    cursor.execute("SELECT * FROM hive.views.person")
    rows = sorted(map(tuple, cursor.fetchall()))

    assert [column[0] for column in cursor.description] == ["id", "customer_id", "name", "op"]
    assert rows == published.VIEW_ROWS
    connection.close()
    evidence.table(
        "hive.views.person", [dict(zip(("id", "customer_id", "name", "op"), row, strict=True)) for row in rows]
    )


@pytest.fixture
def sources(viewed, platform, postgres):
    """Trino's client; a table of cities is in PostgreSQL, a table of points in Parquet on S3."""
    login = {"connection-user": platform.peers.user, "connection-password": postgres.service.password}
    url = f"jdbc:postgresql://{platform.peers.postgres}/{platform.peers.database}"

    def remove():
        viewed.sql("DROP TABLE IF EXISTS city")
        platform.trino.query("DROP TABLE IF EXISTS hive.views.score")
        platform.trino.remove_catalog("source")

    remove()
    viewed.sql("CREATE TABLE city AS SELECT * FROM (VALUES (1, 'Karachi'), (2, 'Lahore')) t (customer_id, city)")
    platform.trino.apply_catalog("source", "postgresql", {"connection-url": url, **login})
    platform.trino.query(
        "CREATE TABLE hive.views.score WITH (format = 'PARQUET') AS "
        "SELECT * FROM (VALUES (BIGINT '1', 10), (BIGINT '2', 20), (BIGINT '3', 30)) t (customer_id, points)"
    )
    yield platform.trino
    remove()


@pytest.mark.claim("rdp-6")
def test_one_query_joins_pinot_postgres_and_parquet(sources, evidence):
    query = (
        "SELECT p.name, c.city, s.points FROM hive.views.person p JOIN source.public.city c USING (customer_id) "
        "JOIN hive.views.score s USING (customer_id) ORDER BY 1"
    )

    rows = sources.query(query)

    assert rows == [("Alice", "Lahore", 20), ("Fasih", "Karachi", 10)]
    [(path,)] = sources.query('SELECT DISTINCT "$path" FROM hive.views.score')
    assert path.startswith("s3://lake/views/score/")
    evidence.text("the query", query)
    evidence.table("its rows", [dict(zip(("name", "city", "points"), row, strict=True)) for row in rows])


@pytest.mark.usefixtures("stored")
@pytest.mark.claim("rdp-7")
def test_pinot_rejects_create_view(pinot, evidence):
    query = "SELECT id FROM person LIMIT 10"
    assert pinot.query(query)

    with pytest.raises(Refused, match=r"CREATE VIEW[\s\S]*(ParseException|parsing)") as refused:
        pinot.query(f"CREATE VIEW people AS {query}")

    evidence.text("Pinot's answer to CREATE VIEW", str(refused.value))


@pytest.mark.claim("rdp-3")
def test_update_leaves_only_the_newest_row_of_a_key(stored, evidence):
    stored.sql("UPDATE person SET name = 'Alicia' WHERE id = 2")

    stored.until(lambda: "Alicia" in str(stored.pinot("source")), "Pinot lacks the update")

    rows = [json.loads(row)["name"] for key, row in stored.pinot("id, source") if key == 2]
    assert rows == ["Alicia"]
    columns = ("id", "source", "op")
    evidence.table(
        "Pinot after an update", [dict(zip(columns, row, strict=True)) for row in stored.pinot("id, source, op")]
    )


@pytest.mark.claim("rdp-1")
def test_delete_is_followed_by_no_null_message(streamed):
    before = len(streamed.events())
    streamed.sql("DELETE FROM person WHERE id = 3")
    eventually(lambda: len(streamed.events()) > before, within=30)
    streamed.sql("UPDATE person SET name = 'last' WHERE id = 1")

    after = streamed.events(at_least=before + 2)[before:]

    assert [event and event["op"] for event in after] == ["d", "u"]
