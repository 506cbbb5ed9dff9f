"""Tables with awkward names share one connector and one replication slot; one is added without a snapshot of others."""

import pytest

from fixtures.waiting import eventually
from reference.realtime_data_platform.errors import BadInput, NotFound, NotOurs
from reference.realtime_data_platform.operation.table_set import Member
from reference.realtime_data_platform.source.description import in_pinot, pipeline, quoted
from scenarios.realtime_data_platform.command import data_platform
from scenarios.realtime_data_platform.concurrent_updates import repeating
from scenarios.realtime_data_platform.pipeline import VISIBLE_WITHIN

SCHEMA = "Größe 2024 'a'"
# Schema and name of each table; the last two are added later.
TABLES = [
    ("public", "select"),
    ("public", "Order Items; 'x' 😀"),
    (SCHEMA, "select"),
    ("public", "K" * 63),
    (SCHEMA, "a.b c"),
]
FIRST, ADDED = TABLES[:3], TABLES[3:]
SLOTS = "SELECT count(*) FROM pg_replication_slots"
IN_POSTGRESQL = """
SELECT 'identity', c.oid::regclass::text, relreplident::text FROM pg_class c WHERE relkind = 'r' AND relname <> 'seen'
UNION ALL SELECT 'publication', pubname::text, obj_description(oid, 'pg_publication') FROM pg_publication
UNION ALL SELECT 'slot', slot_name::text, NULL FROM pg_replication_slots ORDER BY 1, 2, 3
"""


def origin(table):
    return f"{quoted(table[0])}.{quoted(table[1])}"


def named(table):
    return pipeline(table[1], table[0])


class Shop:
    """A database with the tables, of which some are in the set `shop`."""

    def __init__(self, platform, sql, folder):
        self.platform, self.sql, self.folder = platform, sql, folder
        self.set = platform.table_set("shop")

    def file(self, tables):
        """Return the file that lists tables."""
        listed = [f"[[table]]\nname = '''{name}'''\nschema = '''{schema}'''\n" for schema, name in tables]
        path = self.folder / "tables.toml"
        path.write_text("name = 'shop'\n" + "".join(listed))
        return str(path)

    def described(self, table):
        return self.platform.describe(table[1], table[0])

    def members(self, tables):
        return [Member(self.described(each)) for each in tables]

    def until_equal(self, tables):
        """Wait until the view of each table equals the table."""
        for table in tables:
            described = self.described(table)
            eventually(
                lambda described=described: not self.platform.verify(described),
                within=VISIBLE_WITHIN,
                message=lambda described=described: f"{described.name}: {self.platform.verify(described)}",
            )

    def change(self, tables, number):
        """Insert, update and delete rows of tables."""
        for table in map(origin, tables):
            self.sql(f"INSERT INTO {table} (id, day, note) VALUES ({number}, '0044-03-15 BC', 'new')".encode())
            self.sql(f"UPDATE {table} SET note = note || '{number}' WHERE id <= 2".encode())
            self.sql(f"DELETE FROM {table} WHERE id = {number - 1}".encode())

    def snapshot_rows(self, table):
        """Return how many rows of snapshots Pinot has of a table."""
        [(rows,)] = self.platform.pinot.query(f"SELECT count(*) FROM {in_pinot(named(table))} WHERE op = 'r'")
        return rows


@pytest.fixture(scope="module")
def database(make_pipeline):
    """Runs SQL in the database, which has the tables."""
    sql = make_pipeline("beside_the_shop").sql
    sql(f"DROP SCHEMA IF EXISTS {quoted(SCHEMA)} CASCADE".encode())
    sql(f"CREATE SCHEMA {quoted(SCHEMA)}".encode())
    for table in map(origin, TABLES):
        sql(f"DROP TABLE IF EXISTS {table}".encode())
        sql(f"CREATE TABLE {table} (id bigint PRIMARY KEY, day date, note text)".encode())
        sql(f"INSERT INTO {table} SELECT i, '1500-01-01', 'old' FROM generate_series(1, 20) i".encode())
    yield sql
    for table in map(origin, TABLES):
        sql(f"DROP TABLE {table}".encode())


@pytest.fixture
def shop(database, platform, tmp_path):
    """The database, with no table in the set before and after the test."""
    made = Shop(platform, database, tmp_path)
    yield made
    made.set.remove([each.table for each in made.members(TABLES)])


@pytest.mark.claim("rdp-34")
def test_many_tables_share_one_slot_through_their_life(shop, platform, evidence):
    before, [(slots,)] = shop.sql(IN_POSTGRESQL), shop.sql(SLOTS)
    code, output, errors = data_platform(platform, "apply", "--file", shop.file(FIRST))
    assert (code, errors) == (0, "")
    assert output.count("(added)") == 3
    shop.change(FIRST, 100)
    shop.until_equal(FIRST)
    in_snapshots = {table: shop.snapshot_rows(table) for table in FIRST}
    counts = {"slots for 3 tables": shop.sql(SLOTS)[0][0] - slots}

    numbers = iter(range(101, 10_000))
    with repeating(lambda: shop.change(TABLES, next(numbers))):
        code, output, errors = data_platform(platform, "apply", "--file", shop.file(TABLES))
    assert (code, errors) == (0, "")
    assert output.count("(added)") == 2
    shop.until_equal(TABLES)
    assert {table: shop.snapshot_rows(table) for table in FIRST} == in_snapshots
    assert all(shop.snapshot_rows(table) >= 20 for table in ADDED)
    code, output, errors = data_platform(platform, "status", "--file", shop.file(TABLES))
    assert (code, errors, output.count("RUNNING"), output.count("changes not folded")) == (0, "", 5, 5)
    assert output.count("Kafka to Pinot: 0 messages not read") == 5
    counts["slots for 5 tables"] = shop.sql(SLOTS)[0][0] - slots

    for number in (10_001, 10_002):
        shop.change(TABLES, number)
        shop.until_equal(TABLES)
        folded = [platform.compact(table[1], table[0]).changes for table in TABLES]
        shop.until_equal(TABLES)
    assert all(folded)
    shop.sql(f"TRUNCATE {origin(TABLES[3])}".encode())
    shop.change(TABLES, 10_003)
    shop.until_equal(TABLES)

    [schema, name] = TABLES[4]
    assert data_platform(platform, "remove", name, "--schema", schema, "--file", shop.file(TABLES), "--yes")[0] == 0
    shop.change(TABLES, 10_004)
    shop.sql(f"DELETE FROM {origin(TABLES[4])} WHERE id < 10".encode())
    shop.until_equal(TABLES[:4])
    assert platform.status(name, schema) == {"connector": "absent", "pinot": "absent", "view": "absent"}
    assert data_platform(platform, "apply", "--file", shop.file(TABLES))[0] == 0
    shop.change(TABLES, 10_005)
    shop.until_equal(TABLES)
    counts["slots after one was removed and added"] = shop.sql(SLOTS)[0][0] - slots

    assert data_platform(platform, "remove", "--file", shop.file(TABLES), "--yes", "--topic")[0] == 0
    assert set(counts.values()) == {1}
    assert shop.sql(IN_POSTGRESQL) == before
    evidence.json("replication slots of the set, and rows of snapshots", counts | {"rows": sum(in_snapshots.values())})


@pytest.mark.claim("rdp-34")
def test_second_apply_of_a_set_changes_nothing(shop, platform):
    def made():
        return (
            platform.connectors.config("shop_tables"),
            [platform.pinot.config(in_pinot(named(table))) for table in FIRST],
            [shop.snapshot_rows(table) for table in FIRST],
            platform.trino.views("hive", "views"),
            shop.sql(IN_POSTGRESQL),
        )

    shop.set.apply(shop.members(FIRST))
    shop.until_equal(FIRST)
    before = made()

    assert shop.set.apply(shop.members(FIRST)) == []
    assert made() == before
    assert data_platform(platform, "plan", "--file", shop.file(FIRST)) == (0, "nothing to change\n", "")
    assert named(ADDED[0]) in data_platform(platform, "plan", "--file", shop.file(TABLES[:4]))[1]
    assert made() == before


@pytest.mark.claim("rdp-34")
def test_table_that_cannot_be_added_leaves_the_others(shop, platform):
    shop.set.apply(shop.members(FIRST))
    before = shop.sql(IN_POSTGRESQL)

    with pytest.raises(NotFound, match="COLUMN_NOT_FOUND"):
        shop.set.apply([*shop.members(FIRST), Member(shop.described(ADDED[0]), {"tall": "height > 1"})])

    assert shop.sql(IN_POSTGRESQL) == before
    assert platform.status(ADDED[0][1])["pinot"] == "absent"
    shop.change(FIRST, 200)
    shop.until_equal(FIRST)


@pytest.mark.claim("rdp-34")
def test_followed_table_is_not_followed_a_second_time(shop, platform):
    shop.set.apply(shop.members(FIRST))
    shop.until_equal(FIRST)

    with pytest.raises(NotOurs, match=r"not made by data-platform for public\.select"):
        platform.apply(shop.described(FIRST[0]))
    with pytest.raises(BadInput, match=r"set shop follows .*, too: list it, or remove it first"):
        shop.set.apply(shop.members(FIRST[:2]))

    shop.change(FIRST, 300)
    shop.until_equal(FIRST)
