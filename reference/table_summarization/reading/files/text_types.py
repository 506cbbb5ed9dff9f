"""Infer the type of a CSV column from its texts, by one rule for small and for large files.

A column is typed by all its distinct texts together, so neither the first block of a file nor its partitioning decides:

- texts that pandas too reads as missing (`MISSING`: an empty field, NA, NaN, null, ...) are missing;
- a column is of bools, whole numbers, numbers, dates (`2013-01-31`) or instants (ISO 8601) if every other text of it
  is; a leading zero (a postal code) makes it text;
- numbers with thousands separators (`1,234.5`) or a decimal comma (`1.234,5`) are numbers where the file's dialect
  allows them and all the texts together leave one reading; where both fit (`1,234`), the column stays text;
- blanks around a number, a time or a missing value do not count; a text keeps its own;
- anything else is text.
"""

import datetime as dt
import enum
import re
from collections.abc import Callable, Collection, Iterable

from reference.table_summarization.values import Value, canonical

MISSING = frozenset(
    {"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"}
    | {"<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"}
)
"""The texts that stand for a missing value: those of `pandas.read_csv`."""

BLANKS = " \t"


class Kind(enum.Enum):
    """The kind of a column: the first of these that all its texts have."""

    BOOL = enum.auto()
    INTEGER = enum.auto()
    NUMBER = enum.auto()
    GROUPED = enum.auto()
    """A number with a decimal point and commas between thousands."""
    COMMA = enum.auto()
    """A number with a decimal comma, and points, blanks or apostrophes between thousands."""
    DATE = enum.auto()
    INSTANT = enum.auto()
    TEXT = enum.auto()
    TRIMMED = enum.auto()
    """Not the kind of a column, but an additional fact: no text has blanks around it."""


NUMBERS = frozenset({Kind.INTEGER, Kind.NUMBER, Kind.GROUPED, Kind.COMMA})
DEFAULT_KINDS = frozenset(Kind) - {Kind.COMMA}
"""The kinds of columns in a file whose fields are separated by commas."""

_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}

PATTERNS = {
    Kind.BOOL: "|".join(_BOOLS),
    Kind.INTEGER: r"[+-]?(0|[1-9][0-9]*)",
    Kind.NUMBER: r"[+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?[iI]nf(inity)?",
    Kind.GROUPED: r"[+-]?(0|[1-9][0-9]*|[1-9][0-9]{0,2}(,[0-9]{3})+)(\.[0-9]*)?",
    Kind.COMMA: "[+-]?(0|[1-9][0-9]*|[1-9][0-9]{0,2}([. '\u00a0\u202f][0-9]{3})+)(,[0-9]*)?([eE][+-]?[0-9]+)?",
    Kind.DATE: r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    Kind.INSTANT: r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
    r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)?",
}
"""Regular expression of a whole text, by kind; a date must also be in the calendar."""

_SPELLED = {kind: re.compile(pattern) for kind, pattern in PATTERNS.items()}

SEPARATORS_OF_THOUSANDS = {Kind.GROUPED: ",", Kind.COMMA: "[. '\u00a0\u202f]"}
"""Regular expression of the separators that are dropped from a number, by kind."""


def _grouped(text: str) -> float:
    return float(text.replace(",", ""))


def _with_decimal_comma(text: str) -> float:
    return float(re.sub(SEPARATORS_OF_THOUSANDS[Kind.COMMA], "", text).replace(",", "."))


_READ: dict[Kind, Callable[[str], object]] = {
    Kind.BOOL: _BOOLS.__getitem__,
    Kind.INTEGER: int,
    Kind.NUMBER: float,
    Kind.GROUPED: _grouped,
    Kind.COMMA: _with_decimal_comma,
    Kind.DATE: dt.date.fromisoformat,
    Kind.INSTANT: dt.datetime.fromisoformat,
    Kind.TEXT: str,
}


def _is(kind: Kind, text: str) -> bool:
    if kind is Kind.TEXT:
        return True
    if kind is Kind.TRIMMED:
        return text == text.strip(BLANKS)
    text = text.strip(BLANKS)
    if _SPELLED[kind].fullmatch(text) is None:
        return False
    try:
        canonical(_READ[kind](text))
    except ValueError:  # the 31st of February, or an instant that is in the year 10000 of UTC
        return False
    return True


def kinds_of(texts: Iterable[str | None], kinds: Collection[Kind] = DEFAULT_KINDS) -> set[Kind] | None:
    """Return the kinds that some texts of a column allow.

    Args:
        texts: Distinct texts, in any order; None and those of `MISSING` do not count.
        kinds: The kinds that the file's dialect allows.

    Returns:
        The kinds that all texts have, always with TEXT; None if all are missing.
    """
    present = [text for text in texts if text is not None and text.strip(BLANKS) not in MISSING]
    return {kind for kind in kinds if all(_is(kind, text) for text in present)} if present else None


def kind_of(kinds: Iterable[set[Kind] | None]) -> Kind | None:
    """Return the first of `Kind` that all parts of a column allow; None if all its texts are missing."""
    parts = [part for part in kinds if part is not None]
    if not parts:
        return None
    allowed = set.intersection(*parts)
    if {Kind.GROUPED, Kind.COMMA} <= allowed and not allowed & {Kind.INTEGER, Kind.NUMBER}:
        allowed -= {Kind.GROUPED, Kind.COMMA}  # 1,234 may be either number
    return next(kind for kind in Kind if kind in allowed)


def read(text: str | None, kind: Kind | None) -> Value:
    """Return the value of a text in a column of this kind."""
    if text is None or kind is None or text.strip(BLANKS) in MISSING:
        return None
    return canonical(_READ[kind](text if kind is Kind.TEXT else text.strip(BLANKS)))
