"""Columns of each type, and tables with awkward names, reach the view value for value, or are refused by name."""

import random

import pytest

from fixtures.waiting import eventually
from reference.realtime_data_platform.errors import BadInput, Refused
from reference.realtime_data_platform.source.description import pipeline, quoted
from scenarios.realtime_data_platform.command import data_platform
from scenarios.realtime_data_platform.every_type import (
    AS_TEXT,
    COLUMNS,
    OBJECTS,
    REFUSED,
    SCHEMA,
    column_of,
    insert_rows,
)
from scenarios.realtime_data_platform.pipeline import VISIBLE_WITHIN


def columns_in_sql():
    return ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())


@pytest.fixture(scope="module")
def types(make_pipeline, platform):
    """A running pipeline of a table with a column of each type; its rows come by snapshot and again by stream."""
    table = make_pipeline("every_type", ddl="CREATE TABLE {name} (id bigint PRIMARY KEY)")
    with table.connection() as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        connection.execute(OBJECTS)
        connection.execute(
            f"DROP TABLE every_type; CREATE TABLE every_type (id bigint PRIMARY KEY, {columns_in_sql()})"
        )
        insert_rows(connection, "every_type", first_id=0)
        described = platform.describe("every_type", as_text=AS_TEXT)
        platform.apply(described)
        insert_rows(connection, "every_type", first_id=100)
    eventually(
        lambda: not platform.verify(described), within=VISIBLE_WITHIN, message=lambda: platform.verify(described)
    )
    return table


@pytest.mark.claim("rdp-33")
def test_every_type_arrives_value_for_value(types, platform, evidence):
    described = platform.describe("every_type", as_text=AS_TEXT)
    shown = {
        kind: [
            value
            for (value,) in platform.trino.query(
                f"SELECT CAST({column_of(kind)} AS varchar) FROM hive.views.every_type "
                f"WHERE {column_of(kind)} IS NOT NULL ORDER BY id"
            )
        ]
        for kind in ("numeric(38,10)", "double precision", "date", "timestamp")
    }

    assert types.sql("SELECT count(*) FROM every_type") == platform.trino.query(
        "SELECT count(*) FROM hive.views.every_type"
    )
    assert not platform.verify(described)
    assert shown["numeric(38,10)"] == ["9" * 28 + "." + "9" * 10, "-1.5000000000"] * 2
    assert shown["double precision"][:3] == ["NaN", "Infinity", "-Infinity"]
    assert shown["date"][:4] == ["-4712-01-01", "-0043-03-15", "0044-03-15", "1582-10-10"]
    assert shown["timestamp"][1] == "-0043-03-15 12:00:00.000001"
    carried = {column.type: column.carried.trino for column in described.columns}
    evidence.json("types of PostgreSQL, and of the view's columns", carried)


@pytest.mark.claim("rdp-33")
@pytest.mark.parametrize("kind", REFUSED)
def test_type_that_cannot_be_carried_is_refused(types, platform, kind):
    types.sql("DROP TABLE IF EXISTS refused_type")
    types.sql(f"CREATE TABLE refused_type (id bigint PRIMARY KEY, kept text, wrong {kind})")

    with pytest.raises(BadInput, match=f"column wrong: type .*{REFUSED[kind]}.*; leave it out"):
        platform.describe("refused_type")
    assert platform.describe("refused_type", columns=["kept"]).left_out == ("wrong",)


@pytest.mark.claim("rdp-33")
@pytest.mark.parametrize("kind", AS_TEXT.values())
@pytest.mark.usefixtures("types")
def test_value_that_trino_lacks_fails_the_query(platform, kind):
    column = next(name for name, each in AS_TEXT.items() if each == kind)
    described = platform.describe("every_type", as_text=set(AS_TEXT) - {column})
    platform.trino.apply_view(platform.view_sql(described, name="typed"))

    with pytest.raises(Refused, match=rf"column {column}: Trino has no .*; read the column as text \(--as-text\)"):
        platform.trino.query(f'SELECT {column} FROM hive.views."typed"')


@pytest.mark.usefixtures("types")
def test_value_without_a_python_equivalent_is_refused(platform):
    with pytest.raises(Refused, match=r"Python cannot represent a value, cast its column to varchar: .*-4712-01-01"):
        platform.trino.query(f"SELECT {column_of('date')} FROM hive.views.every_type WHERE id = 0")


SALES = """Größe "2024", 'a'. b"""
ITEMS = """Order.Items; "x" 'y' {z} %s 😀"""
KEY = ("""Id "x" 'y' {0} \\ ]""", "K" * 63, "ключ", "source", "day")


@pytest.fixture
def awkward(types, platform):
    """A running pipeline of a table with awkward names; another table's name differs from its name by case alone."""
    connection = types.connection()
    columns = dict(zip(KEY, ("integer", "numeric(10,2)", "timestamptz", "text", "date"), strict=True))
    columns |= {"op": "text", "lsn": "date", "a.b": "text", "select": "boolean", "$x": "uuid"}
    listed = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())
    key = ", ".join(map(quoted, KEY))
    connection.execute(f"DROP SCHEMA IF EXISTS {quoted(SALES)} CASCADE".encode())
    connection.execute(f"CREATE SCHEMA {quoted(SALES)}".encode())
    types.delete_topics({pipeline(ITEMS, SALES)})  # an earlier run with --keep may have left rows of an older table
    for name in (ITEMS, ITEMS.lower()):
        connection.execute(f"CREATE TABLE {quoted(SALES)}.{quoted(name)} ({listed}, PRIMARY KEY ({key}))".encode())
        insert_awkward(connection, 1, name)
    platform.apply(platform.describe(ITEMS, SALES))
    yield connection
    platform.remove(ITEMS, SALES)
    connection.execute(f"DROP SCHEMA {quoted(SALES)} CASCADE".encode())
    connection.close()


def insert_awkward(connection, number, name=ITEMS):
    values = f"{number}, {number}.5, '0044-03-15 12:00 BC', '', '1500-01-01', 'o', '0044-03-15 BC', 'b', true, NULL"
    connection.execute(f"INSERT INTO {quoted(SALES)}.{quoted(name)} VALUES ({values})".encode())


@pytest.mark.claim("rdp-33")
def test_any_name_a_changed_key_and_truncate_arrive(awkward, platform):
    table, [number, _, _, text, _] = f"{quoted(SALES)}.{quoted(ITEMS)}", map(quoted, KEY)
    described = platform.describe(ITEMS, SALES)
    insert_awkward(awkward, 2)
    insert_awkward(awkward, 3, ITEMS.lower())
    awkward.execute(f"UPDATE {table} SET {quoted('op')} = 'new' WHERE {number} = 1".encode())
    awkward.execute(f"UPDATE {table} SET {text} = repeat('k', 10000) WHERE {number} = 1".encode())
    awkward.execute(f"UPDATE {table} SET {number} = 7 WHERE {number} = 2".encode())

    eventually(lambda: not platform.verify(described), within=VISIBLE_WITHIN)
    rows = platform.trino.query(
        f"SELECT {number}, length({text}), {quoted('op')}, {quoted('__op')} "
        f"FROM hive.views.{quoted(described.pipeline)} ORDER BY {number}"
    )
    assert rows == [(1, 10000, "new", "c"), (7, 0, "o", "c")]

    awkward.execute(f"TRUNCATE {table}".encode())
    insert_awkward(awkward, 4)
    eventually(lambda: not platform.verify(described), within=VISIBLE_WITHIN)
    assert platform.trino.query(f"SELECT {number} FROM hive.views.{quoted(described.pipeline)}") == [(4,)]


@pytest.fixture(scope="module")
def documents(make_pipeline):
    """A running pipeline of a table with a column of text and one row."""
    table = make_pipeline("documents", ddl="CREATE TABLE {name} (id bigint PRIMARY KEY, title text, body text)")
    table.sql("INSERT INTO documents VALUES (1, 'small', 'text')")
    table.platform.apply(table.described())
    table.until_equal()
    return table


@pytest.mark.claim("rdp-33")
def test_row_of_megabytes_arrives(documents, platform):
    documents.sql("INSERT INTO documents VALUES (2, 'large', %s)", text_of(megabytes=3))
    documents.sql("UPDATE documents SET body = %s WHERE id = 2", text_of(megabytes=3.5))
    documents.until_equal()
    assert platform.compact("documents").changes > 0
    documents.until_equal()


@pytest.mark.claim("rdp-33")
def test_row_too_large_for_kafka_can_be_left_out(documents, platform, evidence):
    documents.sql("INSERT INTO documents VALUES (3, 'too large', %s)", text_of(megabytes=25))
    documents.sql("INSERT INTO documents VALUES (4, 'after it', 'text')")
    documents.until(lambda: platform.connectors.status("documents").startswith("FAILED"), "the connector has stopped")
    code, _, errors = data_platform(platform, "status", "documents")
    assert code == 4
    assert "max.request.size" in errors
    evidence.text("status where a row is larger than Kafka takes", errors)

    # Without the column of the large value, the connector continues at its stored offset.

    code, _, errors = data_platform(platform, "apply", "documents", "--columns", "title")
    assert (code, errors) == (0, "")
    described = platform.describe("documents", columns=["title"])
    eventually(
        lambda: not platform.verify(described), within=VISIBLE_WITHIN, message=lambda: platform.verify(described)
    )
    assert platform.trino.query("SELECT count(*) FROM hive.views.documents") == [(4,)]


def text_of(megabytes):
    """Return a text that does not become much smaller when it is compressed."""
    return random.Random(0).randbytes(round(megabytes * 2**19)).hex()
