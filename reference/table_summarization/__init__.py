"""Summarize tables by the few patterns that describe most of their rows: the TSum algorithm.

    >>> from reference.table_summarization import summarize
    >>> patients = [{"gender": "M", "age": "adult"}] * 5 + [{"gender": "F", "age": "child"}] * 3
    >>> print(summarize(patients).sentences()[0])
    62.5 % of the rows (5 of 8) have gender M and age adult.

It corrects three things in the published package. The result is the same for every hash seed, partitioning and engine:
patterns have an order, and ties are broken by a fixed rule. The cost model does not depend on the Python interpreter.
The time grows with the size of the input, not with the number of candidates times rows: a table is reduced once, where
it is stored, to its distinct rows with their counts, and the search reads only those.

`summarize` takes pandas and Dask DataFrames, Arrow tables, CSV and Parquet files, and warehouses. On the command line:
`tsum FILE...`. The steps of a summary are its sub-packages, in this order:

- `reading`: opens the table's source, and counts its distinct rows there;
- `encoding`: dictionary encoding of columns, and the counts of distinct rows;
- `binning`: the rules that group many numbers or times into few intervals;
- `search`: the cost models and the search for patterns;
- `results`: the summary as text, JSON, Markdown, sentences or a figure.

`pipeline.summarize` calls them one after the other. The names below are imported when they are first used, so that
importing the package takes hardly any time.
"""

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from reference.table_summarization.binning import AsValues, Auto, Edges, Every, Quantiles, Width
    from reference.table_summarization.errors import (
        EmptyTableError,
        MissingExtraError,
        SummaryError,
        UnknownColumnError,
        UnreadableError,
        UnsupportedValuesError,
    )
    from reference.table_summarization.pipeline import summarize
    from reference.table_summarization.reading.files.csv_dialect import CsvFormat
    from reference.table_summarization.results import Pattern, Plan, Summary

__all__ = [
    "AsValues",
    "Auto",
    "CsvFormat",
    "Edges",
    "EmptyTableError",
    "Every",
    "MissingExtraError",
    "Pattern",
    "Plan",
    "Quantiles",
    "Summary",
    "SummaryError",
    "UnknownColumnError",
    "UnreadableError",
    "UnsupportedValuesError",
    "Width",
    "summarize",
]

_MODULES = {
    "binning": ("AsValues", "Auto", "Edges", "Every", "Quantiles", "Width"),
    "errors": (
        "EmptyTableError",
        "MissingExtraError",
        "SummaryError",
        "UnknownColumnError",
        "UnreadableError",
        "UnsupportedValuesError",
    ),
    "pipeline": ("summarize",),
    "reading.files.csv_dialect": ("CsvFormat",),
    "results": ("Pattern", "Plan", "Summary"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


__getattr__ = import_at_first_use(__name__, _MODULE_OF)
