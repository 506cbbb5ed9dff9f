"""What each published key of the Hive catalog does, with a Hive metastore and with Glue; where its secret is stored."""

from contextlib import closing

import boto3
import pytest

from reference.realtime_data_platform.clients import catalogs
from reference.realtime_data_platform.errors import PlatformError, Refused
from scenarios.realtime_data_platform import published

PARTITIONED_TABLE_SQL = "CREATE TABLE {} (id bigint, year integer) WITH (partitioned_by = ARRAY['year'])"


@pytest.fixture
def catalog(lake, platform):
    """Creates a Hive catalog with the corrected keys, some of them changed or removed; dropped after the test."""
    created = []

    def make(name, **other):
        keys = catalogs.hive_catalog(platform.peers)
        for key, value in other.items():
            full = next(full for full in keys if full.endswith(key.replace("_", "-")))
            if value is None:
                del keys[full]
            else:
                keys[full] = value
        lake.remove_catalog(name)
        lake.query(catalogs.catalog_sql(name, "hive", keys))
        created.append(name)
        return name

    yield make
    for name in created:
        lake.remove_catalog(name)


@pytest.fixture
def table(lake):
    """Name of a table in the schema of views; a table of this name is dropped before and after the test."""
    drop = "DROP TABLE IF EXISTS hive.views.kept"
    lake.query(drop)
    yield "views.kept"
    lake.query(drop)


@pytest.fixture
def bucket(s3):
    """An S3 client of the store in which the catalogs keep their tables."""
    with closing(s3.service.client(s3)) as client:
        yield client


def files(lake, table):
    """Return bucket and key of each data file of a table."""
    paths = lake.query(f'SELECT DISTINCT "$path" FROM hive.{table}')
    return [path.removeprefix("s3://").split("/", 1) for (path,) in paths]


class TestInsertIntoExistingPartition:
    @pytest.fixture
    def insert_twice(self, lake, catalog, table):
        """Inserts two rows into one partition by a catalog with the given behavior, and returns the rows stored."""

        def insert(behavior):
            name = catalog("behaves", partitions_behavior=behavior)
            lake.query(PARTITIONED_TABLE_SQL.format(f"{name}.{table}"))
            for key in (1, 2):
                lake.query(f"INSERT INTO {name}.{table} VALUES ({key}, 2024)")
            return lake.query(f"SELECT id FROM {name}.{table} ORDER BY id")

        return insert

    @pytest.mark.claim("rdp-27")
    def test_insert_appends_to_existing_partition(self, insert_twice, lake, table):
        assert insert_twice("APPEND") == [(1,), (2,)]
        assert len(files(lake, table)) == 2

    @pytest.mark.claim("rdp-27")
    def test_overwrite_key_replaces_the_partition(self, insert_twice):
        assert insert_twice("OVERWRITE") == [(2,)]

    @pytest.mark.claim("rdp-27")
    def test_error_key_rejects_the_second_insert(self, insert_twice):
        with pytest.raises(Refused, match="Cannot insert into an existing partition"):
            insert_twice("ERROR")


class TestDataFile:
    @pytest.mark.claim("rdp-27")
    @pytest.mark.parametrize(("storage_format", "magic"), [("PARQUET", b"PAR1"), ("ORC", b"ORC")])
    def test_file_has_the_storage_format_of_the_key(self, storage_format, magic, lake, catalog, table, bucket):
        name = catalog("forms", storage_format=storage_format)
        lake.query(f"CREATE TABLE {name}.{table} AS SELECT 1 AS id")

        [(bucket_name, key)] = files(lake, table)

        assert bucket.get_object(Bucket=bucket_name, Key=key)["Body"].read().startswith(magic)

    @pytest.mark.claim("rdp-27")
    @pytest.mark.parametrize(("recursive", "rows"), [("true", [(1,), (1,)]), ("false", [(1,)])])
    def test_recursive_key_finds_files_in_subfolders(self, recursive, rows, lake, catalog, table, bucket):
        name = catalog("subfolders", recursive_directories=recursive)
        lake.query(f"CREATE TABLE {name}.{table} AS SELECT 1 AS id")
        [(bucket_name, key)] = files(lake, table)
        folder, _, file = key.rpartition("/")
        bucket.copy_object(Bucket=bucket_name, CopySource=f"{bucket_name}/{key}", Key=f"{folder}/subfolder/{file}")

        assert lake.query(f"SELECT id FROM {name}.{table}") == rows

    @pytest.mark.claim("rdp-27")
    def test_s3_needs_the_native_client_keys(self, lake, platform):
        keys = catalogs.hive_catalog(platform.peers)
        without = {key: value for key, value in keys.items() if not key.startswith(("s3.", "fs."))}
        lake.remove_catalog("without_s3")
        lake.query(catalogs.catalog_sql("without_s3", "hive", without))
        try:
            with pytest.raises(Refused, match="s3://"):
                lake.query("CREATE SCHEMA without_s3.nowhere WITH (location = 's3://lake/nowhere/')")
        finally:
            lake.remove_catalog("without_s3")

    @pytest.mark.claim("rdp-27")
    def test_s3_needs_the_secret_of_the_key(self, lake, catalog, table):
        name = catalog("wrong_secret", aws_secret_key="wrong")  # that is the point

        with pytest.raises(Refused):
            lake.query(f"CREATE TABLE {name}.{table} AS SELECT 1 AS id")


class TestGlue:
    @pytest.fixture
    def catalog_on_glue(self, platform, glue):
        """Returns the statement of the published catalog on Glue, by name."""
        endpoint = glue.service.url(glue.peer_address())
        return lambda name: published.glue_catalog(platform.peers, endpoint, name)

    @pytest.fixture
    def glue_client(self, lake, glue, catalog_on_glue):
        """A boto3 client of Glue; the published catalog and its schema `views` exist during the test."""
        lake.remove_catalog("glue")
        lake.query(catalog_on_glue("glue"))
        lake.query("CREATE SCHEMA IF NOT EXISTS glue.views WITH (location = 's3://lake/glue/views/')")
        with closing(
            boto3.client(
                "glue",
                endpoint_url=glue.url,
                region_name="us-east-1",
                aws_access_key_id="any",
                aws_secret_access_key="any",  # moto accepts any
            )
        ) as client:
            yield client
        lake.query("DROP SCHEMA glue.views CASCADE")
        lake.remove_catalog("glue")

    @pytest.mark.claim("rdp-27")
    def test_glue_stores_schema_and_view(self, glue_client, lake, evidence):
        lake.query("CREATE OR REPLACE VIEW glue.views.one AS SELECT 1 AS id")

        assert lake.query("SELECT id FROM glue.views.one") == [(1,)]
        assert glue_client.get_database(Name="views")["Database"]["LocationUri"].startswith("s3://lake/glue/views")
        stored = glue_client.get_table(DatabaseName="views", Name="one")["Table"]
        assert stored["TableType"] == "VIRTUAL_VIEW"
        evidence.json("the view, as Glue stores it", stored)

    @pytest.mark.claim("rdp-27")
    def test_misspelt_catalog_key_is_rejected(self, lake, catalog_on_glue):
        misspelt = catalog_on_glue("misspelt").replace("recursive-directories", "recursive-folders")

        with pytest.raises(PlatformError, match=r"'hive\.recursive-folders' was not used"):
            lake.query(misspelt)


class TestCatalogSecret:
    @staticmethod
    def stored(trino, name):
        """Return the file in which Trino stores a catalog."""
        return trino.read(trino.place.configuration / "catalog" / f"{name}.properties").decode()

    @pytest.fixture
    def catalog(self, lake, platform, way):
        """Name of a Hive catalog, created as published or corrected."""
        name = f"secret_{way}"
        lake.remove_catalog(name)
        statement = {
            "published": published.hive_catalog(platform.peers, name),
            "corrected": catalogs.catalog_sql(name, "hive", catalogs.hive_catalog(platform.peers)),
        }
        lake.query(statement[way])
        yield name
        lake.remove_catalog(name)

    @pytest.mark.claim("rdp-31", shows="published", fails_with=r"assert 's3\.aws-secret-key=\w+' in ")
    def test_published_secret_is_stored_in_clear_text(self, catalog, trino, s3, evidence):
        stored = self.stored(trino, catalog)
        assert f"s3.aws-secret-key={s3.service.secret_key}" in stored
        evidence.text("the file of a catalog as published", stored)

    @pytest.mark.claim("rdp-31", shows="corrected", fails_with=r"assert '\w+' not in ")
    def test_secret_is_not_stored_and_catalog_works(self, catalog, trino, s3, lake, platform, evidence):
        stored = self.stored(trino, catalog)
        assert s3.service.secret_key not in stored
        lake.apply_catalog("iceberg", "iceberg", catalogs.iceberg_catalog(platform.peers))
        assert s3.service.secret_key not in self.stored(trino, "iceberg")
        evidence.text("the file of a catalog as corrected", stored)

        lake.query("DROP TABLE IF EXISTS hive.views.proof")
        lake.query(f"CREATE TABLE {catalog}.views.proof AS SELECT 1 AS one")
        assert lake.query("SELECT one FROM hive.views.proof") == [(1,)]
