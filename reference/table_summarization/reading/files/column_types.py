"""Infer the types of CSV columns from all their texts by Arrow's functions, without a Python object for each text.

The rule is that of `text_types`, which small files use: change both together.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from reference.table_summarization.encoding.arrays import text_array
from reference.table_summarization.encoding.counts import Counts, count, merge
from reference.table_summarization.encoding.dictionaries import Coded, serialized, to_dictionary_type
from reference.table_summarization.errors import UnsupportedValuesError
from reference.table_summarization.reading.files.text_types import (
    BLANKS,
    MISSING,
    PATTERNS,
    SEPARATORS_OF_THOUSANDS,
    Kind,
    kind_of,
    kinds_of,
    read,
)
from reference.table_summarization.reading.source import MAX_PENDING

TEXTS = pa.large_string()
"""The type of dictionaries of texts."""

_MISSING = text_array(sorted(MISSING))
_ARROW_TYPES = {
    Kind.INTEGER: [pa.int64()],
    Kind.NUMBER: [pa.float64()],
    Kind.GROUPED: [pa.float64()],
    Kind.COMMA: [pa.float64()],
    Kind.DATE: [pa.date32()],
    Kind.INSTANT: [pa.timestamp("us"), pa.timestamp("us", tz="UTC")],
}

ColumnTypes: TypeAlias = dict[str, tuple[set[Kind] | None, Counts | None]]
"""By column, the kinds that its texts allow (None: all are missing), and its values with their numbers of rows.

A column of numbers is counted as numbers, any other column by its texts. The counts are None if the parts of the file
have different types.
"""


def infer_types(blocks: Iterable[tuple[Mapping[str, Any], int]], max_rows: int, kinds: Collection[Kind]) -> ColumnTypes:
    """Return the kinds and the counts of each column.

    Args:
        blocks: Blocks of rows, whose columns are arrays of texts or encoded texts, and their numbers of rows.
        max_rows: Maximum number of distinct values of a column; more are sampled.
        kinds: The kinds that the file's dialect allows.
    """
    inferred: list[ColumnTypes] = []
    for block, rows in blocks:
        inferred.append({name: _inferred(name, column, rows, max_rows, kinds) for name, column in block.items()})
        if len(inferred) == MAX_PENDING:
            inferred = [join(max_rows, inferred)]
    return join(max_rows, inferred)


def _inferred(
    name: str, column: Any, rows: int, max_rows: int, kinds: Collection[Kind]
) -> tuple[set[Kind] | None, Counts]:
    cells = column.dictionary if isinstance(column, Coded) else column
    allowed = kinds_in(cells, kinds)
    kind = kind_of([allowed])
    values = cells
    if allowed is None:
        values = pa.nulls(len(cells))
    elif kind in {Kind.INTEGER, Kind.NUMBER}:
        values = _numbers(cells, kind)
    counted = Coded(column.codes, values) if isinstance(column, Coded) else values
    return allowed, count({name: counted}, rows, {}, max_rows)


def _numbers(cells: pa.Array, kind: Kind) -> pa.Array:
    """Return texts as numbers; unchanged if Arrow cannot parse them or has no type of their size."""
    values = typed(cells, kind)
    return cells if values.type == pa.large_binary() else values


def join(max_rows: int, inferred: Sequence[ColumnTypes]) -> ColumnTypes:
    """Return the kinds and counts of each column over several parts of a table."""
    inferred = [part for part in inferred if part]  # a file that has only a header has no columns here
    joined: ColumnTypes = {}
    for name in inferred[0] if inferred else ():
        allowed = [kinds for part in inferred if (kinds := part[name][0]) is not None]
        tally = _joined(max_rows, [part[name][1] for part in inferred])
        joined[name] = (set.intersection(*allowed) if allowed else None), tally
    return joined


def _joined(max_rows: int, tallies: Sequence[Counts | None]) -> Counts | None:
    """Return the merged counts; None if some are of texts and some of numbers, or of floats and of large integers."""
    known = [tally for tally in tallies if tally is not None]
    types = {tally.dictionaries[0].type for tally in known}
    if len(known) < len(tallies) or (TEXTS in types and len(types) > 1):
        return None
    merged = merge(known, max_rows)
    return None if merged.dictionaries[0].type == pa.large_binary() else merged


def typed(cells: pa.Array, kind: Kind | None) -> pa.Array:
    """Return a dictionary's texts as values of a kind."""
    trimmed = _trimmed(cells)
    texts = cells if kind is Kind.TEXT else trimmed
    present = pc.if_else(pc.is_in(trimmed, _MISSING), pa.nulls(len(cells), cells.type), texts)
    if kind is Kind.TEXT:
        return present
    for arrow_type in _ARROW_TYPES.get(kind, []) if kind is not None else []:
        try:
            return to_dictionary_type(_as_arrow_spells(present, kind).cast(arrow_type))
        except (pa.ArrowException, UnsupportedValuesError):
            # Arrow cannot parse it or has no type of its size, or some instants have an offset and others have none.
            continue
    return serialized(read(text, kind) for text in cells.to_pylist())


def _trimmed(cells: pa.Array) -> pa.Array:
    return pc.utf8_trim(cells, BLANKS)


def _as_arrow_spells(cells: pa.Array, kind: Kind | None) -> pa.Array:
    """Return texts of a kind, rewritten to a spelling that Arrow can cast."""
    if kind in {Kind.GROUPED, Kind.COMMA}:
        cells = pc.replace_substring_regex(cells, SEPARATORS_OF_THOUSANDS[kind], "")
        return pc.replace_substring(cells, ",", ".")
    if kind is Kind.INSTANT:
        cells = pc.replace_substring_regex(cells, r"(\.[0-9]{6})[0-9]+", r"\1")
        return pc.replace_substring_regex(cells, r"(:[0-9]{2}(\.[0-9]+)?[+-][0-9]{2})$", r"\1:00")
    return cells


def kinds_in(cells: pa.Array, kinds: Collection[Kind]) -> set[Kind] | None:
    """Return the same as `text_types.kinds_of`, for a dictionary and without a Python object for each text."""
    trimmed = _trimmed(cells)
    known = pc.and_(cells.is_valid(), pc.invert(pc.is_in(trimmed, _MISSING)))
    present = trimmed.filter(known)
    if not len(present):
        return None
    found = {kind for kind, pattern in PATTERNS.items() if kind in kinds and _all_match(present, pattern)}
    if present.equals(cells.filter(known)):
        found.add(Kind.TRIMMED)
    for kind in found & {Kind.DATE, Kind.INSTANT}:
        if not any(_casts(_as_arrow_spells(present, kind), arrow_type) for arrow_type in _ARROW_TYPES[kind]):
            # A text is not a date of the calendar, or Arrow cannot parse it.
            return kinds_of(cells.to_pylist(), kinds)
    return found | {Kind.TEXT}


def _all_match(cells: pa.Array, pattern: str) -> bool:
    # For most columns the first text does not match, which saves matching all others.
    whole = rf"\A(?:{pattern})\z"
    return all(pc.all(pc.match_substring_regex(some, whole)).as_py() for some in (cells[:1], cells))


def _casts(cells: pa.Array, arrow_type: pa.DataType) -> bool:
    try:
        to_dictionary_type(cells.cast(arrow_type))
    except (pa.ArrowException, UnsupportedValuesError):
        return False
    return True
