"""Serialize values of mixed types as bytes that are equal if and only if the values are equal.

A column of Arrow has one type. A pandas object column may hold 1, True, "1" and 1.5, and two partitions of a Dask
DataFrame may have different types for a column; such columns are stored as JSON of canonical values. So are types
whose equal values are stored differently, such as decimals of several scales.
"""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

from reference.table_summarization.values import Value, canonical

_READ: dict[str, Callable[[Any], Value]] = {
    "bytes": bytes.fromhex,
    "date": dt.date.fromisoformat,
    "datetime": dt.datetime.fromisoformat,
    "time": dt.time.fromisoformat,
    "timedelta": lambda microseconds: dt.timedelta(microseconds=microseconds),
}


def serialize(value: object) -> bytes | None:
    """Return a value as bytes, or None if it is missing.

    Raises:
        UnsupportedValuesError: A pattern cannot fix the value; see `values.canonical`.
    """
    match canonical(value):
        case None:
            return None
        case bool() | int() | float() | str() as plain:
            return json.dumps(plain).encode()
        case bytes() as raw:
            return json.dumps(["bytes", raw.hex()]).encode()
        case dt.timedelta() as duration:
            return json.dumps(["timedelta", duration // dt.timedelta(microseconds=1)]).encode()
        case dt.date() | dt.time() as time:
            return json.dumps([type(time).__name__, time.isoformat()]).encode()
        case other:
            return json.dumps([type(other).__name__, str(other)]).encode()


def deserialize(serialized: bytes | None) -> Value:
    """Return the value from which `serialize` made these bytes."""
    if serialized is None:
        return None
    read: Any = json.loads(serialized)
    if isinstance(read, list):
        kind, text = read
        return _READ[kind](text)
    value: Value = read
    return value
