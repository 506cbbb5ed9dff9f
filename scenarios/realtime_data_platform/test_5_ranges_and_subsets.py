"""A view limited to a date range, and ranges copied into Parquet tables, by the example of orders."""

import io
import json
from datetime import UTC, datetime, timedelta

import pyarrow.parquet
import pytest

from reference.realtime_data_platform.view import statements
from scenarios.realtime_data_platform import published

# Orders are 200 days apart: id 1 is of the last year, ids 1 to 3 are of the last two years.
ORDERS, DAYS_APART = 8, 200
YEARS = "placed >= current_timestamp - INTERVAL '{}' YEAR"


@pytest.fixture(scope="module")
def orders(make_pipeline):
    """A running pipeline of the table `order`, whose name is a SQL keyword."""
    pipeline = make_pipeline("order", ddl=published.ORDER_DDL)
    pipeline.sql(
        f"INSERT INTO {pipeline.quoted} (customer_id, placed, amount) "
        "SELECT i, now() - make_interval(days => %s * i), 1.5 * i FROM generate_series(1, %s) i",
        DAYS_APART,
        ORDERS,
    )
    return pipeline.start("corrected", people=[])


class TestViewOfTheLastYear:
    @pytest.mark.claim("rdp-9")
    def test_view_range_changes_without_a_backfill(self, orders, platform, evidence):
        def transported():
            """Return the numbers that a backfill would increase: messages in Kafka, rows in Pinot's history."""
            return len(orders.messages()), len(orders.pinot("id", "option(skipUpsert=true)"))

        before = transported()
        year = platform.view_sql(orders.described(), where=YEARS.format(1))
        platform.trino.query(year)
        assert orders.view("id") == [(1,)]

        platform.trino.query(platform.view_sql(orders.described(), where=YEARS.format(2)))

        assert orders.view("id") == [(1,), (2,), (3,)]
        assert transported() == before == (ORDERS, ORDERS)
        evidence.text("the view of the last year", year)

    @pytest.mark.claim("rdp-9")
    def test_view_range_includes_a_new_order(self, orders, platform):
        platform.apply(orders.described(), where=YEARS.format(1))
        insert = f"INSERT INTO {orders.quoted} (customer_id, placed, amount) VALUES (9, %s, 2.5) RETURNING id"
        [(new,)] = orders.sql(insert, datetime.now(UTC) - timedelta(days=1))
        try:
            orders.until(lambda: orders.view("id") == [(1,), (new,)], "the view lacks the new order")
        finally:
            orders.sql(f"DELETE FROM {orders.quoted} WHERE id = %s", new)
            orders.until(lambda: orders.view("id") == [(1,)], "the view still has the deleted order")

    @pytest.mark.claim("rdp-9")
    def test_view_without_a_range_equals_the_table(self, orders, platform):
        platform.apply(orders.described())

        assert not platform.verify(orders.described())
        in_postgres = orders.sql(f"SELECT id, placed, amount FROM {orders.quoted} ORDER BY 1")
        assert orders.view("id, placed, amount") == in_postgres


class TestSubset:
    @pytest.fixture
    def load(self, orders, platform):
        """Copies a range of the view into a Parquet table by one statement; the table is dropped after the test."""
        platform.apply(orders.described())
        names = []

        def create(name, where):
            platform.trino.query(f"DROP TABLE IF EXISTS hive.views.{name}")
            names.append(name)
            platform.trino.query(statements.subset_sql(orders.described(), where, name))

        yield create
        for name in names:
            platform.trino.query(f"DROP TABLE hive.views.{name}")

    @staticmethod
    def of_pinot(orders, years):
        """Return the orders of the last years from Pinot's query API, by the last change of each."""
        since = datetime.now(UTC) - timedelta(days=365 * years)
        newest = {key: (row, op) for key, _, row, op in sorted(orders.pinot("id, lsn, source, op"))}
        rows = [json.loads(row) for row, op in newest.values() if op != "d"]
        orders = [(row["id"], row["customer_id"], datetime.fromisoformat(row["placed"]), row["amount"]) for row in rows]
        return sorted(row for row in orders if row[2] >= since)

    @pytest.mark.claim("rdp-26")
    def test_subset_in_parquet_equals_pinots_rows(self, orders, platform, load, evidence):
        for years, ids in ((1, [1]), (2, [1, 2, 3])):
            load(f"orders_of_{years}", YEARS.format(years))

            rows = platform.trino.query(
                f"SELECT id, customer_id, with_timezone(placed, 'UTC'), amount FROM hive.views.orders_of_{years}"
            )

            assert sorted(rows) == self.of_pinot(orders, years)
            assert sorted(key for key, *_ in rows) == ids
        evidence.text(
            "the statement that loads a subset",
            statements.subset_sql(orders.described(), YEARS.format(1), "orders_of_1"),
        )

    @pytest.mark.claim("rdp-26")
    def test_subset_is_a_parquet_file_on_s3(self, platform, load, s3):
        load("orders_kept", YEARS.format(2))

        [(path,)] = platform.trino.query('SELECT DISTINCT "$path" FROM hive.views.orders_kept')
        client = s3.service.client(s3)
        bucket, _, key = path.removeprefix("s3://").partition("/")
        file = pyarrow.parquet.read_table(io.BytesIO(client.get_object(Bucket=bucket, Key=key)["Body"].read()))
        client.close()
        assert sorted(file.column("id").to_pylist()) == [1, 2, 3]

    @pytest.mark.claim("rdp-26")
    def test_subset_does_not_change_with_the_view(self, orders, platform, load):
        load("orders_then", YEARS.format(1))
        orders.sql(f"UPDATE {orders.quoted} SET amount = 99 WHERE id = 1")
        orders.until(lambda: orders.view("id, amount")[0] == (1, 99.0), "the view lacks the update")

        assert platform.trino.query("SELECT id, amount FROM hive.views.orders_then") == [(1, 1.5)]
