"""Dictionary encoding: represent a column by its distinct values, and by the position of each row's value among them.

The dictionary is an Arrow array of one of a few types, so that millions of values are compared without making a Python
object of each: bool, int64, float64, large_string, date32, timestamps and durations to the microsecond, times of day,
null, and large_binary for `serialized` values. A null represents a missing value. A dictionary may hold a value twice
until `merge_dictionaries` removes the duplicates. Open this module to see how a type of Arrow or pandas is read.
"""

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from reference.table_summarization.encoding.arrays import missing_in, to_arrow, to_numpy
from reference.table_summarization.encoding.serialization import deserialize, serialize
from reference.table_summarization.errors import UnsupportedValuesError
from reference.table_summarization.values import Value, canonical, outside_the_calendar

Codes = npt.NDArray[np.int32]

# Number of values that are sampled to guess whether a column's values mostly differ.
_SAMPLE = 1 << 13


@dataclass(frozen=True, slots=True)
class Coded:
    """A column, or a part of it.

    Attributes:
        codes: Shape (rows,): each row's position in the dictionary.
        dictionary: The values; see the module.
    """

    codes: Codes
    dictionary: pa.Array


def encode(name: str, column: Any, *, distinct: bool = True) -> Coded:
    """Encode a column by a dictionary.

    Args:
        name: The column's name, for error messages.
        distinct: Whether the dictionary must hold each value once. If not, numbers or times that mostly differ are used
            as the dictionary unchanged, which takes no time.
        column: An Arrow array or chunked array, a pandas Series, or a `Coded` column.

    Raises:
        UnsupportedValuesError: The column holds values that cannot be part of a pattern.
    """
    if isinstance(column, Coded):
        return column
    try:
        if isinstance(column, pa.ChunkedArray | pa.Array):
            return _encode_arrow(column, distinct=distinct)
        return _encode_series(column, distinct=distinct)
    except (pa.ArrowException, OverflowError) as error:  # a type that Arrow has few functions for
        reason = str(error).partition("\n")[0]
        raise UnsupportedValuesError(f"column {name!r} cannot be summarized: {reason}; leave the column out") from None
    except UnsupportedValuesError as error:
        raise UnsupportedValuesError(f"column {name!r} cannot be summarized: {error}") from None


def _encode_arrow(column: pa.ChunkedArray | pa.Array, *, distinct: bool = True) -> Coded:
    """Encode an Arrow column.

    The chunks of a column that is not of a primitive type are encoded one by one, since each may have a dictionary.
    """
    if isinstance(column, pa.ChunkedArray):
        if column.num_chunks > 1 and not pa.types.is_primitive(column.type):
            parts = [_encode_array(chunk) for chunk in column.chunks]
            moves, dictionary = merge_dictionaries([part.dictionary for part in parts])
            return Coded(np.concatenate([m[part.codes] for m, part in zip(moves, parts, strict=True)]), dictionary)
        column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        if isinstance(column, pa.ChunkedArray):  # an empty one
            column = pa.array([], type=column.type)
    return _encode_array(column, distinct=distinct)


def _encode_array(column: pa.Array, *, distinct: bool = True) -> Coded:
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return _encode_extension(column)
    if pa.types.is_nested(kind) and not pa.types.is_run_end_encoded(kind):
        raise UnsupportedValuesError(
            f"its type is {kind}; leave the column out, or take its parts into columns of their own"
        )
    if pa.types.is_null(kind):
        return Coded(np.zeros(len(column), dtype=np.int32), pa.nulls(1))
    if pa.types.is_run_end_encoded(kind):
        return _encode_array(pc.run_end_decode(column))
    if pa.types.is_dictionary(kind):
        values = _encode_array(column.dictionary)
        dictionary = values.dictionary.take(to_arrow(values.codes))
        return _with_missing(column.indices, dictionary)
    # Arrow cannot hash string views, binary views and half-precision floats.
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        column = column.cast(pa.large_string() if pa.types.is_string_view(kind) else pa.large_binary())
    elif pa.types.is_float16(kind):
        column = column.cast(pa.float64())
    if not distinct and _converts_directly(column.type) and _mostly_different(column):
        return Coded(np.arange(len(column), dtype=np.int32), to_dictionary_type(column))
    # Floats are hashed by their bits, four times as fast; then those of other bits are merged that are one value.
    bits = _BITS.get(column.type)
    encoded = pc.dictionary_encode(column if bits is None else column.view(bits), null_encoding="encode")
    dictionary = encoded.dictionary if bits is None else encoded.dictionary.view(column.type)
    coded = _with_missing(encoded.indices, to_dictionary_type(dictionary))
    return coded if bits is None else _merge_zeros_and_missing(coded)


_BITS = {pa.float32(): pa.int32(), pa.float64(): pa.int64()}


def _merge_zeros_and_missing(column: Coded) -> Coded:
    """Return a column of floats with one zero and one missing value: of each there are several by their bits."""
    missing = missing_in(column.dictionary)
    zeros = (to_numpy(column.dictionary) == 0) & ~missing
    if np.count_nonzero(missing) < 2 and np.count_nonzero(zeros) < 2:
        return column
    (moves,), dictionary = merge_dictionaries([column.dictionary])
    return Coded(moves[column.codes], dictionary)


def _with_missing(indices: pa.Array, dictionary: pa.Array) -> Coded:
    """Return a column from its codes, which are integers of any size; a missing code becomes a missing value."""
    if indices.null_count:
        codes = np.where(missing_in(indices), len(dictionary), to_numpy(indices).astype(np.int64)).astype(np.int32)
        return Coded(codes, pa.concat_arrays([dictionary, pa.nulls(1, dictionary.type)]))
    return Coded(to_numpy(indices).astype(np.int32, copy=False), dictionary)


def _encode_extension(column: pa.Array) -> Coded:
    """Encode a column of an extension type that Arrow itself defines; other extension types are refused."""
    name = column.type.extension_name
    if name == "arrow.uuid":
        stored = _encode_array(column.storage)
        ids = [value and deserialize(value) for value in stored.dictionary.to_pylist()]
        texts = [str(uuid.UUID(bytes=each)) if isinstance(each, bytes) else None for each in ids]
        return Coded(stored.codes, pa.array(texts, pa.large_string()))
    if name == "arrow.bool8":
        return _encode_array(column.storage.cast(pa.bool_()))
    if name == "arrow.json":
        return _encode_array(column.storage)
    raise UnsupportedValuesError(f"its type is {column.type}; leave the column out, or turn it into text")


def _converts_directly(kind: pa.DataType) -> bool:
    """Return whether Arrow converts values of a type to a dictionary's type, without a Python object for each."""
    number = (pa.types.is_integer(kind) and kind != pa.uint64()) or pa.types.is_floating(kind)
    return bool(number or pa.types.is_temporal(kind)) and not pa.types.is_interval(kind)


def _mostly_different(column: pa.Array) -> bool:
    """Return whether most of a column's values seem to differ, by a random sample.

    Hashing a column of few values takes a tenth of the time of sorting it; sorting a column of many values takes a
    tenth of the time of hashing it. A wrong guess costs time, but does not change the counts.
    """
    if len(column) <= _SAMPLE:
        return True
    sample = column.take(to_arrow(np.random.default_rng(0).integers(0, len(column), _SAMPLE)))
    return bool(pc.count_distinct(sample, mode="all").as_py() * 2 > _SAMPLE)


def to_dictionary_type(dictionary: pa.Array) -> pa.Array:
    """Return a dictionary cast to one of the module's types.

    Raises:
        UnsupportedValuesError: The dictionary holds times that Python's calendar cannot represent.
    """
    kind = dictionary.type
    if pa.types.is_integer(kind):
        return dictionary.cast(pa.int64()) if kind != pa.uint64() else _unsigned(dictionary)
    if pa.types.is_floating(kind):
        numbers = dictionary.cast(pa.float64())
        # Adding 0.0 makes -0.0 the same number as 0.0; NaN is missing.
        values = to_numpy(numbers) + 0.0
        return to_arrow(values, missing_in(numbers) | np.isnan(values))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return dictionary.cast(pa.large_string())
    if pa.types.is_timestamp(kind):
        return _rounded_down(dictionary, pa.timestamp("us", tz="UTC" if kind.tz else None), _CALENDAR)
    if pa.types.is_duration(kind):
        return _rounded_down(dictionary, pa.duration("us"), (-(2**63), 2**63 - 1))
    if pa.types.is_time(kind):
        return dictionary.cast(pa.time64("us"), safe=False)
    if pa.types.is_date(kind):
        if kind == pa.date64():
            days = _rounded_down(dictionary.cast(pa.int64()).cast(pa.timestamp("ms")), pa.timestamp("us"), _CALENDAR)
            return days.cast(pa.date32(), safe=False)
        found = pc.min_max(dictionary.cast(pa.int32())).as_py()
        if found["min"] is not None and not _FIRST_DAY <= found["min"] <= found["max"] <= _LAST_DAY:
            raise outside_the_calendar()
        return dictionary
    if pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return dictionary
    return serialized(dictionary.to_pylist())


_EPOCH = dt.date(1970, 1, 1).toordinal()
_FIRST_DAY, _LAST_DAY = dt.date.min.toordinal() - _EPOCH, dt.date.max.toordinal() - _EPOCH
_MICROSECONDS_OF_A_DAY = 86_400_000_000
_CALENDAR = (_FIRST_DAY * _MICROSECONDS_OF_A_DAY, (_LAST_DAY + 1) * _MICROSECONDS_OF_A_DAY - 1)
_MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1}


def _rounded_down(times: pa.Array, kind: pa.DataType, reach: tuple[int, int]) -> pa.Array:
    """Return times in microseconds; Arrow's own cast rounds nanoseconds before 1970 up, and overflows silently.

    Args:
        times: Instants or durations of any unit.
        kind: Their type in microseconds.
        reach: The least and the greatest number of microseconds that Python can represent.
    """
    ticks = times.view(pa.int64())
    missing = missing_in(ticks)
    numbers = to_numpy(ticks)
    if times.type.unit == "ns":
        return to_arrow(numbers // 1000, missing).view(kind)
    factor = _MICROSECONDS[times.type.unit]
    known = numbers[~missing]
    if len(known) and not reach[0] <= int(known.min()) * factor <= int(known.max()) * factor <= reach[1]:
        if pa.types.is_duration(kind):
            raise UnsupportedValuesError("it holds a duration of more than 292,000 years; leave the column out")
        raise outside_the_calendar()
    return to_arrow(np.where(missing, 0, numbers) * factor, missing).view(kind) if factor > 1 else times.cast(kind)


def _unsigned(dictionary: pa.Array) -> pa.Array:
    try:
        return dictionary.cast(pa.int64())
    except pa.ArrowInvalid:  # beyond 2**63
        return serialized(dictionary.to_pylist())


def serialized(values: Iterable[object]) -> pa.Array:
    """Return values of any types as a dictionary of bytes."""
    return pa.array([serialize(value) for value in values], pa.large_binary())


def values_of(dictionary: pa.Array) -> list[Value]:
    """Return a dictionary's values as Python objects."""
    values = dictionary.to_pylist()
    return (
        [deserialize(value) for value in values]
        if dictionary.type == pa.large_binary()
        else list(map(canonical, values))
    )


def _encode_series(series: Any, *, distinct: bool = True) -> Coded:
    """Encode a pandas Series."""
    if hasattr(series.array, "categories"):
        column = series.array
        missing = len(column.categories)
        codes = np.where(column.codes < 0, missing, column.codes).astype(np.int32)
        dictionary = _encode_series(column.categories.to_series())
        values = dictionary.dictionary.take(to_arrow(dictionary.codes))
        return Coded(codes, pa.concat_arrays([values, pa.nulls(1, values.type)]))
    if series.dtype != object:
        try:
            return _encode_arrow(pa.array(series.array, from_pandas=True), distinct=distinct)
        except (pa.ArrowException, TypeError):  # a sparse or an extension type: encode its objects
            series = series.astype(object)
    return encode_objects(series.to_numpy())


def encode_objects(cells: npt.NDArray[np.object_]) -> Coded:
    """Encode Python objects of any types.

    pandas' hash table compares as Python does, so that True equals 1; the codes are corrected, since they differ here.
    """
    import pandas as pd

    try:
        found, uniques = pd.factorize(cells)
    except (TypeError, ValueError):  # some values have no hash: `canonical` converts bytearrays, and refuses lists
        canonical_cells = np.empty(len(cells), dtype=object)
        canonical_cells[:] = [canonical(cell) for cell in cells]
        found, uniques = pd.factorize(canonical_cells)
        cells = canonical_cells
    codes = found.astype(np.int32)
    values = uniques.tolist()
    # NumPy's durations are not numbers, and newer versions warn when one is compared with a number.
    if any(not isinstance(value, str | np.timedelta64) and value in (0, 1) for value in values):
        is_bool = np.fromiter((isinstance(cell, bool | np.bool_) for cell in cells), dtype=bool, count=len(cells))
        codes[is_bool] = len(values) + cells[is_bool].astype(np.int32)
        # Of equal values the hash table keeps the first, which may be the bool; it is replaced by the number.
        values = [int(value) if isinstance(value, bool | np.bool_) else value for value in values] + [False, True]
    codes[codes < 0] = len(values)
    return Coded(codes, _dictionary([*values, None]))


def _dictionary(values: list[object]) -> pa.Array:
    """Return Python values as a dictionary; if all are texts, they are converted directly, which is fast."""
    if all(type(value) is str for value in values[:-1]):
        try:
            return pa.array(values, pa.large_string())
        except UnicodeEncodeError:  # lone surrogates are no UTF-8
            pass
    return serialized(values)


def to_common_type(dictionaries: Sequence[pa.Array]) -> list[pa.Array]:
    """Cast dictionaries to a common type: floats if that changes no integer, else serialized bytes."""
    kinds = {dictionary.type for dictionary in dictionaries} - {pa.null()}
    if kinds == {pa.int64(), pa.float64()}:
        try:
            return [dictionary.cast(pa.float64()) for dictionary in dictionaries]
        except pa.ArrowInvalid:  # beyond 2**53
            pass
    if len(kinds) > 1:
        kind = pa.large_binary()
        dictionaries = [d if d.type in (kind, pa.null()) else serialized(values_of(d)) for d in dictionaries]
    else:
        (kind,) = kinds or {pa.null()}
    return [dictionary.cast(kind) for dictionary in dictionaries]


def merge_dictionaries(dictionaries: Sequence[pa.Array]) -> tuple[list[Codes], pa.Array]:
    """Merge dictionaries into one that has each value once.

    Args:
        dictionaries: Dictionaries of any of the module's types.

    Returns:
        An array for each dictionary, with the new position of each of its values; and the merged dictionary.
    """
    dictionaries = to_common_type(dictionaries)
    if dictionaries[0].type == pa.null():
        return [np.zeros(len(dictionary), dtype=np.int32) for dictionary in dictionaries], pa.nulls(1)
    deduplicated = pc.dictionary_encode(pa.concat_arrays(dictionaries), null_encoding="encode")
    ends = np.cumsum([len(dictionary) for dictionary in dictionaries])
    return np.split(to_numpy(deduplicated.indices), ends[:-1]), deduplicated.dictionary
