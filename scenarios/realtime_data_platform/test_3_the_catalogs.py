"""What each published key of the catalog does, on Hive's metastore and Glue's interface; where its secret lies."""

from contextlib import closing

import boto3
import pytest

from reference.realtime_data_platform import statements
from reference.realtime_data_platform.errors import PlatformError, Refused
from scenarios.realtime_data_platform import published

YEARLY = "CREATE TABLE {} (id bigint, year integer) WITH (partitioned_by = ARRAY['year'])"


@pytest.fixture
def catalog(platform):
    """Makes a catalog of Hive's metastore with the corrected keys, some of them other; it is gone afterwards."""
    made = []

    def make(name, **other):
        keys = statements.hive_catalog(platform.peers)
        for key, value in other.items():
            full = next(full for full in keys if full.endswith(key.replace("_", "-")))
            if value is None:
                del keys[full]
            else:
                keys[full] = value
        platform.trino.remove_catalog(name)
        platform.trino.query(statements.catalog_sql(name, "hive", keys))
        made.append(name)
        return name

    yield make
    for name in made:
        platform.trino.remove_catalog(name)


@pytest.fixture
def table(platform):
    """A table of the schema of views, gone before and afterwards."""
    drop = "DROP TABLE IF EXISTS hive.views.kept"
    platform.trino.query(drop)
    yield "views.kept"
    platform.trino.query(drop)


@pytest.fixture
def bucket(s3):
    """The bucket that catalogs keep tables in: content by key, and a way to copy."""
    with closing(s3.service.client(s3)) as client:
        yield client


def files(platform, table):
    """Return bucket and key of each file of a table."""
    paths = platform.trino.query(f'SELECT DISTINCT "$path" FROM hive.{table}')
    return [path.removeprefix("s3://").split("/", 1) for (path,) in paths]


class TestAnInsertIntoAPartitionThatIsThere:
    @pytest.fixture
    def twice(self, platform, catalog, table):
        """Inserts a row, and another into the same partition, by a catalog that was told what to do then."""

        def insert(behavior):
            name = catalog("behaves", partitions_behavior=behavior)
            platform.trino.query(YEARLY.format(f"{name}.{table}"))
            for key in (1, 2):
                platform.trino.query(f"INSERT INTO {name}.{table} VALUES ({key}, 2024)")
            return platform.trino.query(f"SELECT id FROM {name}.{table} ORDER BY id")

        return insert

    @pytest.mark.claim("rdp-27")
    def test_appends(self, twice, platform, table):
        assert twice("APPEND") == [(1,), (2,)]
        assert len(files(platform, table)) == 2

    @pytest.mark.claim("rdp-27")
    def test_replaces_where_the_key_says_so(self, twice):
        assert twice("OVERWRITE") == [(2,)]

    @pytest.mark.claim("rdp-27")
    def test_is_refused_where_the_key_says_so(self, twice):
        with pytest.raises(Refused, match="Cannot insert into an existing partition"):
            twice("ERROR")


class TestAFile:
    @pytest.mark.claim("rdp-27")
    @pytest.mark.parametrize(("form", "begins"), [("PARQUET", b"PAR1"), ("ORC", b"ORC")])
    def test_is_of_the_form_that_the_key_names(self, form, begins, platform, catalog, table, bucket):
        name = catalog("forms", storage_format=form)
        platform.trino.query(f"CREATE TABLE {name}.{table} AS SELECT 1 AS id")

        [(of, key)] = files(platform, table)

        assert bucket.get_object(Bucket=of, Key=key)["Body"].read().startswith(begins)

    @pytest.mark.claim("rdp-27")
    @pytest.mark.parametrize(("recursive", "seen"), [("true", [(1,), (1,)]), ("false", [(1,)])])
    def test_in_a_folder_below_is_seen_where_the_key_says_so(self, recursive, seen, platform, catalog, table, bucket):
        name = catalog("nests", recursive_directories=recursive)
        platform.trino.query(f"CREATE TABLE {name}.{table} AS SELECT 1 AS id")
        [(of, key)] = files(platform, table)
        folder, _, file = key.rpartition("/")
        bucket.copy_object(Bucket=of, CopySource=f"{of}/{key}", Key=f"{folder}/below/{file}")

        assert platform.trino.query(f"SELECT id FROM {name}.{table}") == seen

    @pytest.mark.claim("rdp-27")
    def test_on_s3_is_reached_by_the_native_client_alone(self, platform):
        keys = statements.hive_catalog(platform.peers)
        without = {key: value for key, value in keys.items() if not key.startswith(("s3.", "fs."))}
        platform.trino.remove_catalog("without_s3")
        platform.trino.query(statements.catalog_sql("without_s3", "hive", without))
        try:
            with pytest.raises(Refused, match="s3://"):
                platform.trino.query("CREATE SCHEMA without_s3.nowhere WITH (location = 's3://lake/nowhere/')")
        finally:
            platform.trino.remove_catalog("without_s3")


class TestGlue:
    @pytest.fixture
    def glue(self, platform, environment):
        """The published catalog on Glue's interface, with a schema of views, and Glue's own client."""
        platform.trino.remove_catalog("glue")
        platform.trino.query(published.GLUE_CATALOG.format(name="glue"))
        platform.trino.query("CREATE SCHEMA IF NOT EXISTS glue.views WITH (location = 's3://lake/glue/views/')")
        with closing(
            boto3.client(
                "glue",
                endpoint_url=environment["glue"].url,
                region_name="us-east-1",
                aws_access_key_id="any",
                aws_secret_access_key="any",  # moto takes any
            )
        ) as client:
            yield client
        platform.trino.query("DROP SCHEMA glue.views CASCADE")
        platform.trino.remove_catalog("glue")

    @pytest.mark.claim("rdp-27")
    def test_keeps_the_schema_and_the_view(self, glue, platform, evidence):
        platform.trino.query("CREATE OR REPLACE VIEW glue.views.one AS SELECT 1 AS id")

        assert platform.trino.query("SELECT id FROM glue.views.one") == [(1,)]
        assert glue.get_database(Name="views")["Database"]["LocationUri"].startswith("s3://lake/glue/views")
        kept = glue.get_table(DatabaseName="views", Name="one")["Table"]
        assert kept["TableType"] == "VIRTUAL_VIEW"
        evidence.json("the view, as Glue has it", kept)

    @pytest.mark.claim("rdp-27")
    def test_a_key_that_is_none_is_refused(self, platform):
        misspelt = published.GLUE_CATALOG.format(name="misspelt").replace("recursive-directories", "recursive-folders")

        with pytest.raises(PlatformError, match=r"'hive\.recursive-folders' was not used"):
            platform.trino.query(misspelt)


class TestTheSecretOfTheCatalog:
    @staticmethod
    def stored(environment, name):
        return environment["trino"]._handle().exec_run(f"cat /etc/trino/catalog/{name}.properties").output.decode()

    @pytest.fixture
    def catalog(self, platform, environment, way):
        name = f"secret_{way}"
        platform.trino.remove_catalog(name)
        made = {
            "published": published.HIVE_CATALOG.format(name=name),
            "corrected": statements.catalog_sql(name, "hive", statements.hive_catalog(platform.peers)),
        }
        platform.trino.query(made[way])
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
