"""What the texts of a CSV column are: the one rule, for a file of ten rows and for one of a hundred million.

A column is typed by all its distinct texts together, so neither the first block of a file nor its partitioning decides:

- texts that pandas too reads as missing (`MISSING`: an empty field, NA, NaN, null, ...) are missing;
- a column is of bools, whole numbers, numbers, dates (`2013-01-31`) or instants (ISO 8601) if every other text of it
  is; a leading zero (a postal code) makes it text;
- anything else is text.
"""

import datetime as dt
import enum
import re
from collections.abc import Callable, Iterable

from reference.table_summarization.values import Value, canonical

MISSING = frozenset(
    {"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"}
    | {"<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"}
)
"""The texts that stand for a missing value: those of `pandas.read_csv`."""


class Kind(enum.Enum):
    """What every text of a column is."""

    BOOL = enum.auto()
    INTEGER = enum.auto()
    NUMBER = enum.auto()
    DATE = enum.auto()
    INSTANT = enum.auto()
    TEXT = enum.auto()


_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}

PATTERNS = {
    Kind.BOOL: "|".join(_BOOLS),
    Kind.INTEGER: r"[+-]?(0|[1-9][0-9]*)",
    Kind.NUMBER: r"[+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?[iI]nf(inity)?",
    Kind.DATE: r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    Kind.INSTANT: r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})?",
}
"""How a text of each kind is spelled, as a whole; a date must be one of the calendar besides."""

_SPELLED = {kind: re.compile(pattern) for kind, pattern in PATTERNS.items()}


_READ: dict[Kind, Callable[[str], object]] = {
    Kind.BOOL: _BOOLS.__getitem__,
    Kind.INTEGER: int,
    Kind.NUMBER: float,
    Kind.DATE: dt.date.fromisoformat,
    Kind.INSTANT: dt.datetime.fromisoformat,
    Kind.TEXT: str,
}


def _is(kind: Kind, text: str) -> bool:
    if kind is Kind.TEXT:
        return True
    if _SPELLED[kind].fullmatch(text) is None:
        return False
    try:
        _READ[kind](text)
    except ValueError:  # the 31st of February
        return False
    return True


def kinds_of(texts: Iterable[str | None]) -> set[Kind] | None:
    """The kinds that some texts of a column allow.

    Args:
        texts: Distinct texts, in any order; None and those of `MISSING` don't count.

    Returns:
        The kinds that all of them are, TEXT always among them; None if all are missing.
    """
    present = [text for text in texts if text is not None and text not in MISSING]
    return {kind for kind in Kind if all(_is(kind, text) for text in present)} if present else None


def kind_of(kinds: Iterable[set[Kind] | None]) -> Kind | None:
    """The kind of a column whose parts allow these: the first of `Kind` that all allow; None if all are missing."""
    allowed = [part for part in kinds if part is not None]
    return next(kind for kind in Kind if all(kind in part for part in allowed)) if allowed else None


def read(text: str | None, kind: Kind | None) -> Value:
    """The value that a text of a column of this kind stands for."""
    if text is None or text in MISSING or kind is None:
        return None
    return canonical(_READ[kind](text))
