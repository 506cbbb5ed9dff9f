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


_TRUE = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[+-]?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?[iI]nf(inity)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?"
)


def _parses(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValueError:  # the 31st of February
        return False
    return True


_FITS: dict[Kind, Callable[[str], bool]] = {
    Kind.BOOL: _TRUE.__contains__,
    Kind.INTEGER: lambda text: _INTEGER.fullmatch(text) is not None,
    Kind.NUMBER: lambda text: _NUMBER.fullmatch(text) is not None,
    Kind.DATE: lambda text: _DATE.fullmatch(text) is not None and _parses(dt.date.fromisoformat, text),
    Kind.INSTANT: lambda text: _INSTANT.fullmatch(text) is not None and _parses(dt.datetime.fromisoformat, text),
    Kind.TEXT: lambda _: True,
}

_READ: dict[Kind, Callable[[str], object]] = {
    Kind.BOOL: _TRUE.__getitem__,
    Kind.INTEGER: int,
    Kind.NUMBER: float,
    Kind.DATE: dt.date.fromisoformat,
    Kind.INSTANT: dt.datetime.fromisoformat,
    Kind.TEXT: str,
}


def kinds_of(texts: Iterable[str | None]) -> set[Kind] | None:
    """The kinds that some texts of a column allow.

    Args:
        texts: Distinct texts, in any order; None and those of `MISSING` don't count.

    Returns:
        The kinds that all of them are, TEXT always among them; None if all are missing.
    """
    present = [text for text in texts if text is not None and text not in MISSING]
    return {kind for kind in Kind if all(map(_FITS[kind], present))} if present else None


def kind_of(kinds: Iterable[set[Kind] | None]) -> Kind | None:
    """The kind of a column whose parts allow these: the first of `Kind` that all allow; None if all are missing."""
    allowed = [part for part in kinds if part is not None]
    return next(kind for kind in Kind if all(kind in part for part in allowed)) if allowed else None


def read(text: str | None, kind: Kind | None) -> Value:
    """The value that a text of a column of this kind stands for."""
    if text is None or text in MISSING or kind is None:
        return None
    return canonical(_READ[kind](text))
