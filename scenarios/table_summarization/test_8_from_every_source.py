"""The same random table has the same patterns, savings, counts and bins from every kind of source.

The tables hold texts, whole numbers, fractions and bools with missing values, and instants, with columns of so many
values that they are binned. SQLite has neither bools nor instants of its own: of it the other columns are compared.
"""

import datetime as dt
import decimal

import dask
import dask.dataframe as dd
import duckdb
import numpy as np
import pandas as pd
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from reference.table_summarization import Edges, Quantiles, SummaryError, summarize

SEEDS = (0, 3, 4, 5)
POSTGRES = {"color": "text", "size": "int8", "weight": "float8", "many": "int8", "flag": "bool", "at": "timestamp"}
ARROW = {
    "color": pa.string(),
    "size": pa.int64(),
    "weight": pa.float64(),
    "many": pa.int64(),
    "flag": pa.bool_(),
    "at": pa.timestamp("us"),
}
COLUMNS = list(ARROW)
IN_SQLITE = ["color", "size", "weight", "many"]


def some_rows(seed):
    """Draw 30 to 900 rows with a few frequent combinations, and with up to half of a column missing."""
    random = np.random.default_rng(seed)
    rows = int(random.integers(30, 900))
    kind = random.integers(0, 4, rows)
    start = dt.datetime.fromisoformat("1969-12-01")
    table = {
        "color": picked(["red", "green", "blue", "é;, ü"], kind),
        "size": picked([1, 2, 3, 2**40], kind),
        "weight": [float(w) for w in np.round(random.normal(10.0 * kind, 3.0), 3)],
        "many": [int(m) for m in random.integers(-1_000, 1_000, rows)],
        "flag": [bool(k % 2) for k in kind],
        "at": [start + dt.timedelta(minutes=int(m), microseconds=int(m) % 7) for m in random.integers(0, 90_000, rows)],
    }
    for values in table.values():
        share = random.choice([0.0, 0.05, 0.5])
        for row in np.flatnonzero(random.random(rows) < share):
            values[row] = None
    return table


def picked(values, positions):
    return [values[position] for position in positions]


def arrow(rows):
    return pa.table({name: pa.array(values, ARROW[name]) for name, values in rows.items()})


def in_chunks(table, lengths=(0, 1, 7, 11)):
    """Return the same table in several chunks."""
    parts, start = [], 0
    for length in lengths:
        parts.append(table.slice(start, length))
        start += length
    return pa.concat_tables([*parts, table.slice(start)])


def pandas(rows):
    return arrow(rows).to_pandas()


def nullable(rows):
    return arrow(rows).to_pandas(types_mapper=pd.ArrowDtype)


def dask_of(frame):
    """Return a Dask DataFrame; its bools are nullable, because Dask turns a column of Python objects into texts."""
    return dd.from_pandas(frame.astype({"flag": "boolean"}), npartitions=4, sort=False)


def dask_of_differing_partitions(rows):
    """Partitions of other types than each other: the first is empty, and the meta calls numbers text."""
    frame = pandas(rows).astype({"flag": "boolean"})
    parts = [
        frame.iloc[:0],
        frame.iloc[:9].astype({"many": "Float64", "weight": "category", "color": "category"}),
        frame.iloc[9:20].astype({"many": "Int64", "size": "category"}),
        frame.iloc[20:],
    ]
    meta = frame.iloc[:0].astype({"many": "string", "weight": "string"})
    return dd.from_delayed([dask.delayed(part) for part in parts], meta=meta, verify_meta=False)


def dask_of_unknown_categories(rows):
    return dask_of(pandas(rows)).astype({"color": "category", "size": "category", "many": "category"})


def csv_file(folder, rows):
    pandas(rows).astype({"size": "Int64", "many": "Int64"}).to_csv(folder / "table.csv", index=False)
    return folder / "table.csv"


def csv_files(folder, rows):
    frame = pandas(rows).astype({"size": "Int64", "many": "Int64"})
    for part in range(3):
        frame.iloc[part::3].to_csv(folder / f"{part}.csv", index=False)
    return folder / "*.csv"


def csv_gz(folder, rows):
    pandas(rows).astype({"size": "Int64", "many": "Int64"}).to_csv(folder / "table.csv.gz", index=False)
    return folder / "table.csv.gz"


def csv_semicolons(folder, rows):
    frame = pandas(rows).astype({"size": "Int64", "many": "Int64"})
    frame.to_csv(folder / "table.csv", index=False, sep=";", decimal=",")
    return folder / "table.csv"


def parquet_dictionaries(folder, rows):
    table = arrow(rows)
    coded = table.set_column(0, "color", table["color"].dictionary_encode())
    pq.write_table(coded, folder / "table.parquet", row_group_size=10)
    return folder / "table.parquet"


def parquet_files_missing_first(folder, rows):
    """Row groups and a whole first file in which the columns have only missing values."""
    table = arrow(rows)
    order = sorted(range(table.num_rows), key=lambda row: rows["weight"][row] is not None)
    table = table.take(order)
    empty = sum(value is None for value in rows["weight"])
    pq.write_table(table.slice(0, empty), folder / "0.parquet", row_group_size=5)
    pq.write_table(table.slice(empty), folder / "1.parquet", row_group_size=50)
    return [folder / "1.parquet", folder / "0.parquet"]


def parquet_in_hive_folders(folder, rows):
    table = arrow(rows)
    pq.write_to_dataset(table, folder / "table", partition_cols=["color"])
    return folder / "table"


def postgres_table(url, rows):
    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE IF EXISTS held")
        connection.execute(f"CREATE TABLE held ({', '.join(f'{name} {kind}' for name, kind in POSTGRES.items())})")
        with connection.cursor().copy("COPY held FROM STDIN") as copy:
            for row in zip(*rows.values(), strict=True):
                copy.write_row(row)
    return url


def sqlite_table(folder, rows):
    url = f"sqlite:///{folder / 'table.sqlite'}"
    engine = sa.create_engine(url)
    kinds = {"color": sa.Text, "size": sa.Integer, "weight": sa.Float, "many": sa.Integer}
    table = sa.Table("held", sa.MetaData(), *(sa.Column(name, kind) for name, kind in kinds.items()))
    table.metadata.create_all(engine)
    with engine.begin() as connection:
        values = zip(*(rows[name] for name in kinds), strict=True)
        connection.execute(table.insert(), [dict(zip(kinds, row, strict=True)) for row in values])
    engine.dispose()
    return url


IN_MEMORY = {
    "pandas of objects": lambda rows: pandas(rows).astype(object),
    "pandas of Arrow types": nullable,
    "records": lambda rows: arrow(rows).to_pylist(),
    "Dask": lambda rows: dask_of(pandas(rows)),
    "Dask, differing partitions": dask_of_differing_partitions,
    "Dask, unknown categories": dask_of_unknown_categories,
    "Arrow": arrow,
    "Arrow in chunks": lambda rows: in_chunks(arrow(rows)),
    "DuckDB": lambda rows: duckdb.from_arrow(arrow(rows)),
}
IN_FILES = [
    csv_file,
    csv_files,
    csv_gz,
    csv_semicolons,
    parquet_dictionaries,
    parquet_files_missing_first,
    parquet_in_hive_folders,
]


def answer(held, columns=COLUMNS, **options):
    """Return the parts of a summary that must be equal: patterns, savings, counts, rows left over, and bins."""
    summary = summarize(held, columns=columns, patterns=None, **options)
    return summary.patterns, summary.left_over, summary.rows, summary.bins


@pytest.fixture(params=SEEDS, ids=lambda seed: f"table {seed}")
def rows(request):
    return some_rows(request.param)


@pytest.fixture
def expected(rows):
    return answer(pandas(rows))


@pytest.mark.claim("tsum-11")
def test_random_tables_have_patterns_bins_and_gaps():
    answers = [answer(pandas(some_rows(seed))) for seed in SEEDS]

    assert all(len(patterns) > 2 for patterns, *_ in answers)
    assert {name for *_, bins in answers for name in bins} == {"weight", "many", "at"}
    assert any(None in rows.values() for patterns, *_ in answers for rows in (each.pattern for each in patterns))


@pytest.mark.claim("tsum-11")
@pytest.mark.parametrize("kind", IN_MEMORY)
def test_tables_in_memory_have_the_patterns_of_pandas(rows, expected, kind):
    assert answer(IN_MEMORY[kind](rows)) == expected


@pytest.mark.claim("tsum-11")
@pytest.mark.parametrize("write", IN_FILES, ids=lambda write: write.__name__)
def test_files_have_the_patterns_of_pandas(rows, expected, tmp_path, write):
    assert answer(write(tmp_path, rows)) == expected


@pytest.mark.claim("tsum-11")
def test_postgresql_has_the_patterns_of_pandas(rows, expected, postgres):
    assert answer(postgres_table(postgres.url, rows), table="held") == expected


@pytest.mark.claim("tsum-11")
def test_sqlite_has_the_patterns_of_pandas(rows, tmp_path):
    expected = answer(pandas(rows), IN_SQLITE)

    assert answer(sqlite_table(tmp_path, rows), IN_SQLITE, table="held") == expected


NESTED = {"id": [1, 2, 3], "nested": [[1, 2], [3], [4]]}


def nested_in_postgresql(url):
    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE IF EXISTS nested; CREATE TABLE nested (id int, nested int[])")
        connection.execute("INSERT INTO nested VALUES (1, '{1,2}'), (2, '{3}'), (3, '{4}')")
    return {"data": url, "table": "nested"}


def nested_in_parquet(folder):
    pq.write_table(pa.table(NESTED), folder / "nested.parquet")
    return {"data": folder / "nested.parquet"}


@pytest.mark.claim("tsum-11")
@pytest.mark.parametrize("kind", ["pandas", "Dask", "Arrow", "DuckDB", "Parquet", "PostgreSQL"])
def test_nested_columns_are_refused_by_name(kind, tmp_path, request):
    """A list is no value that a pattern could fix, whatever holds it."""
    held = {
        "pandas": lambda: {"data": pd.DataFrame(NESTED)},
        "Dask": lambda: {"data": dd.from_pandas(pa.table(NESTED).to_pandas(types_mapper=pd.ArrowDtype), npartitions=2)},
        "Arrow": lambda: {"data": pa.table(NESTED)},
        "DuckDB": lambda: {"data": duckdb.from_arrow(pa.table(NESTED))},
        "Parquet": lambda: nested_in_parquet(tmp_path),
        "PostgreSQL": lambda: nested_in_postgresql(request.getfixturevalue("postgres").url),
    }
    with pytest.raises(SummaryError, match="column 'nested' cannot be summarized"):
        summarize(**held[kind]())


@pytest.mark.claim("tsum-11")
@pytest.mark.parametrize("kind", ["records", "pandas", "Arrow", "Dask"])
def test_ignored_missing_values_are_in_no_pattern(kind):
    """This holds for columns that are binned and that are not, in small tables and large ones."""
    rows = some_rows(3)
    rows = {name: values * (1 if kind == "records" else 40) for name, values in rows.items()}
    held = {"pandas": pandas, **IN_MEMORY}[kind](rows)
    with_missing, _, _, bins = answer(held)
    without, *_ = answer(held, missing="ignore")

    assert any(each.pattern.get(name, 0) is None for each in with_missing for name in bins)
    assert without
    assert not any(None in each.pattern.values() for each in without)


@pytest.mark.claim("tsum-11")
@pytest.mark.parametrize("kind", ["numeric", "real", "double precision"])
def test_nan_of_a_warehouse_is_missing_as_in_pandas(kind, postgres):
    numbers = [float(n % 200) for n in range(400)] + [float("nan")] * 200
    with psycopg.connect(postgres.url) as connection:
        connection.execute("DROP TABLE IF EXISTS measured")
        connection.execute(f"CREATE TABLE measured (size {kind})")
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO measured VALUES (%s)", [[str(number)] for number in numbers])

    found = answer(postgres.url, ["size"], table="measured")

    assert found == answer(pd.DataFrame({"size": numbers}), ["size"])
    assert [each.rows for each in found[0] if each.pattern["size"] is None] == [200]


@pytest.mark.claim("tsum-11")
@pytest.mark.parametrize("missing", [None, float("nan"), decimal.Decimal("NaN"), pd.NaT, pd.NA, np.datetime64("NaT")])
def test_every_spelling_of_missing_is_one_value(missing):
    (found,) = summarize([{"at": missing}, {"at": None}, {"at": missing}]).patterns

    assert (found.pattern, found.rows) == ({"at": None}, 3)


ON_EDGES = {
    "whole numbers": (9, 10, 20),
    "fractions": (9.75, 10.0, 20.0),
    "huge numbers": (2**62 - 1, 2**62, 2**63 - 1),
    "decimals": (decimal.Decimal("9.75"), decimal.Decimal(10), decimal.Decimal(20)),
    "dates": (dt.date(2013, 5, 31), dt.date(2013, 6, 1), dt.date(2013, 9, 1)),
    "instants": (dt.datetime(2013, 5, 31), dt.datetime(2013, 6, 1), dt.datetime(2013, 9, 1)),  # noqa: DTZ001
}


@pytest.mark.claim("tsum-11")
@pytest.mark.parametrize("kind", ["records", "pandas", "pandas of objects", "Arrow"])
@pytest.mark.parametrize("edges", ON_EDGES)
def test_value_on_an_edge_is_in_the_interval_above(kind, edges):
    """This holds for small tables, which are records, and for those that are counted as arrays."""
    below, low, high = ON_EDGES[edges]
    rows = pa.table({"at": [low] * 60 + [below] * 50 + [high] * 40})
    held = {
        "records": rows.to_pylist,
        "pandas": lambda: rows.to_pandas(types_mapper=pd.ArrowDtype),
        "pandas of objects": lambda: pd.DataFrame({"at": pd.Series(rows["at"].to_pylist(), dtype=object)}),
        "Arrow": lambda: rows,
    }
    found = summarize(held[kind](), binning=Edges((low, high), ("below", "within", "above")))

    assert {each.pattern["at"]: each.rows for each in found.patterns} == {"within": 60, "below": 50, "above": 40}


@pytest.mark.claim("tsum-11")
@pytest.mark.parametrize("kind", ["records", "pandas", "pandas of objects", "Arrow"])
def test_missing_values_move_no_quantile(kind):
    rows = pa.table({"size": [float(n) for n in range(100)] * 3 + [None] * 300})
    held = {
        "records": rows.to_pylist,
        "pandas": rows.to_pandas,
        "pandas of objects": lambda: pd.DataFrame({"size": pd.Series(rows["size"].to_pylist(), dtype=object)}),
        "Arrow": lambda: rows,
    }
    found = summarize(held[kind](), binning=Quantiles(4))

    assert [interval.label for interval in found.bins["size"]] == ["[0, 24)", "[24, 49)", "[49, 74)", "[74, 99]"]
    assert [each.rows for each in found.patterns if each.pattern == {"size": None}] == [300]


@pytest.mark.claim("tsum-11")
@pytest.mark.parametrize("kind", ["records", "records of pandas", "pandas", "pandas of objects", "Arrow"])
def test_instants_of_two_offsets_are_one_value(kind):
    noon = dt.datetime(2024, 3, 1, 12, tzinfo=dt.UTC)
    elsewhere = noon.astimezone(dt.timezone(dt.timedelta(hours=5, minutes=30)))
    instants = [elsewhere, noon, elsewhere]
    held = {
        "records": [{"at": instant} for instant in instants],
        "records of pandas": [{"at": pd.Timestamp(instant)} for instant in instants],
        "pandas": pd.DataFrame({"at": pd.to_datetime(instants, utc=True).tz_convert("Asia/Kolkata")}),
        "pandas of objects": pd.DataFrame({"at": pd.Series(instants, dtype=object)}),
        "Arrow": pa.table({"at": pa.array(instants, pa.timestamp("us", "Asia/Kolkata"))}),
    }
    (found,) = summarize(held[kind]).patterns

    assert found.pattern == {"at": noon}
    assert found.pattern["at"].tzinfo is dt.UTC


@pytest.mark.claim("tsum-11")
@pytest.mark.parametrize("kind", ["pandas", "records", "Arrow"])
def test_numbers_are_binned_from_33_distinct_on(kind):
    def bins(different):
        rows = pa.table({"number": list(range(different)) * 4})
        return summarize({"pandas": rows.to_pandas, "records": rows.to_pylist, "Arrow": lambda: rows}[kind]()).bins

    assert not bins(32)
    assert [interval.label for interval in bins(33)["number"]] == ["[0, 8)", "[8, 16)", "[16, 24)", "[24, 32]"]


@pytest.mark.claim("tsum-11")
@pytest.mark.parametrize("kind", ["records", "pandas"])
def test_order_of_columns_does_not_decide_ties(kind):
    rows = [{"a": a, "b": b} for a in "xy" for b in "pq"]
    for names in ("ab", "ba"):
        ordered = [{name: row[name] for name in names} for row in rows]
        found = summarize(pd.DataFrame(ordered) if kind == "pandas" else ordered)
        assert [each.pattern for each in found.patterns] == [{"a": "x"}, {"a": "y"}]


@pytest.mark.claim("tsum-11")
@pytest.mark.parametrize("kind", ["records", "pandas of objects"])
def test_each_row_is_new_to_one_pattern_at_most(kind):
    patterns, left_over, rows, _ = answer(IN_MEMORY[kind](some_rows(3)))

    assert sum(each.rows for each in patterns) > rows
    assert sum(each.new_rows for each in patterns) + left_over == rows
