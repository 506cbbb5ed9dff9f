"""CSV, Parquet and warehouses can be summarized, through a Dask DataFrame and directly."""

import io

import dask.dataframe as dd
import psycopg
import pytest
import sqlalchemy as sa

from reference.table_summarization import AsValues, summarize
from scenarios.table_summarization.published import PATTERNS

ROWS = 100_000


def patterns(table, **options):
    """Return a summary's patterns as the document prints them."""
    return [found.as_dict() for found in summarize(table, **options).patterns]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, patients):
    """The ten patients as files, two of each kind."""
    folder = tmp_path_factory.mktemp("patients")
    for place, part in enumerate((patients(10)[:4], patients(10)[4:])):
        part.to_csv(folder / f"{place}.csv", index=False)
        part.to_parquet(folder / f"{place}.parquet", index=False)
    return folder


@pytest.fixture(scope="module")
def warehouse(postgres, patients):
    """A warehouse with the ten patients, and with a table of 100,000 rows of them."""
    with psycopg.connect(postgres.url) as connection:
        connection.execute("CREATE TABLE patients (id serial, gender text, age text, blood_pressure text)")
        with connection.cursor().copy("COPY patients (gender, age, blood_pressure) FROM STDIN") as copy:
            for patient in patients(10).itertuples(index=False):
                copy.write_row(patient)
        connection.execute(f"CREATE TABLE many AS SELECT patients.* FROM patients, generate_series(1, {ROWS // 10})")
    return postgres.url


class TestADaskDataFrame:
    @pytest.mark.claim("tsum-2")
    def test_dask_frame_from_csv_is_summarized(self, folder, client):
        assert patterns(dd.read_csv(folder / "*.csv"), client=client) == PATTERNS

    @pytest.mark.claim("tsum-2")
    def test_dask_frame_from_parquet_is_summarized(self, folder, client):
        assert patterns(dd.read_parquet(folder / "*.parquet"), client=client) == PATTERNS

    @pytest.mark.claim("tsum-2")
    def test_dask_frame_from_postgres_is_summarized(self, warehouse, client):
        address = warehouse.replace("postgresql://", "postgresql+psycopg://")
        table = dd.read_sql_table("patients", address, index_col="id", npartitions=4)

        assert table.npartitions == 4
        assert patterns(table, client=client) == PATTERNS


class TestWithoutReadingItFirst:
    @pytest.mark.claim("tsum-2")
    @pytest.mark.parametrize("kind", ["csv", "parquet"])
    def test_files_are_summarized_directly(self, folder, kind):
        assert patterns(folder / f"*.{kind}") == PATTERNS

    @pytest.mark.claim("tsum-2")
    @pytest.mark.parametrize("kind", ["csv", "parquet"])
    def test_files_are_read_by_workers_of_a_client(self, folder, client, kind):
        summary = summarize(folder / f"*.{kind}", client=client)

        assert [found.as_dict() for found in summary.patterns] == PATTERNS
        assert client.scheduler.address in summary.plan.source

    @pytest.mark.claim("tsum-2")
    def test_files_are_read_by_the_current_client(self, folder, client):
        with client.as_current():
            summary = summarize(folder / "*.parquet")

        assert [found.as_dict() for found in summary.patterns] == PATTERNS
        assert client.scheduler.address in summary.plan.source

    @pytest.mark.claim("tsum-2")
    @pytest.mark.parametrize("kind", ["csv", "parquet"])
    def test_files_in_an_object_store_are_summarized(self, s3, folder, kind):
        store = s3.service.client(s3)
        store.create_bucket(Bucket=f"clinic-{kind}")
        for file in sorted(folder.glob(f"*.{kind}")):
            store.upload_fileobj(io.BytesIO(file.read_bytes()), f"clinic-{kind}", f"patients/{file.name}")
        access = {
            "key": s3.service.access_key,
            "secret": s3.service.secret_key,
            "endpoint_url": s3.url,
            "skip_instance_cache": True,
        }

        assert patterns(f"s3://clinic-{kind}/patients/*.{kind}", storage_options=access) == PATTERNS

    @pytest.mark.claim("tsum-2")
    def test_warehouse_groups_its_rows_itself(self, warehouse, evidence):
        asked = []
        watch = sa.event.listens_for(sa.Engine, "after_cursor_execute")
        watch(lambda _connection, cursor, statement, *_: asked.append((statement, cursor.rowcount)))

        summary = summarize(warehouse, table="many", columns=["gender", "age", "blood_pressure"])

        assert summary.rows == ROWS
        assert [found.pattern for found in summary.patterns[:2]] == [each["pattern"] for each in PATTERNS]
        assert summary.plan.distinct_rows == 7
        statement, _ = asked[-1]
        assert "GROUP BY" in statement
        evidence.text("what the warehouse is asked", statement)
        evidence.text("the summary", str(summary))

    @pytest.mark.claim("tsum-2")
    def test_warehouse_with_too_many_groups_is_sampled(self, warehouse):
        """Every row is distinct: patterns come from a sample, and the server counts them in all rows."""
        query = "SELECT row_number() OVER () AS number, gender, age FROM many"

        summary = summarize(warehouse, query=query, binning=AsValues(), max_distinct=2_000, patterns=2)

        assert not summary.plan.exact
        assert [(found.pattern, found.rows) for found in summary.patterns] == [
            ({"gender": "M", "age": "adult"}, ROWS * 0.5),
            ({"gender": "F", "age": "child"}, ROWS * 0.3),
        ]

    @pytest.mark.claim("tsum-2")
    def test_warehouse_query_is_summarized(self, warehouse):
        query = "SELECT gender, age, blood_pressure FROM patients WHERE gender = 'M';"

        assert [found.rows for found in summarize(warehouse, query=query).patterns] == [5, 7]
