"""Where the secret of a catalog lies."""

import pytest

from reference.realtime_data_platform import artifacts
from scenarios.realtime_data_platform import published


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
