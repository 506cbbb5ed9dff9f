"""The saving of a pattern in bits: the cost models, each with its formula.

Let N be the number of rows that a pattern covers, D the number of columns of the table, and W_i the cost of the
pattern's i-th value in bits. Every model has the form of the paper (Chen, Pan, Faloutsos and Papadimitriou: TSum,
fast, principled table summarization, ADKDD 2013):

    saving = benefit - overhead,  benefit = (N - 1) * sum(W_i)

The benefit: the values that a pattern fixes are written once instead of N times. The overhead: the bits that tell which
rows these are. The models differ in W_i and in the overhead. All of them compute with whole bits, so that two patterns
that tie on one machine tie on every machine.

A model does not depend on the interpreter that runs it: object sizes are data here, never `sys.getsizeof`.
"""

import bisect
import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass

from reference.table_summarization.errors import SummaryError
from reference.table_summarization.search.table import Column
from reference.table_summarization.values import Interval, Value

_BYTE = 8
_WORD = 64


@dataclass(frozen=True)
class CostModel:
    """A cost model: W_i by `bits`, and an overhead of `fixed(D) + per_step(D) * code_length(N)`.

    Attributes:
        name: The name of the model, for the option `cost`.
        formula: The formula of the saving, to show to people.
        bits: Returns the cost of each value of a column, in bits: as many numbers as the column has values.
        reaches: Ascending thresholds; the code length of N is the number of thresholds that are at most N.
        fixed: Returns the part of the overhead that depends only on the number of columns.
        per_step: Returns the cost of one step of the code length, for a number of columns.
    """

    name: str
    formula: str
    bits: Callable[[Column], list[int]]
    reaches: tuple[int, ...]
    fixed: Callable[[int], int]
    per_step: Callable[[int], int]

    def saving(self, rows: int, bits: int, columns: int) -> int:
        """Return what a pattern saves, in bits.

        Args:
            rows: N, the number of rows that it covers.
            bits: The sum of W_i over the values that it fixes.
            columns: D, the number of columns of the table.
        """
        return (
            (rows - 1) * bits - self.fixed(columns) - self.per_step(columns) * bisect.bisect_right(self.reaches, rows)
        )


def object_size(value: Value) -> int:
    """Return the size in bytes, under CPython 3.11 on a 64-bit machine, of the object that dask returns for a value.

    None 16; a bool 28; an int 24 and 4 for each 30-bit digit, at least one; a float 24; a text 49
    (ASCII) or 73 (Latin-1) and 1 for each character, 74 and 2 for each (up to U+FFFF), 76 and 4 for each (beyond);
    bytes 33 and 1 for each; a date 32, a time of day 40, an instant 128 (pandas' Timestamp), a duration 168 (pandas'
    Timedelta). An interval has the size of the number or the instant at its end; its label does not count.

    Examples:
        >>> object_size("adult"), object_size("é"), object_size(0), object_size(2**30), object_size(1.5)
        (54, 74, 28, 32, 24)
    """
    match value:
        case None:
            return 16
        case bool():
            return 28
        case int():
            return 24 + 4 * max(1, math.ceil(abs(value).bit_length() / 30))
        case float():
            return 24
        case str():
            return _text_size(value)
        case bytes():
            return 33 + len(value)
        case dt.datetime():
            return 128
        case dt.date():
            return 32
        case dt.time():
            return 40
        case dt.timedelta():
            return 168
        case Interval():
            return object_size(value.low if value.low is not None else value.high)


def _text_size(text: str) -> int:
    if text.isascii():
        return 49 + len(text)
    widest = ord(max(text))
    if widest < 0x100:
        return 73 + len(text)
    return 74 + 2 * len(text) if widest < 0x10000 else 76 + 4 * len(text)


def stored_bits(value: Value) -> int:
    """Return the bits that a stored cell takes: 8 for each byte of a text (UTF-8), 8 for a bool, 64 for others."""
    match value:
        case None | bool():
            return _BYTE
        case str():
            return _BYTE * len(value.encode("utf-8", "surrogatepass"))
        case bytes():
            return _BYTE * len(value)
        case _:
            return _WORD


# ceil(2 ** (k / 2)) - 2 for k = 1, 2, ...: N reaches it when floor(2 * log2(N + 2)) is at least k; in integers.
_HALF_OCTAVES = tuple(math.isqrt(2**k - 1) + 1 - 2 for k in range(1, 125))
# 2 ** k - 1 for k = 0, 1, ...: N reaches it when ceil(log2(N + 2)) is more than k.
_OCTAVES = tuple(2**k - 1 for k in range(63))

CPYTHON_3_11 = CostModel(
    name="cpython-3.11",
    formula="(N - 1) * sum(8 * size of the value as an object of CPython 3.11) - D * floor(2 * log2(N + 2))",
    bits=lambda column: [_BYTE * object_size(value) for value in column.values],
    reaches=_HALF_OCTAVES,
    fixed=lambda _columns: 0,
    per_step=lambda columns: columns,
)
"""The published package's model under CPython 3.11: the document's figures 3313 and 1684 come from it.

    saving = (N - 1) * sum(8 * object_size(value)) - D * floor(2 * log2(N + 2))

Long texts therefore save more, and the code length of N is charged once for every column.
"""

PAPER = CostModel(
    name="paper",
    formula="(N - 1) * sum(mean bits of a cell of the column) - D - 2 * ceil(log2(N + 2))",
    bits=lambda column: [column.mean_bits] * len(column.values),
    reaches=_OCTAVES,
    fixed=lambda columns: columns,
    per_step=lambda _columns: 2,
)
"""The paper's model: W_i is the average number of bits in the i-th column, as `stored_bits` has them, rounded up.

    saving = (N - 1) * sum(W_i) - (D + 2 * ceil(log2(N + 2)))

D bits say which columns the pattern fixes, and 2 * ceil(log2(N + 2)) is the length of N in a universal code.
"""

DOMAIN = CostModel(
    name="domain",
    formula="(N - 1) * sum(ceil(log2(number of distinct values of the column))) - D - 2 * ceil(log2(N + 2))",
    bits=lambda column: [(column.domain - 1).bit_length()] * len(column.values),
    reaches=_OCTAVES,
    fixed=lambda columns: columns,
    per_step=lambda _columns: 2,
)
"""The paper's model with W_i the bits of the column's domain: what a cell takes once its column is a dictionary.

    saving = (N - 1) * sum(ceil(log2(V_i))) - (D + 2 * ceil(log2(N + 2)))

with V_i the number of distinct values in the i-th column. The length and the type of a value do not count, and the
value of a constant column saves nothing.
"""

MODELS = {model.name: model for model in (CPYTHON_3_11, PAPER, DOMAIN)}


def cost_model(name: str) -> CostModel:
    """Return the cost model of this name.

    Raises:
        SummaryError: No cost model has this name.
    """
    try:
        return MODELS[name]
    except KeyError:
        raise SummaryError(f"no cost model is called {name!r}; there are {', '.join(MODELS)}") from None
