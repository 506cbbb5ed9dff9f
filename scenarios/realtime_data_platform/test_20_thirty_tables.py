"""Thirty tables of awkward names and every type share one slot: followed, changed, compared, altered and removed."""

import time

import pytest
from hypothesis import settings

from fixtures.waiting import eventually
from scenarios.realtime_data_platform import thirty_tables
from scenarios.realtime_data_platform.concurrent_updates import repeating
from scenarios.realtime_data_platform.pipeline import VISIBLE_WITHIN
from scenarios.realtime_data_platform.test_18_many_tables import IN_POSTGRESQL

LONG = settings().max_examples > 1000  # HYPOTHESIS_PROFILE=soak
TABLES = thirty_tables.tables(30 if LONG else 6)


@pytest.fixture
def connection(make_pipeline):
    """A connection to the database, which has the tables."""
    with make_pipeline("beside_the_thirty").connection() as connection:
        thirty_tables.create(connection, TABLES)
        yield connection
        thirty_tables.drop(connection, TABLES)


@pytest.mark.claim("rdp-34")
@pytest.mark.timeout(3600)
def test_every_table_is_exact_from_apply_to_remove(connection, platform, environment, evidence):
    def members():
        return [each.member(platform) for each in TABLES]

    def until_equal():
        for member in members():
            eventually(
                lambda table=member.table: not platform.verify(table),
                within=VISIBLE_WITHIN,
                message=lambda table=member.table: f"{table.schema}.{table.name}: {platform.verify(table)}",
            )

    def change_all():
        number = next(numbers)
        for table in TABLES:
            table.change(connection, number)

    def measured(what, step):
        since = time.monotonic()
        result = step()
        took[what] = round(time.monotonic() - since, 1)
        return result

    before, shop = connection.execute(IN_POSTGRESQL).fetchall(), platform.table_set("thirty")
    numbers, took = iter(range(100, 1_000_000)), {}
    added = measured("apply", lambda: shop.apply(members()))
    assert len(added) == len(TABLES)
    measured("until the snapshot is in the views", until_equal)
    with repeating(change_all):
        measured("while rows are written: apply again", lambda: shop.apply(members()))
        for table in TABLES[::3]:
            platform.compact(table.name, table.schema)
    measured("until the changes are in the views", until_equal)

    for table in TABLES[::5]:
        connection.execute(f"ALTER TABLE {table.origin} ADD COLUMN \"added 'later'\" numeric(10, 2)".encode())
    assert measured("apply after a schema change", lambda: shop.apply(members())) == []
    for table in TABLES[::5]:
        connection.execute(f"UPDATE {table.origin} SET \"added 'later'\" = 1.50".encode())
    change_all()
    measured("until the new columns are in the views", until_equal)
    [(slots,)] = connection.execute("SELECT count(*) FROM pg_replication_slots WHERE slot_name ~ 'thirty'").fetchall()
    memory = {
        name: environment.addressed(name).memory() >> 20 for name in ("connect", "kafka", "pinot-server", "trino")
    }
    measured("remove", lambda: shop.remove([each.table for each in members()], topics=True))

    assert slots == 1
    assert connection.execute(IN_POSTGRESQL).fetchall() == before
    evidence.json(
        f"{len(TABLES)} tables: seconds of each step, rounds of changes, and resident megabytes",
        {"seconds": took, "rounds of changes to every table": next(numbers) - 101, "memory": memory},
    )
