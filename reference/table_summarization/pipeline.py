"""Summarize a table: `summarize` runs the steps (read, bin, count, search) and assembles the result.

Open it first, to see how the sub-packages work together.
"""

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from reference.table_summarization.binning.rules import AsValues, Auto, Intervals, Rules, rule_for
from reference.table_summarization.errors import EmptyTableError, MissingExtraError, SummaryError
from reference.table_summarization.options import Options
from reference.table_summarization.reading.files.csv_dialect import CsvFormat
from reference.table_summarization.reading.opening import paths_in, records_in, source_of
from reference.table_summarization.results.summary import MOST_COUNTED, Pattern, Plan, Summary
from reference.table_summarization.search.costs import CostModel, cost_model
from reference.table_summarization.search.plain import Fixed, Found, Limits, PlainSearch
from reference.table_summarization.search.table import CodedTable
from reference.table_summarization.values import Interval, Value

if TYPE_CHECKING:
    from reference.table_summarization.encoding.counts import Counts
    from reference.table_summarization.encoding.recoding import Recoding
    from reference.table_summarization.reading.source import Progress, Source

# Up to this number of distinct rows the plain search is faster, and it needs no import.
_PLAIN_SEARCH_ROWS = 256


def summarize(
    data: Any,
    *,
    columns: Sequence[str] | None = None,
    patterns: int | None = 20,
    min_coverage: float = 0.0,
    missing: Literal["value", "ignore"] = "value",
    binning: Rules = Auto(),  # noqa: B008 (frozen)
    cost: str = "cpython-3.11",
    table: str | None = None,
    query: str | None = None,
    client: Any = None,
    storage_options: Mapping[str, Any] | None = None,
    csv_format: CsvFormat = CsvFormat(),  # noqa: B008 (frozen)
    max_distinct: int = 10_000_000,
    progress: "Progress | None" = None,
) -> Summary:
    """Find the patterns that best describe a table.

    The result depends only on the table's rows: not on their order, the partitions, the engine or the interpreter. Data
    in this process is counted in this process; a Dask DataFrame is counted on the cluster, and so are files if there is
    a Dask client; a warehouse groups its rows itself. Only distinct rows with their counts are collected in this
    process.

    Args:
        data: A pandas or Dask DataFrame; a table with Arrow's interface (pyarrow, Polars, DuckDB); a list of dicts; a
            path, glob, folder or address (s3://...) of CSV or Parquet files, or several of them; or a warehouse's
            SQLAlchemy URL together with `table` or `query`.
        columns: The columns to summarize; None for all.
        patterns: Maximum number of patterns; None for all with a positive saving.
        min_coverage: Minimum coverage of a pattern when it is found, in percent of the rows.
        missing: `value`: patterns may fix a missing value like any other; `ignore`: they may not.
        binning: The rule that groups numbers and times, or rules by column; see `binning`.
        cost: The cost model: `cpython-3.11` (the published one), `paper` or `domain`; see `costs`.
        table: Name of the warehouse's table: `table`, or `schema.table`.
        query: Instead of `table`, a SELECT to run in the warehouse.
        client: The Dask client to use for a Dask DataFrame or for files. None uses the current client if there is one,
            except that a Dask DataFrame made of data in this process is counted here.
        storage_options: Options for fsspec's file system, such as a key and an endpoint.
        csv_format: Known facts about the format of CSV files; the rest is detected and reported in `Summary.plan`.
        max_distinct: Maximum number of distinct rows in memory. With more, patterns are searched in a sample and then
            counted in all rows; `Summary.plan` reports that with the error.
        progress: Called with (parts done, total number of parts) in each pass over a table that is read in parts.

    Returns:
        The patterns in a deterministic order, and the number of rows that none of them covers.

    Raises:
        SummaryError: The table cannot be summarized with these options: `UnknownColumnError`,
            `EmptyTableError`, `UnreadableError`, `UnsupportedValuesError`, `MissingExtraError`.

    Examples:
        >>> rows = [("M", "adult"), ("M", "adult"), ("F", "child"), ("M", "child"), ("M", "adult")]
        >>> summary = summarize([{"gender": gender, "age": age} for gender, age in rows])
        >>> print(summary)
        gender  age    saving  coverage  rows
        ------  -----  ------  --------  ----
        M       adult  1656    60.0 %    3
        *       child  424     40.0 %    2
        0 of 5 rows (0.0 %) are in none of these patterns.
    """
    if missing not in {"value", "ignore"}:
        raise SummaryError(f"missing is 'value' or 'ignore', not {missing!r}")
    options = Options(columns, patterns, min_coverage, cost_model(cost), binning, missing == "ignore", max_distinct)
    try:
        if client is None and (table, query) == (None, None):
            small = _cells_of_small_table(data, storage_options or {}, csv_format)
            if small is not None:
                return _summarize_cells(*small, options)
        source = source_of(data, table, query, client, storage_options or {}, max_distinct, progress, csv_format)
        return _summarize_source(source, options)
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"the package {error.name}") from None


def _cells_of_small_table(
    data: Any, storage_options: Mapping[str, Any], csv_format: CsvFormat
) -> tuple[dict[str, list[object]], str] | None:
    """Return the cells of a small table, and a description of its source; None if the table is not small.

    Small tables are summarized without numpy, whose import would take most of the time.
    """
    from reference.table_summarization.reading import small_tables

    paths, records = paths_in(data), records_in(data)
    if records is not None and len(records) <= small_tables.MOST_ROWS:
        return small_tables.cells_of_records(records), "records"
    return small_tables.cells_of_files(paths, storage_options, csv_format) if paths is not None else None


def _summarize_cells(table_cells: Mapping[str, Sequence[object]], held_by: str, options: Options) -> Summary:
    """Summarize a small table."""
    from reference.table_summarization.reading import small_tables

    names = options.chosen(list(table_cells))
    cells = {name: small_tables.canonical_cells(name, table_cells[name]) for name in names}
    rows = len(cells[names[0]])
    if not rows:
        raise EmptyTableError("the table has no rows")
    bins: dict[str, Intervals] = {}
    for name in names:
        if intervals := options.intervals(name, small_tables.distribution(cells[name])):
            bins[name] = intervals
    table = small_tables.table_of(cells, bins, ignore_missing=options.ignore_missing)
    search = _search(table, options.model)
    patterns, more = _expanded(search, options.limits(rows))
    found = search.marshal(patterns)
    plan = Plan(
        f"a small table of {rows} rows ({held_by}), counted in this process", len(table.weights), True, rows, 0.0
    )
    return _summary(table, found, names, bins, options.model, plan, more)


def _search(table: CodedTable, model: CostModel) -> Any:
    """Return the search implementation that is faster for a table."""
    if len(table.weights) <= _PLAIN_SEARCH_ROWS:
        return PlainSearch(table, model)
    from reference.table_summarization.search.vectorized import VectorizedSearch

    return VectorizedSearch(table, model)


def _expanded(search: Any, limits: Limits) -> tuple[list[Fixed], int]:
    """Return as many patterns of local expansion as the limits allow, and the number of further patterns."""
    if limits.patterns is None:
        return search.expand_all(limits), 0
    found = search.expand_all(replace(limits, patterns=limits.patterns + MOST_COUNTED))
    return found[: limits.patterns], max(0, len(found) - limits.patterns)


def _summarize_source(source: "Source", options: Options) -> Summary:
    """Summarize a table whose source counts its distinct rows."""
    from reference.table_summarization.encoding.recoding import ReplaceByInterval
    from reference.table_summarization.reading.source import Survey
    from reference.table_summarization.search.preparation import distribution, prepare_table

    names = options.chosen(source.names)
    watched = [
        name for name in source.binnable_columns(names) if not isinstance(rule_for(options.binning, name), AsValues)
    ]
    survey = source.survey(watched, names, options.max_distinct) if watched else Survey(())
    tallies = survey.columns
    _require_rows(tallies, options)
    bins: dict[str, Intervals] = {}
    for name in names:
        tally = tallies[watched.index(name)] if name in watched else None
        if tally is not None and not tally.rows:
            break
        if intervals := options.intervals(name, None if tally is None else distribution(tally)):
            bins[name] = intervals
    recodings: dict[str, Recoding] = {name: ReplaceByInterval(intervals) for name, intervals in bins.items()}
    if survey.together is not None:
        counts = survey.together.recounted(names, recodings, options.max_distinct)
    else:
        (counts,) = source.count([names], recodings, options.max_distinct)
    if not counts.rows:
        raise EmptyTableError("the table has no rows")
    _require_rows([counts], options)
    table = prepare_table(counts, recodings, ignore_missing=options.ignore_missing)
    search = _search(table, options.model)
    patterns, more = _expanded(search, options.limits(table.rows))
    plan = _plan(source, counts, [name for name, tally in zip(watched, tallies, strict=True) if tally.halvings])
    if counts.halvings:
        table, patterns = _recounted(source, table, patterns, names, recodings, options)
        search = _search(table, options.model)
    return _summary(table, search.marshal(patterns), names, bins, options.model, plan, more)


def _require_rows(counted: "Sequence[Counts]", options: Options) -> None:
    """Refuse an empty sample, which may result by chance if the maximum number of distinct rows is very small."""
    if any(each.halvings and not len(each.weights) for each in counted):
        raise SummaryError(
            f"a sample of at most {options.max_distinct} distinct rows is empty: allow more distinct rows"
        )


def _plan(source: "Source", counts: "Counts", sampled_bins: Sequence[str]) -> Plan:
    sampled = int(counts.weights.sum())
    note = f"; the quantiles of {', '.join(sampled_bins)} were computed in a sample" if sampled_bins else ""
    if not counts.halvings:
        return Plan(source.plan + note, len(counts.weights), True, counts.rows, 0.0)
    # Hoeffding's inequality for a share in a sample, two-sided, with a probability of error of 1 %.
    error = 100 * math.sqrt(math.log(2 / 0.01) / (2 * sampled)) if sampled else 100.0
    return Plan(source.plan + note, len(counts.weights), False, sampled, error)


def _recounted(
    source: "Source",
    sample: CodedTable,
    patterns: list[Fixed],
    names: tuple[str, ...],
    recodings: "Mapping[str, Recoding]",
    options: Options,
) -> tuple[CodedTable, list[Fixed]]:
    """Return a table that counts the patterns of a sample exactly, and the patterns in its codes.

    This takes one more pass, in which all values that no pattern fixes are merged into one, so that any table has few
    distinct rows.
    """
    from reference.table_summarization.encoding.recoding import KeepOnly
    from reference.table_summarization.search.preparation import prepare_table

    used: dict[str, list[Value]] = {column.name: [] for column in sample.columns}
    for fixed in patterns:
        for position, code in fixed.items():
            column = sample.columns[position]
            if column.values[code] not in used[column.name]:
                used[column.name].append(column.values[code])
    kept = {name: KeepOnly(values, recodings.get(name)) for name, values in used.items()}
    (counts,) = source.count([names], kept, sys.maxsize)
    exact = prepare_table(counts, kept, ignore_missing=options.ignore_missing)
    # The cost of a value depends on the other values of its column, which are merged here, so the cost in the sample
    # is used.
    columns = [
        replace(column, domain=old.domain, mean_bits=old.mean_bits)
        for column, old in zip(exact.columns, sample.columns, strict=True)
    ]
    recoded = [
        {
            position: columns[position].values.index(sample.columns[position].values[code])
            for position, code in fixed.items()
        }
        for fixed in patterns
    ]
    return replace(exact, columns=columns), recoded


def _summary(
    table: CodedTable,
    found: Sequence[Found],
    names: tuple[str, ...],
    bins: Mapping[str, Intervals],
    model: CostModel,
    plan: Plan,
    more: int,
) -> Summary:
    patterns = []
    for one in found:
        fixed = {
            table.columns[position].name: table.columns[position].values[code] for position, code in one.fixed.items()
        }
        shown = {name: _label(fixed[name]) for name in names if name in fixed}
        patterns.append(Pattern(shown, one.saving, one.rows / table.rows * 100, one.rows, one.new_rows))
    left_over = table.rows - sum(one.new_rows for one in found)
    return Summary(tuple(patterns), names, table.rows, left_over, model.name, dict(bins), plan, more)


def _label(value: Value) -> Value:
    return value.label if isinstance(value, Interval) else value
