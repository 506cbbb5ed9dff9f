"""Tables of awkward names and every type share one connector and one replication slot, through their whole life."""

import time

import pytest
from hypothesis import settings

from fixtures.waiting import eventually
from reference.realtime_data_platform.errors import BadInput, NotFound, NotOurs
from reference.realtime_data_platform.operation.table_set import Member
from reference.realtime_data_platform.source.description import in_pinot
from scenarios.realtime_data_platform import thirty_tables
from scenarios.realtime_data_platform.command import data_platform
from scenarios.realtime_data_platform.concurrent_updates import repeating
from scenarios.realtime_data_platform.pipeline import VISIBLE_WITHIN

LONG = settings().max_examples > 1000  # HYPOTHESIS_PROFILE=soak
TABLES = thirty_tables.tables(30 if LONG else 3)
FIRST, ADDED = TABLES[:-1], TABLES[-1:]
SLOTS = "SELECT count(*) FROM pg_replication_slots"
IN_POSTGRESQL = """
SELECT 'identity', c.oid::regclass::text, relreplident::text FROM pg_class c WHERE relkind = 'r' AND relname <> 'seen'
UNION ALL SELECT 'publication', pubname::text, obj_description(oid, 'pg_publication') FROM pg_publication
UNION ALL SELECT 'slot', slot_name::text, NULL FROM pg_replication_slots ORDER BY 1, 2, 3
"""


class Shop:
    """A database with the tables; some of them are in the set `shop`."""

    def __init__(self, platform, connection, folder):
        self.platform, self.connection, self.folder = platform, connection, folder
        self.set = platform.table_set("shop")
        self.took = {}

    def sql(self, statement):
        return self.connection.execute(statement.encode()).fetchall()

    def command(self, name, tables, *options):
        """Run a command on a file that lists tables, and record how long it takes."""
        path = self.folder / "tables.toml"
        listed = "".join(each.listed() for each in tables)
        path.write_text(f'name = "{self.set.name}"\n{listed}', encoding="utf-8")
        since = time.monotonic()
        result = data_platform(self.platform, name, *options, "--file", str(path))
        self.took.setdefault(name, []).append(round(time.monotonic() - since, 1))
        return result

    def members(self, tables):
        return [Member(each.described(self.platform)) for each in tables]

    def until_equal(self, tables):
        """Wait until the view of each table equals the table."""
        for table in tables:
            described = table.described(self.platform)
            eventually(
                lambda described=described: not self.platform.verify(described),
                within=VISIBLE_WITHIN,
                message=lambda described=described: f"{described.name}: {self.platform.verify(described)}",
            )

    def change(self, tables, number):
        """Insert, update and delete rows of tables."""
        for table in tables:
            table.change(self.connection, number)

    def snapshot_rows(self, table):
        """Return how many rows of a table's snapshots Pinot has."""
        [(rows,)] = self.platform.pinot.query(f"SELECT count(*) FROM {in_pinot(table.pipeline)} WHERE op = 'r'")
        return rows


@pytest.fixture(scope="module")
def connection(make_pipeline):
    """A connection to the database in which the tables were created."""
    with make_pipeline("beside_the_shop").connection() as connection:
        thirty_tables.create(connection, TABLES)
        yield connection
        thirty_tables.drop(connection, TABLES)


@pytest.fixture(scope="module")
def shop(connection, platform, tmp_path_factory):
    """The database; after the tests, all tables are removed from its set."""
    made = Shop(platform, connection, tmp_path_factory.mktemp("shop"))
    yield made
    made.set.remove([each.table for each in made.members(TABLES)])


@pytest.fixture(scope="module")
def followed(shop):
    """The database with two tables in the set."""
    shop.set.apply(shop.members(TABLES[:2]))
    return shop


@pytest.mark.claim("rdp-34")
@pytest.mark.timeout(3600)
def test_many_tables_share_one_slot_through_their_life(shop, platform, environment, evidence):
    before, [(slots,)] = shop.sql(IN_POSTGRESQL), shop.sql(SLOTS)
    code, output, errors = shop.command("apply", FIRST)
    assert errors == ""
    assert code == 0
    assert output.count("(added)") == len(FIRST)
    shop.change(FIRST, 100)
    shop.until_equal(FIRST)
    in_snapshots = {table.pipeline: shop.snapshot_rows(table) for table in FIRST}
    counts = {f"slots for {len(FIRST)} tables": shop.sql(SLOTS)[0][0] - slots}

    numbers = iter(range(101, 10_000))
    with repeating(lambda: shop.change(TABLES, next(numbers)), pause=0.2):
        code, output, errors = shop.command("apply", TABLES)
    assert errors == ""
    assert code == 0
    assert output.count("(added)") == len(ADDED)
    shop.until_equal(TABLES)
    assert {table.pipeline: shop.snapshot_rows(table) for table in FIRST} == in_snapshots
    assert all(shop.snapshot_rows(table) >= 10 for table in ADDED)
    code, output, errors = shop.command("status", TABLES)
    assert errors == ""
    assert code == 0
    for sentence in ("RUNNING", "Kafka to Pinot: 0 messages not read", "changes not folded"):
        assert output.count(sentence) == len(TABLES)
    counts[f"slots for {len(TABLES)} tables"] = shop.sql(SLOTS)[0][0] - slots

    for table in TABLES:
        assert platform.compact(table.name, table.schema).changes > 0
    shop.connection.execute(f"TRUNCATE {TABLES[0].origin}".encode())
    shop.connection.execute(f"ALTER TABLE {TABLES[1].origin} ADD COLUMN \"added 'later'\" numeric(10, 2)".encode())
    assert shop.command("apply", TABLES)[0] == 0
    shop.change(TABLES, 10_001)
    shop.connection.execute(f"UPDATE {TABLES[1].origin} SET \"added 'later'\" = 1.50".encode())
    shop.until_equal(TABLES)

    left = TABLES[-1]
    assert shop.command("remove", TABLES, left.name, "--schema", left.schema, "--yes")[0] == 0
    shop.change(TABLES, 10_002)
    assert platform.status(left.name, left.schema) == {"connector": "absent", "pinot": "absent", "view": "absent"}
    assert shop.command("apply", TABLES)[0] == 0
    shop.change(TABLES, 10_003)
    shop.until_equal(TABLES)
    counts["slots after one was removed and added"] = shop.sql(SLOTS)[0][0] - slots
    memory = {name: environment.addressed(name).memory() >> 20 for name in ("connect", "pinot-server", "trino")}

    assert shop.command("remove", TABLES, "--yes", "--topic")[0] == 0
    assert set(counts.values()) == {1}
    assert shop.sql(IN_POSTGRESQL) == before
    evidence.json(
        f"{len(TABLES)} tables: replication slots, seconds of commands, resident megabytes",
        {**counts, "rows of snapshots": sum(in_snapshots.values()), "seconds": shop.took, "megabytes": memory},
    )


@pytest.mark.claim("rdp-34")
def test_second_apply_of_a_set_changes_nothing(followed, platform):
    def made():
        return (
            platform.connectors.config("shop_tables"),
            [platform.pinot.config(in_pinot(table.pipeline)) for table in TABLES[:2]],
            [followed.snapshot_rows(table) for table in TABLES[:2]],
            platform.trino.views("hive", "views"),
            followed.sql(IN_POSTGRESQL),
        )

    followed.until_equal(TABLES[:2])
    before = made()

    assert followed.set.apply(followed.members(TABLES[:2])) == []
    assert made() == before
    assert followed.command("plan", TABLES[:2]) == (0, "nothing to change\n", "")
    assert TABLES[2].pipeline in followed.command("plan", TABLES[:3])[1]
    assert made() == before


@pytest.mark.claim("rdp-34")
def test_table_that_cannot_be_added_leaves_the_others(followed, platform):
    before = followed.sql(IN_POSTGRESQL)

    with pytest.raises(NotFound, match="COLUMN_NOT_FOUND"):
        followed.set.apply(
            [*followed.members(TABLES[:2]), Member(TABLES[2].described(platform), {"tall": "height > 1"})]
        )

    assert followed.sql(IN_POSTGRESQL) == before
    assert platform.status(TABLES[2].name, TABLES[2].schema)["pinot"] == "absent"
    followed.change(TABLES[:2], 20_000)
    followed.until_equal(TABLES[:2])


@pytest.mark.claim("rdp-34")
def test_followed_table_is_not_followed_a_second_time(followed, platform):
    with pytest.raises(NotOurs, match=rf"not made by data-platform for {TABLES[0].schema}\.{TABLES[0].name}"):
        platform.apply(TABLES[0].described(platform))
    with pytest.raises(BadInput, match=r"set shop also follows .*: list it, or remove it first"):
        followed.set.apply(followed.members(TABLES[:1]))

    followed.change(TABLES[:2], 30_000)
    followed.until_equal(TABLES[:2])
