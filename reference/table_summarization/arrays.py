"""Arrow arrays to numpy and back without pandas, with whose import (a second) pyarrow's own conversions begin."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_ARROW_TYPES = {np.dtype(np.int32): pa.int32(), np.dtype(np.int64): pa.int64()}


def to_numpy(array: pa.Array) -> npt.NDArray[Any]:
    """The numbers or bools of an array that misses none, as a view where it can be.

    Args:
        array: Of a primitive type, no element missing.
    """
    if pa.types.is_boolean(array.type):
        return np.from_dlpack(array.cast(pa.uint8())).astype(np.bool_)
    return np.from_dlpack(array)


def to_arrow(numbers: npt.NDArray[Any]) -> pa.Array:
    """An array over the same memory as some int32 or int64 numbers."""
    numbers = np.ascontiguousarray(numbers)
    return pa.Array.from_buffers(_ARROW_TYPES[numbers.dtype], len(numbers), [None, pa.py_buffer(numbers)])


def missing_in(array: pa.Array) -> npt.NDArray[np.bool_]:
    """Which elements of an array are missing."""
    return to_numpy(array.is_null())
