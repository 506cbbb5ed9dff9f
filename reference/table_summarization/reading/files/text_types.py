"""Infer the type of a CSV column from its texts, by one rule for small and for large files.

The type depends on all distinct texts of the column, and so on neither the first block of a file nor its partitioning:

- texts that pandas reads as missing (`MISSING`: an empty field, NA, NaN, null, ...) are missing;
- if all other texts of a column are bools, whole numbers, numbers, dates (`2013-01-31`) or instants (ISO 8601), that is
  its type; a text with a leading zero, such as a postal code, makes the column text;
- numbers with thousands separators (`1,234.5`) or a decimal comma (`1.234,5`) are numbers if the file's dialect allows
  them, and if the texts are not ambiguous: a column that has only texts such as `1,234` stays text;
- blanks around a number, a time or a missing value are ignored; a text keeps its blanks;
- any other column is text.
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
"""The texts that mean a missing value, as in `pandas.read_csv`."""

BLANKS = " \t"


class Kind(enum.Enum):
    """The kind of a column is the first of these that all its texts have."""

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
    except ValueError:  # such as 31 February, or an instant in the year 10000 of UTC
        return False
    return True


def kinds_of(texts: Iterable[str | None], kinds: Collection[Kind] = DEFAULT_KINDS) -> set[Kind] | None:
    """Return the kinds that some texts of a column allow.

    Args:
        texts: Distinct texts, in any order; None and the texts in `MISSING` do not count.
        kinds: The kinds that the file's dialect allows.

    Returns:
        The kinds that all texts have, always including TEXT; None if all texts are missing.
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
