"""Tables, summarized by the few patterns that describe most of their rows: the TSum algorithm.

    >>> from reference.table_summarization import summarize
    >>> patients = [{"gender": "M", "age": "adult"}] * 5 + [{"gender": "F", "age": "child"}] * 3
    >>> print(summarize(patients).sentences()[0])
    62.5 % of the rows (5 of 8) have gender M and age adult.

What is corrected of the published package: the patterns have an order, and ties one winner, whatever the hash seed, the
partitioning or the engine; the cost model does not depend on the interpreter; and time grows with what must be read,
not with candidates times rows, because a table is brought down to its distinct rows with their numbers once, where it
is, and the search never touches it again.

`summarize` takes pandas and Dask DataFrames, Arrow tables, CSV and Parquet files, and warehouses. `binning` has the
rules for numbers and times, `costs` the cost models. On the command line: `tsum FILE...`.
"""

from reference.table_summarization.binning import AsValues, Auto, Edges, Every, Quantiles, Width
from reference.table_summarization.errors import SummaryError
from reference.table_summarization.result import Pattern, Plan, Summary
from reference.table_summarization.summarize import summarize

__all__ = [
    "AsValues",
    "Auto",
    "Edges",
    "Every",
    "Pattern",
    "Plan",
    "Quantiles",
    "Summary",
    "SummaryError",
    "Width",
    "summarize",
]
