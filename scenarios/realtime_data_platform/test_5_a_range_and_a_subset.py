"""Orders, described by PostgreSQL alone: a view limited to a range, and ranges loaded into Parquet."""

import io
import json
from datetime import UTC, datetime, timedelta

import pyarrow.parquet
import pytest

from reference.realtime_data_platform import statements
from scenarios.realtime_data_platform import published

# Orders are 200 days apart: by id 1 is of the last year, 1 to 3 are of the last two.
ORDERS, DAYS_APART = 8, 200
YEARS = "placed >= current_timestamp - INTERVAL '{}' YEAR"


@pytest.fixture(scope="module")
def orders(chains):
    """The chain of a table whose name is a word of SQL, made from its description as person's is."""
    chain = chains("order", ddl=published.ORDER_DDL)
    chain.sql(
        f"INSERT INTO {chain.quoted} (customer_id, placed, amount) "
        "SELECT i, now() - make_interval(days => %s * i), 1.5 * i FROM generate_series(1, %s) i",
        DAYS_APART,
        ORDERS,
    )
    return chain.lay("corrected", people=[])


class TestAViewOfTheLastYear:
    @pytest.mark.claim("rdp-9")
    def test_is_a_where_and_another_range_one_statement(self, orders, platform, evidence):
        def moved():
            """What a backfill would add to: messages in Kafka, rows ever in Pinot."""
            return len(orders.messages()), len(orders.pinot("id", "option(skipUpsert=true)"))

        before = moved()
        year = statements.view_sql(orders.described(), where=YEARS.format(1))
        platform.trino.query(year)
        assert orders.view("id") == [(1,)]

        platform.trino.query(statements.view_sql(orders.described(), where=YEARS.format(2)))

        assert orders.view("id") == [(1,), (2,), (3,)]
        assert moved() == before == (ORDERS, ORDERS)
        evidence.text("the view of a year", year)

    @pytest.mark.claim("rdp-9")
    def test_takes_in_what_is_ordered_now(self, orders, platform):
        platform.apply(orders.described(), where=YEARS.format(1))
        insert = f"INSERT INTO {orders.quoted} (customer_id, placed, amount) VALUES (9, %s, 2.5) RETURNING id"
        [(new,)] = orders.sql(insert, datetime.now(UTC) - timedelta(days=1))
        try:
            orders.until(lambda: orders.view("id") == [(1,), (new,)], "the new order is in the view")
        finally:
            orders.sql(f"DELETE FROM {orders.quoted} WHERE id = %s", new)
            orders.until(lambda: orders.view("id") == [(1,)], "the new order is gone again")

    @pytest.mark.claim("rdp-9")
    def test_without_a_range_is_the_table_by_key_and_content(self, orders, platform):
        platform.apply(orders.described())

        assert not platform.verify(orders.described())
        there = orders.sql(f"SELECT id, placed, amount FROM {orders.quoted} ORDER BY 1")
        assert orders.view("id, placed, amount") == there


class TestASubset:
    @pytest.fixture
    def loaded(self, orders, platform):
        """Loads orders of a range of the view into a table of Parquet files by one statement."""
        platform.apply(orders.described())
        names = []

        def load(name, where):
            platform.trino.query(f"DROP TABLE IF EXISTS hive.views.{name}")
            names.append(name)
            platform.trino.query(statements.subset_sql(orders.described(), where, name))

        yield load
        for name in names:
            platform.trino.query(f"DROP TABLE hive.views.{name}")

    @staticmethod
    def of_pinot(orders, years):
        """Pinot's own rows of the last years, as its query interface has them."""
        since = datetime.now(UTC) - timedelta(days=365 * years)
        rows = [json.loads(row) for row, op in orders.pinot("source, op") if op != "d"]
        cut = [(row["id"], row["customer_id"], datetime.fromisoformat(row["placed"]), row["amount"]) for row in rows]
        return sorted(row for row in cut if row[2] >= since)

    @pytest.mark.claim("rdp-26")
    def test_in_parquet_equals_pinots_and_another_range_is_one_statement(self, orders, platform, loaded, evidence):
        for years, ids in ((1, [1]), (2, [1, 2, 3])):
            loaded(f"orders_of_{years}", YEARS.format(years))

            rows = platform.trino.query(
                f"SELECT id, customer_id, with_timezone(placed, 'UTC'), amount FROM hive.views.orders_of_{years}"
            )

            assert sorted(rows) == self.of_pinot(orders, years)
            assert sorted(key for key, *_ in rows) == ids
        evidence.text("a subset", statements.subset_sql(orders.described(), YEARS.format(1), "orders_of_1"))

    @pytest.mark.claim("rdp-26")
    def test_lies_in_s3_as_parquet(self, platform, loaded, s3):
        loaded("orders_kept", YEARS.format(2))

        [(path,)] = platform.trino.query('SELECT DISTINCT "$path" FROM hive.views.orders_kept')
        client = s3.service.client(s3)
        bucket, _, key = path.removeprefix("s3://").partition("/")
        file = pyarrow.parquet.read_table(io.BytesIO(client.get_object(Bucket=bucket, Key=key)["Body"].read()))
        client.close()
        assert sorted(file.column("id").to_pylist()) == [1, 2, 3]

    @pytest.mark.claim("rdp-26")
    def test_stays_as_it_was_while_the_view_moves_on(self, orders, platform, loaded):
        loaded("orders_then", YEARS.format(1))
        orders.sql(f"UPDATE {orders.quoted} SET amount = 99 WHERE id = 1")
        orders.until(lambda: orders.view("id, amount")[0] == (1, 99.0), "the view has the change")

        assert platform.trino.query("SELECT id, amount FROM hive.views.orders_then") == [(1, 1.5)]
