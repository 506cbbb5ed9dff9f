"""The canonical form of values, so that a table has the same values in every engine that stores it.

The same rule holds for all engines:

- None, NaN, NaT, pandas.NA and a database's NULL are the same missing value, represented by `None`;
- numbers are equal if their numerical values are: 1, 1.0 and Decimal("1.00") become the int 1, and -0.0 becomes 0;
  a number that is not whole, even a Decimal, becomes the nearest float;
- a bool is not a number, so True differs from 1; a text never equals the number or time that it spells;
- dates, times of day, instants and durations keep their types, with microseconds (nanoseconds are rounded down); an
  instant with a time zone is converted to UTC; a time outside the years 1 to 9999 is refused;
- a UUID becomes its text;
- a value that contains others (a list, struct or map) is refused.

`order` sorts values of all these types, so that ties between patterns are broken in the same way everywhere.
"""

import datetime as dt
import decimal
import math
import numbers
import uuid
from dataclasses import dataclass
from typing import Any, TypeAlias

from reference.table_summarization.errors import UnsupportedValuesError


@dataclass(frozen=True, slots=True)
class Interval:
    """The values from `low` to `high`, which a pattern fixes as one value; see `binning`.

    Attributes:
        low: The lower end, which belongs to the interval; None if it is unbounded below.
        high: The upper end; None if it is unbounded above.
        closed: Whether `high` also belongs to the interval.
        label: What a pattern shows, such as `[0, 15)`.
    """

    low: Any
    high: Any
    closed: bool
    label: str

    def __str__(self) -> str:
        return self.label


Value: TypeAlias = bool | int | float | str | bytes | dt.date | dt.time | dt.timedelta | Interval | None
"""A canonical value; in Python, datetime is a subclass of date."""

# The order of types, for columns that hold values of several; values of the same type have their natural order.
_MISSING, _BOOL, _NUMBER, _TEXT, _BYTES, _DATE, _INSTANT, _UTC_INSTANT, _TIME, _DURATION, _INTERVAL = range(11)


def canonical(value: object) -> Value:
    """Return the canonical form of a value; see the module's rule.

    Args:
        value: Anything a table's cell may hold.

    Returns:
        None, a bool, an int, a float that is not whole, text, bytes, or a date or time of the standard library.

    Raises:
        UnsupportedValuesError: The value has no canonical form.
    """
    if value is None or isinstance(value, bool | Interval):
        return value
    # JSON and the cost model would treat a value of a subclass (numpy's, an enumeration's) differently.
    if isinstance(value, str):
        return value if type(value) is str else str.__str__(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return value if type(value) is bytes else bytes(value)
    if type(value).__name__ == "timedelta64":  # numpy registers it as an integer
        return _canonical_numpy_time(value)
    if isinstance(value, numbers.Integral):
        number = int(value)
        if number.bit_length() > _MOST_BITS:
            raise _too_long()
        return number
    if isinstance(value, decimal.Decimal):
        if value.is_finite():
            if value.adjusted() > _MOST_DIGITS:
                raise _too_long()
            return int(value) if value == value.to_integral_value() else canonical(float(value))
        return None if value.is_nan() else float(value)
    if isinstance(value, numbers.Real):
        try:
            nearest = float(value)
        except OverflowError:  # a fraction
            raise _too_long() from None
        if math.isnan(nearest):
            return None
        return int(nearest) if nearest.is_integer() else nearest
    return _canonical_time(value)


# By default Python converts no longer integers to text and back.
_MOST_DIGITS = 4_000
_MOST_BITS = 13_287


def _too_long() -> UnsupportedValuesError:
    return UnsupportedValuesError("it holds a number of too many digits; leave the column out, or turn it into text")


def _canonical_time(value: object) -> Value:
    """Return `canonical` of a value that is neither None, text nor number."""
    kind = type(value).__name__  # numpy and pandas need not be installed
    if kind in {"NAType", "NaTType"}:
        return None
    if kind in {"bool", "bool_"}:  # numpy's bool is no Integral
        return bool(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    if kind in {"Timestamp", "datetime64", "Timedelta", "timedelta64"}:
        return _canonical_numpy_time(value)
    if isinstance(value, dt.datetime):
        try:
            return value.astimezone(dt.UTC) if value.tzinfo is not None else value
        except OverflowError:
            raise outside_the_calendar() from None
    if isinstance(value, dt.date | dt.time | dt.timedelta):
        return value
    raise UnsupportedValuesError(
        f"it holds a value of type {kind}, which a pattern cannot fix; leave the column out, or turn it into text"
    )


def outside_the_calendar() -> UnsupportedValuesError:
    """Return the error for a time that Python's calendar cannot represent."""
    return UnsupportedValuesError(
        "it holds a time outside the years 1 to 9999 (of UTC); leave the column out, or turn it into text"
    )


def _canonical_numpy_time(value: Any) -> Value:
    """Return `canonical` of an instant or a duration of numpy or pandas: rounded down to the microsecond."""
    zone = getattr(value, "tzinfo", None)
    if zone is not None:
        value = value.tz_convert("UTC")
    if hasattr(value, "to_numpy"):  # pandas' own
        value = value.tz_localize(None).to_numpy() if hasattr(value, "tz_localize") else value.to_numpy()
    import numpy as np

    if np.isnat(value):
        return None
    if isinstance(value, np.timedelta64):
        if np.datetime_data(value)[0] in {"Y", "M", "generic"}:
            raise UnsupportedValuesError("it holds durations of no fixed length; leave the column out, or convert it")
        duration: object = value.astype("m8[us]").item()
        # As a Python int: `in` searches a range element by element for any other type.
        days = int(value.astype("m8[D]").astype(int))
        if days not in range(-999_999_999, 999_999_999) or not isinstance(duration, dt.timedelta):
            raise UnsupportedValuesError("it holds a duration of more than 999,999,999 days; leave the column out")
        return duration
    if int(value.astype("M8[Y]").astype(int)) + 1970 not in range(dt.MINYEAR, dt.MAXYEAR + 1):
        raise outside_the_calendar()
    instant: dt.datetime = value.astype("M8[us]").item()
    return instant.replace(tzinfo=dt.UTC) if zone is not None else instant


def order(value: Value) -> tuple[int, Any]:
    """Return a sort key for canonical values of any type: missing, bools, numbers, texts by code point, the others."""
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
    """Return a value as text for people: missing as `(missing)`, text unchanged."""
    match value:
        case None:
            return "(missing)"
        case dt.datetime() | dt.date() | dt.time():
            return value.isoformat(" ") if isinstance(value, dt.datetime) else value.isoformat()
        case bytes():
            return value.hex()
        case _:
            return str(value)


def printable(text: str) -> str:
    """Return a text for a terminal: unprintable characters are escaped as in Python."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def as_json(value: Value) -> bool | int | float | str | None:
    """Return a value as JSON: numbers, texts, true, false and null; others as `shown`."""
    match value:
        case None | bool() | int() | str():
            return value
        case float() if math.isfinite(value):
            return value
        case _:
            return shown(value)
