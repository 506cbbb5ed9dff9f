"""Both orders exactly: rational bases in, sympy's algebraic numbers out.

Needs the extra ``exponents`` (sympy).
"""

from __future__ import annotations

from fractions import Fraction
from numbers import Rational
from typing import SupportsIndex, TypeAlias

from reference.extras import MissingExtra

from .domain import BadInput, Cell, Order, OutOfRange, Sign, as_integer, cell_of

try:
    import sympy
except ImportError as missing:  # sympy raises its own, without a name, where mpmath is missing
    raise MissingExtra(missing.name or "mpmath", "exponents") from None

Number: TypeAlias = sympy.Expr

#: Beyond so many bits of ``base ** power`` sympy's search for the perfect powers in it takes seconds.
MAX_BITS = 2_000


def power_of_root(base: Fraction | int, power: SupportsIndex, root: SupportsIndex) -> Number:
    """Take the root of ``base`` first, then its power.

    Args:
        base: an int, a Fraction or a sympy Rational.
        power: any integer.
        root: an integer from 1 upwards.

    Returns:
        The real value as a sympy number, ``0 ** 0`` counted as 1.

    Raises:
        BadInput: if an argument is none of these.
        NoRealValue: if the base is negative and the root even, or the base zero and the power negative.
        OutOfRange: if ``base ** power`` has more than ``MAX_BITS`` bits.
    """
    exact, power, root, cell = _checked(base, power, root)
    cell.require(Order.ROOT_FIRST)
    return _root(exact, root) ** power


def root_of_power(base: Fraction | int, power: SupportsIndex, root: SupportsIndex) -> Number:
    """Take the power of ``base`` first, then its root; arguments and errors as in ``power_of_root``.

    A negative base with an even power and an even root has a value in this order, and in this one only.
    """
    exact, power, root, cell = _checked(base, power, root)
    cell.require(Order.POWER_FIRST)
    return _root(exact**power, root)


def rational_power(base: Fraction | int, power: SupportsIndex, root: SupportsIndex) -> Number:
    """``base ** (power / root)`` where the order does not matter; arguments as in ``power_of_root``.

    Raises:
        OrderMatters: if only one order has a value.
        NoRealValue: if neither has.
    """
    *_, cell = _checked(base, power, root)
    cell.require_agreement()
    return power_of_root(base, power, root)


def _root(number: Number, root: int) -> Number:
    """Return the real root: sympy's own power would give the complex principal root of a negative number."""
    size = abs(number) ** sympy.Rational(1, root)
    return -size if number < 0 else size


def _checked(base: Fraction | int, power: SupportsIndex, root: SupportsIndex) -> tuple[Number, int, int, Cell]:
    if not isinstance(base, Rational):
        raise BadInput(f"an exact base is an int or a Fraction, not {base!r}")
    power, root = as_integer(power, "power"), as_integer(root, "root")
    cell = cell_of(base, power, root)
    numerator, denominator = int(base.numerator), int(base.denominator)
    # The powers of 0, 1 and -1 stay as small as they are.
    bits = 0 if cell.base is Sign.ZERO else (max(abs(numerator), denominator) - 1).bit_length() * abs(power)
    if bits > MAX_BITS:
        raise OutOfRange(
            f"{base}^{power} has about {bits * 0.30103:,.0f} digits, too many to be exact: use the floating side"
        )
    return sympy.Rational(numerator, denominator), power, root, cell
