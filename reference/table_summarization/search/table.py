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
"""The code of a cell that no pattern can fix: only one row has its value, or the value is missing and ignored."""


@dataclass(frozen=True, slots=True)
class Column:
    """The values of a column.

    Attributes:
        name: Name of the column.
        values: The values that a pattern can fix, in the order of `values.order`; a cell's code is a position in it.
        domain: The number of distinct values in the column, including those without a code and a missing one.
        mean_bits: The average number of bits that a cell takes, rounded up; see `costs.stored_bits`.
    """

    name: str
    values: list[Value]
    domain: int
    mean_bits: int


@dataclass(frozen=True, slots=True)
class CodedTable:
    """The distinct rows of a table, encoded, with their numbers.

    Attributes:
        columns: The columns in the order of their names, so that the order of a table's columns affects no tie.
        codes: Shape (columns, distinct rows): each cell's code in its column, or `NO_VALUE`.
        weights: Shape (distinct rows,): number of rows of the table that each represents. Equal rows may be listed
            more than once: the search needs only their weights.
        rows: Number of rows of the table.
    """

    columns: Sequence[Column]
    codes: "Codes"
    weights: "Weights"
    rows: int
