"""The cost of a summary: the table is read once, or twice with binning, whatever the number of candidates."""

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reference.table_summarization import summarize
from scenarios.table_summarization.published import COLUMNS, data


@pytest.fixture(scope="module")
def patients_file(tmp_path_factory):
    """`patients_file(rows)` is the document's table as a Parquet file."""
    folder = tmp_path_factory.mktemp("patients")

    def path(rows):
        file = folder / f"{rows}.parquet"
        if not file.exists():
            ten = pa.Table.from_pylist(data())
            pq.write_table(ten.take(pa.array(np.arange(rows) % 10)), file)
        return file

    return path


@pytest.fixture(scope="module")
def wide_file(tmp_path_factory):
    """`wide_file(rows)`: twelve columns of ten thousand distinct texts each, hardly two rows alike."""
    folder = tmp_path_factory.mktemp("wide")
    texts = pa.array([f"value {place}" for place in range(10_000)])

    def path(rows):
        file = folder / f"{rows}.parquet"
        if not file.exists():
            random = np.random.default_rng(rows)
            cells = random.integers(0, len(texts), (12, rows))
            pq.write_table(
                pa.table({f"c{place}": texts.take(pa.array(column)) for place, column in enumerate(cells)}), file
            )
        return file

    return path


def reads(table, **options):
    """Return the number of passes over a table's parts that a summary takes."""
    finished = []
    summarize(table, progress=lambda done, of: finished.append(done == of), **options)
    return sum(finished)


class TestReading:
    @pytest.mark.claim("tsum-5")
    def test_table_is_read_once_for_any_candidates(self, patients_file, wide_file):
        """8 candidates, and 120,000."""
        assert reads(patients_file(10_000)) == 1
        assert reads(wide_file(100_000), patterns=50) == 1

    @pytest.mark.claim("tsum-5")
    @pytest.mark.parametrize(("values", "expected"), [(50, 1), (100_000, 2)])
    def test_table_is_read_twice_for_many_numbers(self, tmp_path, values, expected):
        """Few combinations of values are binned as they were counted, without reading the table again."""
        numbers = np.arange(100_000)
        texts = pa.array(["odd", "even"]).take(pa.array(numbers % 2))
        table = pa.table({"n": numbers % values, "m": numbers % 3 / 2, "text": texts})
        pq.write_table(table, tmp_path / "numbers.parquet", row_group_size=30_000)

        assert reads(tmp_path / "numbers.parquet") == reads(table) == expected
        assert set(summarize(table).bins) == {"n"}


class TestGrowth:
    @pytest.mark.claim("tsum-5")
    def test_time_grows_at_most_with_rows(self, patients_file, growth):
        growth(lambda path: summarize(path).rows, [10_000, 100_000, 1_000_000], setup=patients_file, at_most=1.05)

    @pytest.mark.claim("tsum-5")
    def test_time_of_wide_tables_grows_with_rows(self, wide_file, growth):
        growth(lambda path: summarize(path).rows, [10_000, 100_000], setup=wide_file, at_most=1.15, rounds=3)


@pytest.mark.claim("tsum-5")
def test_time_is_at_most_twice_that_of_duckdb(patients_file, versus):
    """The limit is DuckDB counting the distinct rows of the same file."""
    path = patients_file(2_000_000)
    query = f"SELECT {', '.join(COLUMNS)}, count(*) FROM read_parquet('{path}') GROUP BY ALL"

    versus(
        lambda: summarize(path),
        lambda: duckdb.sql(query).fetchall(),
        slower=2,
        checksum=lambda found: distinct(found) if isinstance(found, list) else (found.rows, found.plan.distinct_rows),
    )
    for each in summarize(path).patterns:
        fixed = " AND ".join(f"{name} = ?" for name in each.pattern)
        counting = f"SELECT count(*) FROM read_parquet('{path}') WHERE {fixed}"
        assert duckdb.execute(counting, list(each.pattern.values())).fetchall() == [(each.rows,)]


def distinct(found):
    """Return the number of rows, and of distinct rows."""
    return sum(row[-1] for row in found), len(found)
