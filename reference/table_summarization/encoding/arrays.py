"""Convert Arrow arrays to numpy and back without pandas: pyarrow's own conversions import it, which takes a second."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_NUMPY_TYPES: dict[pa.DataType, npt.DTypeLike] = {
    pa.uint8(): np.uint8,
    pa.int8(): np.int8,
    pa.int16(): np.int16,
    pa.int32(): np.int32,
    pa.int64(): np.int64,
    pa.uint16(): np.uint16,
    pa.uint32(): np.uint32,
    pa.uint64(): np.uint64,
    pa.float64(): np.float64,
}
_ARROW_TYPES = {np.dtype(numpy_type): arrow_type for arrow_type, numpy_type in _NUMPY_TYPES.items()}


def to_numpy(array: pa.Array) -> npt.NDArray[Any]:
    """Return the numbers or bools of an array, as a view where possible.

    Args:
        array: Integers, float64 numbers or bools. A missing element becomes an arbitrary number.
    """
    if pa.types.is_boolean(array.type):
        return to_numpy(array.cast(pa.uint8())).astype(np.bool_)
    dtype = np.dtype(_NUMPY_TYPES[array.type])
    if not len(array):  # an empty array may have no buffer
        return np.empty(0, dtype)
    return np.frombuffer(array.buffers()[1], dtype, len(array), array.offset * dtype.itemsize)


def to_arrow(numbers: npt.NDArray[Any], missing: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """Return an Arrow array that shares the memory of some numbers; `missing` says which of them are missing."""
    numbers = np.ascontiguousarray(numbers)
    present = None if missing is None else pa.py_buffer(np.packbits(~missing, bitorder="little"))
    return pa.Array.from_buffers(_ARROW_TYPES[numbers.dtype], len(numbers), [present, pa.py_buffer(numbers)])


def text_array(texts: Sequence[str]) -> pa.Array:
    """Return an Arrow array of texts."""
    encoded = [text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    return pa.LargeStringArray.from_buffers(len(encoded), pa.py_buffer(ends), pa.py_buffer(b"".join(encoded)))


def missing_in(array: pa.Array) -> npt.NDArray[np.bool_]:
    """Return which elements of an array are missing."""
    return to_numpy(array.is_null())
