"""What the columns of CSV files are: by all their texts (see `texts`), without a Python object for each."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from reference.table_summarization.arrays import texts
from reference.table_summarization.coding import Coded, normal, tagged
from reference.table_summarization.counts import Counts, count, merge
from reference.table_summarization.sources.source import MOST_WAITING
from reference.table_summarization.texts import MISSING, PATTERNS, Kind, kinds_of, read

SPELLED = pa.large_string()
"""The type of dictionaries of texts."""

_MISSING = texts(sorted(MISSING))
_ARROW_TYPES = {
    Kind.INTEGER: [pa.int64()],
    Kind.NUMBER: [pa.float64()],
    Kind.DATE: [pa.date32()],
    Kind.INSTANT: [pa.timestamp("us"), pa.timestamp("us", tz="UTC")],
}

Survey: TypeAlias = dict[str, tuple[set[Kind] | None, Counts | None]]
"""By column the kinds that its texts allow, and its values with their numbers of rows.

Numbers are counted as such at once, other texts as they are spelled; None where they cannot be counted together.
"""


def survey(blocks: Iterable[tuple[Mapping[str, Any], int]], most: int) -> Survey:
    """What the columns of blocks of rows hold, each of texts or of texts coded."""
    surveys: list[Survey] = []
    for block, rows in blocks:
        surveys.append({name: _surveyed(name, column, rows, most) for name, column in block.items()})
        if len(surveys) == MOST_WAITING:
            surveys = [join(most, surveys)]
    return join(most, surveys)


def _surveyed(name: str, column: Any, rows: int, most: int) -> tuple[set[Kind] | None, Counts]:
    spelled = column.dictionary if isinstance(column, Coded) else column
    kinds = kinds_in(spelled)
    values = spelled
    if kinds is None:
        values = pa.nulls(len(spelled))
    elif Kind.NUMBER in kinds:
        values = _numbers(spelled, Kind.INTEGER if Kind.INTEGER in kinds else Kind.NUMBER)
    counted = Coded(column.codes, values) if isinstance(column, Coded) else values
    return kinds, count({name: counted}, rows, {}, most)


def _numbers(spelled: pa.Array, kind: Kind) -> pa.Array:
    """Texts as numbers; as they are if they are sized or spelled in a way that Arrow does not know."""
    values = typed(spelled, kind)
    return spelled if values.type == pa.large_binary() else values


def join(most: int, surveys: Sequence[Survey]) -> Survey:
    """What the columns hold that several surveys have seen."""
    surveys = [survey for survey in surveys if survey]  # a file of a header alone has none
    joined: Survey = {}
    for name in surveys[0] if surveys else ():
        allowed = [kinds for survey in surveys if (kinds := survey[name][0]) is not None]
        tally = _joined(most, [survey[name][1] for survey in surveys])
        joined[name] = (set.intersection(*allowed) if allowed else None), tally
    return joined


def _joined(most: int, tallies: Sequence[Counts | None]) -> Counts | None:
    """The tallies merged, unless texts and numbers meet, or whole numbers beyond 2**53 and others."""
    known = [tally for tally in tallies if tally is not None]
    types = {tally.dictionaries[0].type for tally in known}
    if len(known) < len(tallies) or (SPELLED in types and len(types) > 1):
        return None
    merged = merge(known, most)
    return None if merged.dictionaries[0].type == pa.large_binary() else merged


def typed(spelled: pa.Array, kind: Kind | None) -> pa.Array:
    """The values of a dictionary of texts."""
    present = pc.if_else(pc.is_in(spelled, _MISSING), pa.nulls(len(spelled), spelled.type), spelled)
    if kind is Kind.TEXT:
        return present
    for arrow_type in _ARROW_TYPES.get(kind, []) if kind is not None else []:
        try:
            return normal(present.cast(arrow_type))
        except pa.ArrowException:  # spelled or sized in a way that Arrow does not know, or by clocks of both kinds
            continue
    return tagged(read(text, kind) for text in spelled.to_pylist())


def kinds_in(spelled: pa.Array) -> set[Kind] | None:
    """`texts.kinds_of` a dictionary, without a Python object for each text."""
    present = spelled.filter(pc.and_(spelled.is_valid(), pc.invert(pc.is_in(spelled, _MISSING))))
    if not len(present):
        return None
    kinds = {kind for kind, pattern in PATTERNS.items() if _all_match(present, pattern)}
    for kind in kinds & {Kind.DATE, Kind.INSTANT}:
        if not any(_casts(present, arrow_type) for arrow_type in _ARROW_TYPES[kind]):
            # No date of the calendar, or a spelling that Arrow does not know.
            return kinds_of(present.to_pylist())
    return kinds | {Kind.TEXT}


def _all_match(spelled: pa.Array, pattern: str) -> bool:
    # Most columns are told by their first text.
    whole = rf"\A(?:{pattern})\z"
    return all(pc.all(pc.match_substring_regex(some, whole)).as_py() for some in (spelled[:1], spelled))


def _casts(spelled: pa.Array, arrow_type: pa.DataType) -> bool:
    try:
        spelled.cast(arrow_type)
    except pa.ArrowException:
        return False
    return True
