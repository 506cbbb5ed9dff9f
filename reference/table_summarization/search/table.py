"""The input of the pattern search: distinct rows of encoded values, each with its count."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from reference.table_summarization.values import Value

if TYPE_CHECKING:
    import numpy as np

    Codes: TypeAlias = Sequence[Sequence[int]] | np.ndarray[tuple[int, int], np.dtype[np.int32]]
    Weights: TypeAlias = Sequence[int] | np.ndarray[tuple[int], np.dtype[np.int64]]

NO_VALUE = -1
"""The code of a cell that no pattern can fix: its value is in one row only, or is missing and to be ignored."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column's values.

    Attributes:
        name: Its name.
        values: The values that a pattern can fix, ascending by `values.order`; a cell's code is a position in it.
        domain: The number of distinct values in the column, including those without a code and a missing one.
        mean_bits: The average number of bits that a cell takes, rounded up; see `costs.stored_bits`.
    """

    name: str
    values: list[Value]
    domain: int
    mean_bits: int


@dataclass(frozen=True, slots=True)
class CodedTable:
    """The rows of a table, encoded and with equal rows counted together.

    Attributes:
        columns: The columns by ascending name, so that the order of a table's columns changes no tie.
        codes: Shape (columns, distinct rows): each cell's code in its column, or `NO_VALUE`.
        weights: Shape (distinct rows,): how many rows of the table each represents. Equal rows may occur more than
            once: the search needs weights, not distinctness.
        rows: Number of rows of the table.
    """

    columns: Sequence[Column]
    codes: "Codes"
    weights: "Weights"
    rows: int
