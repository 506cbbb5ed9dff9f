"""What a value is, so that the same table has the same values whichever engine holds it.

One rule for all engines:

- missing is one value: None, NaN, NaT, pandas.NA, a database's NULL; it is written `None`;
- a number is its numerical value: 1, 1.0 and Decimal("1.00") are the same value, written as the int 1, and -0.0 is 0;
  what is not whole is its nearest float, a Decimal too;
- a bool is no number: True is not 1; nor is a text ever equal to what it spells;
- dates, times of day, instants and durations are values of their own; an instant with a time zone is taken to UTC;
- what holds other values (lists, structs, maps) is refused.

`order` sorts any of them, so that ties between patterns are broken in the same way everywhere.
"""

import datetime as dt
import decimal
import math
import numbers
from dataclasses import dataclass
from typing import Any, TypeAlias

from reference.table_summarization.errors import UnsupportedValuesError


@dataclass(frozen=True, slots=True)
class Interval:
    """The values from `low` to `high`, which stand in a pattern as one value; see `binning`.

    Attributes:
        low: Its least value, which belongs to it; None for no lower end.
        high: Its upper end; None for no upper end.
        closed: Whether `high` belongs to it too.
        label: What a pattern shows, such as `[0, 15)`.
    """

    low: Any
    high: Any
    closed: bool
    label: str

    def __str__(self) -> str:
        return self.label


Value: TypeAlias = bool | int | float | str | bytes | dt.date | dt.time | dt.timedelta | Interval | None
"""A canonical value; a datetime is a date."""

# The order of kinds where one column holds several; within a kind values have their natural order.
_MISSING, _BOOL, _NUMBER, _TEXT, _BYTES, _DATE, _INSTANT, _UTC_INSTANT, _TIME, _DURATION, _INTERVAL = range(11)


def canonical(value: object) -> Value:
    """The one form of a value; see the module's rule.

    Args:
        value: Anything a table's cell may hold.

    Returns:
        None, a bool, an int, a float that is not whole, text, bytes, or a date or time of the standard library.

    Raises:
        UnsupportedValuesError: If it is none of these.
    """
    if value is None or isinstance(value, bool | str | bytes | Interval):
        # A subclass of str (numpy's) would be another value to JSON and to the cost model.
        return str(value) if isinstance(value, str) and type(value) is not str else value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, decimal.Decimal):
        if value.is_finite():
            return int(value) if value == value.to_integral_value() else canonical(float(value))
        return None if value.is_nan() else float(value)
    if isinstance(value, numbers.Real):
        number = float(value)
        if math.isnan(number):
            return None
        return int(number) if number.is_integer() else number
    return _canonical_time(value)


def _canonical_time(value: object) -> Value:
    """`canonical` for what is neither missing, text nor number."""
    if type(value).__name__ in {"NAType", "NaTType"}:  # pandas, which need not be installed
        return None
    if type(value).__name__ in {"bool", "bool_"}:  # numpy's bool is no Integral
        return bool(value)
    for convert in ("to_pydatetime", "to_pytimedelta"):
        if hasattr(value, convert):
            value = getattr(value, convert)()
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC) if value.tzinfo is not None else value
    if isinstance(value, dt.date | dt.time | dt.timedelta):
        return value
    raise UnsupportedValuesError(
        f"it holds a {type(value).__name__}, which a pattern cannot fix; leave the column out, or turn it into text"
    )


def order(value: Value) -> tuple[int, Any]:
    """A sort key for canonical values of any kinds: missing, False, True, numbers, texts by code point, the rest."""
    match value:
        case None:
            return _MISSING, 0
        case bool():
            return _BOOL, value
        case str():
            return _TEXT, value
        case bytes():
            return _BYTES, value
        case dt.datetime():
            return (_INSTANT if value.tzinfo is None else _UTC_INSTANT), value
        case dt.date():
            return _DATE, value
        case dt.time():
            return _TIME, value.isoformat()
        case dt.timedelta():
            return _DURATION, value
        case Interval():
            # Only an open lower end is None; it comes first.
            return _INTERVAL, (value.low is not None, order(value.low))
        case _:
            return _NUMBER, value


def shown(value: Value) -> str:
    """A value as text for people: missing as `(missing)`, text as it is."""
    match value:
        case None:
            return "(missing)"
        case dt.datetime() | dt.date() | dt.time():
            return value.isoformat(" ") if isinstance(value, dt.datetime) else value.isoformat()
        case bytes():
            return value.hex()
        case _:
            return str(value)


def as_json(value: Value) -> bool | int | float | str | None:
    """A value as JSON has it: numbers, texts, true, false and null; the rest as `shown`."""
    match value:
        case None | bool() | int() | str():
            return value
        case float() if math.isfinite(value):
            return value
        case _:
            return shown(value)
