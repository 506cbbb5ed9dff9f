"""Views over a range of time, subsets in Parquet, and where the catalog's secret lies."""

import pytest

from reference.realtime_data_platform import artifacts
from scenarios.realtime_data_platform import published

YEARS = "placed >= current_timestamp - INTERVAL '{}' YEAR"


@pytest.fixture(scope="module")
def orders(chains):
    """Orders of this year, the last one and long ago, described by PostgreSQL alone."""
    chain = chains("orders", more=", placed timestamptz NOT NULL, amount double precision NOT NULL")
    chain.sql(
        "INSERT INTO orders (customer_id, name, placed, amount) "
        "SELECT i, 'order ' || i, now() - make_interval(months => 6 * i), 1.5 * i FROM generate_series(1, 8) i"
    )
    return chain.lay("corrected", people=[])


class TestAViewOfTheLastYear:
    @pytest.mark.claim("rdp-9")
    def test_is_a_where_and_another_range_one_statement(self, orders, platform, evidence):
        orders.until(lambda: len(orders.pinot("id")) == 8, "eight orders")
        before = platform.pinot.query("SELECT count(*) FROM orders option(skipUpsert=true)")
        view = artifacts.view_sql(orders.described(), where=YEARS.format(1))
        platform.trino.apply_view(view)
        assert [key for (key,) in orders.view("id")] == [1]

        platform.trino.apply_view(artifacts.view_sql(orders.described(), where=YEARS.format(2)))

        assert [key for (key,) in orders.view("id")] == [1, 2, 3]
        assert platform.pinot.query("SELECT count(*) FROM orders option(skipUpsert=true)") == before
        evidence.text("the view of a year", view)

    @pytest.mark.claim("rdp-9")
    def test_types_are_those_of_the_description(self, orders, platform):
        platform.trino.apply_view(artifacts.view_sql(orders.described()))
        orders.until(lambda: len(orders.pinot("id")) == 8, "eight orders")

        assert not platform.verify(orders.described())


class TestASubset:
    @pytest.mark.claim("rdp-26")
    def test_in_parquet_is_pinots(self, orders, platform):
        orders.until(lambda: len(orders.pinot("id")) == 8, "eight orders")
        platform.trino.apply_view(artifacts.view_sql(orders.described()))
        for years, expected in ((1, [1]), (2, [1, 2, 3])):
            platform.trino.query("DROP TABLE IF EXISTS hive.views.subset")
            platform.trino.query(
                "CREATE TABLE hive.views.subset WITH (format = 'PARQUET') AS "
                f"SELECT * FROM hive.views.orders WHERE {YEARS.format(years)}"
            )

            copied = platform.trino.query("SELECT * FROM hive.views.subset ORDER BY id")

            assert copied == orders.view()[: years * 2 - 1]
            assert [row[0] for row in copied] == expected


class TestTheSecretOfTheCatalog:
    @staticmethod
    def stored(environment, name):
        return environment["trino"]._handle().exec_run(f"cat /etc/trino/catalog/{name}.properties").output.decode()

    @pytest.fixture
    def catalog(self, platform, environment, way):
        name = f"secret_{way}"
        platform.trino.remove_catalog(name)
        statements = {
            "published": published.HIVE_CATALOG.format(name=name),
            "corrected": artifacts.catalog_sql(name, "hive", artifacts.hive_catalog(platform.peers)),
        }
        platform.trino.query(statements[way])
        yield name
        platform.trino.remove_catalog(name)

    @pytest.mark.claim("rdp-31", shows="published")
    def test_as_published_lies_in_clear_text_in_the_store(self, catalog, environment):
        assert f"s3.aws-secret-key={environment['s3'].service.secret_key}" in self.stored(environment, catalog)

    @pytest.mark.claim("rdp-31", shows="corrected")
    def test_is_not_in_the_store_and_the_catalog_works(self, catalog, environment, platform):
        assert environment["s3"].service.secret_key not in self.stored(environment, catalog)

        platform.trino.query("DROP TABLE IF EXISTS hive.views.proof")
        platform.trino.query(f"CREATE TABLE {catalog}.views.proof AS SELECT 1 AS one")
        assert platform.trino.query("SELECT one FROM hive.views.proof") == [(1,)]
