"""Dictionary encoding: a column as its distinct values, and for each row a position among them.

The dictionary is an Arrow array of one of a few types, so that millions of values are compared without making a Python
object of each: bool, int64, float64, large_string, date32, timestamps and durations to the microsecond, times of day,
null, and large_binary for `serialized` values. A missing value is the null in it. A dictionary may hold a value twice
until `merge_dictionaries` removes the duplicates. Open this to see how a type of Arrow or pandas is read.
"""

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
from reference.table_summarization.values import Value, canonical

Codes = npt.NDArray[np.int32]


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
    """Code a column.

    Args:
        name: Its name, for the error.
        distinct: Whether the dictionary is to hold a value once; if not, numbers and times are their own dictionary,
            which takes no time.
        column: An Arrow array or chunked array, a pandas Series, or what is coded already.

    Raises:
        UnsupportedValuesError: If it holds what a pattern cannot fix.
    """
    if isinstance(column, Coded):
        return column
    try:
        if isinstance(column, pa.ChunkedArray | pa.Array):
            return _encode_arrow(column, distinct=distinct)
        return _encode_series(column, distinct=distinct)
    except UnsupportedValuesError as error:
        raise UnsupportedValuesError(f"column {name!r} cannot be summarized: {error}") from None


def _encode_arrow(column: pa.ChunkedArray | pa.Array, *, distinct: bool = True) -> Coded:
    if pa.types.is_nested(column.type):
        raise UnsupportedValuesError(
            f"its type is {column.type}; leave the column out, or take its parts into columns of their own"
        )
    if not pa.types.is_dictionary(column.type):
        # Views have no hash kernel; a null column has nothing to code.
        if pa.types.is_string_view(column.type) or pa.types.is_binary_view(column.type):
            column = column.cast(pa.large_string() if pa.types.is_string_view(column.type) else pa.large_binary())
        if pa.types.is_null(column.type):
            return Coded(np.zeros(len(column), dtype=np.int32), pa.nulls(1))
        if pa.types.is_primitive(column.type) and isinstance(column, pa.ChunkedArray):
            column = column.combine_chunks()  # to unite its chunks' dictionaries would take longer
        if not distinct and _converts_directly(column.type):
            return Coded(np.arange(len(column), dtype=np.int32), to_dictionary_type(column))
        column = pc.dictionary_encode(column, null_encoding="encode")
    if isinstance(column, pa.ChunkedArray):
        column = column.unify_dictionaries().combine_chunks()
        if isinstance(column, pa.ChunkedArray):  # an empty one
            column = pa.array([], type=column.type)
    indices, dictionary = column.indices, to_dictionary_type(column.dictionary)
    codes = to_numpy(indices).astype(np.int32, copy=False)
    if indices.null_count:
        codes = np.where(missing_in(indices), np.int32(len(dictionary)), codes)
        dictionary = pa.concat_arrays([dictionary, pa.nulls(1, dictionary.type)])
    return Coded(codes, dictionary)


def _converts_directly(kind: pa.DataType) -> bool:
    """Whether values of a type become those of a dictionary without a Python object each."""
    number = (pa.types.is_integer(kind) and kind != pa.uint64()) or pa.types.is_floating(kind)
    return bool(number or pa.types.is_temporal(kind))


def to_dictionary_type(dictionary: pa.Array) -> pa.Array:
    """A dictionary in one of the module's types."""
    kind = dictionary.type
    if pa.types.is_integer(kind):
        return dictionary.cast(pa.int64()) if kind != pa.uint64() else serialized(dictionary.to_pylist())
    if pa.types.is_floating(kind):
        numbers = dictionary.cast(pa.float64())
        # Adding 0.0 makes -0.0 the same number as 0.0; NaN is missing.
        values = to_numpy(numbers) + 0.0
        return to_arrow(values, missing_in(numbers) | np.isnan(values))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return dictionary.cast(pa.large_string())
    if pa.types.is_timestamp(kind):
        return dictionary.cast(pa.timestamp("us", tz="UTC" if kind.tz else None), safe=False)
    if pa.types.is_duration(kind):
        return dictionary.cast(pa.duration("us"), safe=False)
    if pa.types.is_time(kind):
        return dictionary.cast(pa.time64("us"), safe=False)
    if pa.types.is_date(kind):
        return dictionary.cast(pa.date32())
    if pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return dictionary
    return serialized(dictionary.to_pylist())


def serialized(values: Iterable[object]) -> pa.Array:
    """Values of any kinds as a dictionary."""
    return pa.array([serialize(value) for value in values], pa.large_binary())


def values_of(dictionary: pa.Array) -> list[Value]:
    """A dictionary's values as Python has them."""
    values = dictionary.to_pylist()
    return (
        [deserialize(value) for value in values]
        if dictionary.type == pa.large_binary()
        else list(map(canonical, values))
    )


def _encode_series(series: Any, *, distinct: bool = True) -> Coded:
    """Code a pandas Series."""
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
        except (pa.ArrowException, TypeError):  # a sparse or an extension type: its objects say what they are
            series = series.astype(object)
    return encode_objects(series.to_numpy())


def encode_objects(cells: npt.NDArray[np.object_]) -> Coded:
    """Code Python objects of any kinds.

    pandas' hash table compares as Python does, so True and 1 fall together there and are told apart here.
    """
    import pandas as pd

    try:
        found, uniques = pd.factorize(cells)
    except TypeError:
        kinds = sorted({type(cell).__name__ for cell in cells if not _hashable(cell)})
        raise UnsupportedValuesError(
            f"it holds {' and '.join(kinds)} values; leave the column out, or turn them into text"
        ) from None
    codes = found.astype(np.int32)
    values = uniques.tolist()
    if any(not isinstance(value, str) and value in (0, 1) for value in values):
        is_bool = np.fromiter((isinstance(cell, bool | np.bool_) for cell in cells), dtype=bool, count=len(cells))
        codes[is_bool] = len(values) + cells[is_bool].astype(np.int32)
        # What stands for both in the table may be the bool: beside bools it is a number.
        values = [int(value) if isinstance(value, bool | np.bool_) else value for value in values] + [False, True]
    codes[codes < 0] = len(values)
    return Coded(codes, _dictionary([*values, None]))


def _hashable(cell: object) -> bool:
    try:
        hash(cell)
    except TypeError:
        return False
    return True


def _dictionary(values: list[object]) -> pa.Array:
    """Python values as a dictionary; of texts alone the quick way."""
    if all(type(value) is str for value in values[:-1]):
        try:
            return pa.array(values, pa.large_string())
        except UnicodeEncodeError:  # lone surrogates are no UTF-8
            pass
    return serialized(values)


def to_common_type(dictionaries: Sequence[pa.Array]) -> list[pa.Array]:
    """Cast dictionaries to one type: floats if that changes no whole number, else serialized bytes."""
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
    """One dictionary for several, each value once.

    Args:
        dictionaries: Of any of the module's types.

    Returns:
        For each of them, its positions' new positions; and the united dictionary.
    """
    dictionaries = to_common_type(dictionaries)
    if dictionaries[0].type == pa.null():
        return [np.zeros(len(dictionary), dtype=np.int32) for dictionary in dictionaries], pa.nulls(1)
    deduplicated = pc.dictionary_encode(pa.concat_arrays(dictionaries), null_encoding="encode")
    ends = np.cumsum([len(dictionary) for dictionary in dictionaries])
    return np.split(to_numpy(deduplicated.indices), ends[:-1]), deduplicated.dictionary
