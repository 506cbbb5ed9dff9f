"""The document's own steps: a connector, a schema, a table, two catalogs, a view, and what it shows."""

import json
from itertools import pairwise

import pytest
import requests
from trino.dbapi import connect

from fixtures.waiting import eventually
from reference.realtime_data_platform.errors import Refused
from scenarios.realtime_data_platform import published
from scenarios.realtime_data_platform.chain import HEARTBEATS

SNAPPY = 2


@pytest.fixture(scope="module")
def story(chains, platform):
    """Everything sent as the document sends it, by plain requests."""
    story = chains("person")
    for customer, name in published.PEOPLE:
        story.sql("INSERT INTO person (customer_id, name) VALUES (%s, %s)", customer, name)
    where = platform.addresses
    posted = requests.post(f"{where.connect}/connectors", json=published.connector(), timeout=30)
    assert posted.status_code == 201, posted.text
    story.events(at_least=3)
    schema = {"schemaName": ("person_schema.json", json.dumps(published.schema()))}
    story.schema_answer = requests.post(f"{where.controller}/schemas", files=schema, timeout=30)
    story.table_answer = requests.post(f"{where.controller}/tables", json=published.table(), timeout=60)
    story.until(lambda: platform.pinot.status("person") == "answers" and len(story.pinot()) == 3, "three rows")
    platform.trino.apply_view(published.VIEW.format(name="person"))
    return story


@pytest.mark.claim("rdp-1")
class TestTheConnector:
    def test_streams_the_snapshot_to_the_topic_of_the_tables_name(self, story, evidence):
        events = story.events()[:3]

        assert [(event["after"]["name"], event["op"]) for event in events] == [
            ("Fasih", "r"),
            ("Alice", "r"),
            ("Bob", "r"),
        ]
        assert story.platform.connectors.status("person") == "RUNNING"
        evidence.json("an event of the snapshot", events[0])

    def test_publishes_that_table_alone(self, story):
        tables = story.sql("SELECT tablename FROM pg_publication_tables WHERE pubname = 'platform_person'")

        assert tables == [("person",)]

    def test_compresses_with_snappy(self, story, environment):
        batches = environment["kafka"]._handle().exec_run("cat /var/lib/kafka/data/person-0/00000000000000000000.log")

        attributes = int.from_bytes(batches.output[21:23], "big")
        assert attributes & 0b111 == SNAPPY

    def test_beats_each_second_on_a_topic_that_is_not_renamed(self, story):
        beats = [message.timestamp()[1] for message in story.messages(f"{HEARTBEATS}.user_service", at_least=4)]

        between = [after - before for before, after in pairwise(beats)]
        assert sorted(between)[len(between) // 2] == pytest.approx(1000, abs=500)


@pytest.mark.claim("rdp-2")
class TestPinot:
    def test_takes_the_schema_and_the_table(self, story, platform):
        assert story.schema_answer.json()["status"] == "person successfully added"
        assert "person_REALTIME successfully added" in story.table_answer.json()["status"]
        table = requests.get(f"{platform.addresses.controller}/tables/person", timeout=10).json()["REALTIME"]
        assert table["upsertConfig"]["mode"] == "FULL"

    def test_cuts_the_columns_out_of_the_payload(self, story):
        rows = story.pinot("id, customer_id, source, op")

        cut = sorted((key, customer, json.loads(row), op) for key, customer, row, op in rows)
        assert cut == [(key, key, {"id": key, "customer_id": key, "name": name}, "r") for key, name in published.PEOPLE]


@pytest.mark.usefixtures("story")
@pytest.mark.claim("rdp-3")
def test_the_rows_answer_pinots_query_api(platform):
    asked = {"sql": "SELECT id FROM person ORDER BY id LIMIT 10"}

    answer = requests.post(f"{platform.addresses.broker}/query/sql", json=asked, timeout=10).json()

    assert answer["resultTable"]["rows"] == [[1], [2], [3]]


@pytest.fixture
def by_sql(platform):
    """Trino's client, and nothing left of the catalogs `pinot_by_sql` and `hive_by_sql`, and of schema `by_sql`."""

    def remove():
        platform.trino.query("DROP SCHEMA IF EXISTS hive.by_sql")
        for name in ("pinot_by_sql", "hive_by_sql"):
            platform.trino.remove_catalog(name)

    remove()
    yield platform.trino
    remove()


@pytest.mark.usefixtures("story")
@pytest.mark.claim("rdp-4")
def test_trino_takes_the_catalogs_by_sql(by_sql):
    by_sql.query(published.PINOT_CATALOG.format(name="pinot_by_sql"))
    by_sql.query(published.HIVE_CATALOG.format(name="hive_by_sql"))
    by_sql.query("CREATE SCHEMA hive_by_sql.by_sql WITH (location = 's3://lake/by_sql/')")

    assert ("person",) in by_sql.query("SHOW TABLES FROM pinot_by_sql.default")
    [(made,)] = by_sql.query("SHOW CREATE SCHEMA hive_by_sql.by_sql")
    assert "location = 's3://lake/by_sql" in made


@pytest.mark.usefixtures("story")
@pytest.mark.claim("rdp-5")
def test_the_view_shows_exactly_the_documents_rows(environment, evidence):
    address = environment["trino"].address()
    connection = connect(host=address.host, port=address.port, user="reader")
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
def sources(story, platform):
    """Cities in PostgreSQL and points in Parquet on S3, beside the persons in Pinot."""
    login = {"connection-user": platform.peers.user, "connection-password": platform.peers.password}
    url = f"jdbc:postgresql://{platform.peers.postgres}/{platform.peers.database}"

    def remove():
        story.sql("DROP TABLE IF EXISTS city")
        platform.trino.query("DROP TABLE IF EXISTS hive.views.score")
        platform.trino.remove_catalog("source")

    remove()
    story.sql("CREATE TABLE city AS SELECT * FROM (VALUES (1, 'Karachi'), (2, 'Lahore')) t (customer_id, city)")
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

    assert sources.query(query) == [("Alice", "Lahore", 20), ("Fasih", "Karachi", 10)]
    [(path,)] = sources.query('SELECT DISTINCT "$path" FROM hive.views.score')
    assert path.startswith("s3://lake/views/score/")
    evidence.text("the query", query)


@pytest.mark.usefixtures("story")
@pytest.mark.claim("rdp-7")
def test_pinot_itself_makes_no_view(platform):
    with pytest.raises(Refused, match=r"CREATE VIEW[\s\S]*(ParseException|parsing)"):
        platform.pinot.query("CREATE VIEW people AS SELECT id FROM person")


@pytest.mark.claim("rdp-3")
def test_an_update_leaves_one_row_for_its_key_the_newest(story):
    story.sql("UPDATE person SET name = 'Alicia' WHERE id = 2")

    story.until(lambda: "Alicia" in str(story.pinot("source")), "the update is there")

    rows = [json.loads(row)["name"] for key, row in story.pinot("id, source") if key == 2]
    assert rows == ["Alicia"]


@pytest.mark.claim("rdp-1")
def test_no_null_message_follows_a_delete(story):
    before = len(story.events())
    story.sql("DELETE FROM person WHERE id = 3")
    eventually(lambda: len(story.events()) > before, within=30)
    story.sql("UPDATE person SET name = 'last' WHERE id = 1")

    after = story.events(at_least=before + 2)[before:]

    assert [event and event["op"] for event in after] == ["d", "u"]
