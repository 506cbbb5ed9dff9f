"""Encoding: columns as codes of a dictionary of distinct values, and the counts of distinct rows."""

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from reference.table_summarization.encoding.counts import Counts, count, merge
    from reference.table_summarization.encoding.dictionaries import Coded, encode
    from reference.table_summarization.encoding.recoding import Recoding, recode

__all__ = ["Coded", "Counts", "Recoding", "count", "encode", "merge", "recode"]

_MODULES = {
    "Coded": "dictionaries",
    "Counts": "counts",
    "Recoding": "recoding",
    "count": "counts",
    "encode": "dictionaries",
    "merge": "counts",
    "recode": "recoding",
}

__getattr__ = import_at_first_use(__name__, _MODULES)
