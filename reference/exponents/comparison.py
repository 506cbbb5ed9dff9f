"""The worked example: one base, power and root, every way of computing it side by side.

Needs the extra ``exponents`` (sympy, mpmath).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, SupportsIndex

from . import exact, floating
from .accuracy import error_in_ulps
from .domain import Cell, ExponentError, NoRealValue, Order, Outcome, as_integer, cell_of


@dataclass(frozen=True)
class Way:
    """The result of one way of computing.

    Attributes:
        name: the order, or "one exponent" for ``floating.rational_power``.
        between: the exact value after the first of the two steps, as text; empty for one exponent.
        exact: the exact result as text; empty if it has none, or one too long to write.
        value: the result as a float; None if it has none.
        error: its error, in ulps.
        bound: the bound on its error, in ulps.
        refused: why there is no float.
    """

    name: str
    between: str = ""
    exact: str = ""
    value: float | None = None
    error: float | None = None
    bound: float | None = None
    refused: str = ""


@dataclass(frozen=True)
class Comparison:
    """A base, a power and a root, with the result of each way of computing.

    Attributes:
        base: the exact base.
        power: the power.
        root: the index of the root.
        cell: their cell of the truth table.
        ways: root first, power first, one exponent.
        safer: the order to take in floating point; None if no float holds the result.
    """

    base: Fraction
    power: int
    root: int
    cell: Cell
    ways: tuple[Way, ...]
    safer: Order | None

    @property
    def title(self) -> str:
        """The expression as text: ``(-8)^(2/3)``."""
        base = str(self.base)
        return f"{base if base.isdigit() else f'({base})'}^({self.power}/{self.root})"


def compare(base: Fraction, power: SupportsIndex, root: SupportsIndex) -> Comparison:
    """Compute ``base ** (power / root)`` root first, power first and by one exponent.

    Args:
        base: the exact base; the floats start from the float next to it, and their errors are counted from there.
        power: any integer within ±2**53.
        root: an integer from 1 to 2**53.

    Raises:
        BadInput: if the arguments are none of these.
        NoRealValue: if neither order has a value.
    """
    power, root = as_integer(power, "power"), as_integer(root, "root")
    cell = cell_of(base, power, root)
    if cell.outcome is Outcome.NEITHER:
        raise NoRealValue(f"neither order has a real value: {cell.obstacle}")

    def floated(bound: float, compute: Callable[[float, int, int], float]) -> dict[str, Any]:
        try:
            value = compute(float(base), power, root)
        except ExponentError as refusal:
            return {"refused": str(refusal)}
        return {"value": value, "error": error_in_ulps(value, float(base), power, root), "bound": bound}

    ways = []
    for order, steps, ordered, computed in (
        (Order.ROOT_FIRST, ((1, root), (power, 1)), exact.power_of_root, floating.power_of_root),
        (Order.POWER_FIRST, ((power, 1), (1, root)), exact.root_of_power, floating.root_of_power),
    ):
        ways.append(
            Way(
                order.value,
                between=_written(exact.root_of_power, base, *steps[0]),
                exact=_written(ordered, base, power, root),
                **floated(floating.error_bound(order, base, power, root), computed),
            )
        )
    ways.append(
        Way(
            "one exponent",
            exact=_written(exact.rational_power, base, power, root),
            **floated(floating.RATIONAL_POWER_ULPS, floating.rational_power),
        )
    )
    in_range = any(way.value is not None for way in ways)
    safer = floating.safer_order(base, power, root) if in_range else None
    return Comparison(base, power, root, cell, tuple(ways), safer)


def _written(compute: Callable[..., exact.Number], base: Fraction, power: int, root: int) -> str:
    """Return the exact value as text; empty where there is none, or it is too long to write."""
    try:
        return str(compute(base, power, root))
    except ExponentError:
        return ""
