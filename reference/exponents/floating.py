r"""Both orders in floating point, with a bound on the error of each, and a third way that is safer than both.

Errors are counted in ulps: units in the last place of the correctly rounded result (``math.ulp``).

**The bound.** Write :math:`u = 2^{-53}`, :math:`L = |\ln b|`, and let the C library's ``pow`` be within one ulp
(what glibc's manual states), which is a relative error of at most :math:`2u`. A reader of the document
writes the root as :math:`b^{1/r}`, and :math:`1/r` is itself rounded: to :math:`(1 + \delta)/r`, where
:math:`|\delta| \le u` is known exactly for each :math:`r` and is zero for a power of two. So

* root first: :math:`\ln(b^{1/r})` is off by :math:`\delta L/r` and the first ``pow`` adds :math:`2u`; raising to
  :math:`p` multiplies both: :math:`t = |p| (\delta L / r + 2u)`;
* power first: the first ``pow`` adds :math:`2u` to :math:`\ln(b^p) = p \ln b`; the rounded exponent multiplies
  that by :math:`(1 + \delta)/r`: :math:`t = \delta |p| L / r + 2u (1 + \delta) / r`;

and in both the result is off by a factor of :math:`e^{t}` and one more ``pow``:

.. math:: \text{ulps} \le (e^{t} - 1) / u + 2 e^{t}

(an ulp of the result is at least :math:`u` times it, and may be half of the ulp the last ``pow`` rounded to). No
constant number of ulps holds: root first grows with :math:`p`, both grow with :math:`(p/r) \ln b`.
"""

from __future__ import annotations

import math
import sys
from decimal import Context, Decimal
from fractions import Fraction
from typing import SupportsIndex

from .domain import BadInput, Cell, Order, OutOfRange, Sign, as_integer, cell_of

#: The unit roundoff of a double.
ROUNDOFF = 2.0**-53
#: What the C library promises of ``pow``, in ulps.
POW_ULPS = 1.0
#: The bound on ``rational_power``'s error, in ulps.
RATIONAL_POWER_ULPS = 3.0
#: Up to here every integer is a float of its own.
MAX_INTEGER = 2**53
#: The logarithm to base 2 from which on a value lies in the last binade, beyond which there are no floats.
LAST_BINADE = 1023
#: A real number from here on rounds to no finite float.
TOO_LARGE = 2**1024 - 2**970


def power_of_root(base: float | Fraction, power: SupportsIndex, root: SupportsIndex) -> float:
    """Take the root of ``base`` first, then its power: it stays in range in between, and magnifies the root's error.

    Args:
        base: a finite real number; it is taken as the float next to it.
        power: an integer within ±2**53.
        root: an integer from 1 to 2**53.

    Returns:
        The real value, within ``error_bound`` ulps; ``0 ** 0`` is 1, and what is too small for a float is 0.

    Raises:
        BadInput: if an argument is none of these.
        NoRealValue: if the base is negative and the root even, or the base zero and the power negative.
        OutOfRange: if the result is too large for a float.
    """
    sign, size, power, root, cell = _checked(base, power, root)
    cell.require(Order.ROOT_FIRST)
    return sign * _power(math.pow(size, 1 / root), power, true=(size, power, root))


def root_of_power(base: float | Fraction, power: SupportsIndex, root: SupportsIndex) -> float:
    """Take the power of ``base`` first, then its root: the more accurate order, while the power is in range.

    Arguments, result and errors as in ``power_of_root``, but for these: a negative base with an even power has a
    value with an even root too, and ``OutOfRange`` is raised also when the power in between is too large or
    too small, where Python's own ``**`` would go on with a zero or a few bits. The first root leaves nothing in
    between: there both orders are one power, and too small a result is 0 in either.
    """
    sign, size, power, root, cell = _checked(base, power, root)
    cell.require(Order.POWER_FIRST)
    between = _power(size, power, true=(size, power, 1))
    # A subnormal number has lost bits, unless it is the base itself.
    if root > 1 and size and between < sys.float_info.min and between != size:
        raise OutOfRange(f"{size!r}^{power} is too small for a float: take the root first")
    return sign * math.pow(between, 1 / root)


def in_order(order: Order, base: float | Fraction, power: SupportsIndex, root: SupportsIndex) -> float:
    """Return ``power_of_root`` or ``root_of_power``, by ``order``."""
    return (power_of_root if order is Order.ROOT_FIRST else root_of_power)(base, power, root)


def rational_power(base: float | Fraction, power: SupportsIndex, root: SupportsIndex) -> float:
    """``base ** (power / root)`` where the order does not matter, within three ulps whatever the arguments.

    One ``pow`` with the exponent ``power / root``; the rounding error of that quotient is known exactly and corrected.
    No intermediate result can leave the range, and no error is multiplied.

    Raises:
        BadInput: as in ``power_of_root``.
        OrderMatters: if only one order has a value.
        NoRealValue: if neither has.
        OutOfRange: if the result is too large for a float.
    """
    sign, size, power, root, cell = _checked(base, power, root)
    cell.require_agreement()
    exponent = power / root
    result = _power(size, exponent, true=(size, power, root))
    if not size or result >= 2**LAST_BINADE:
        return sign * result
    numerator, denominator = exponent.as_integer_ratio()
    lost = (power * denominator - numerator * root) / (root * denominator)
    return sign * (result + result * (lost * math.log(size)))


def safer_order(base: float | Fraction, power: SupportsIndex, root: SupportsIndex) -> Order:
    """Return the order to take: power first for its accuracy, unless the power in between leaves the range.

    Root first is then the answer also where the result itself is too large for a float, in either order.

    Raises:
        BadInput: as in ``power_of_root``.
        NoRealValue: if neither order has a value.
    """
    try:
        root_of_power(base, power, root)
    except OutOfRange:
        return Order.ROOT_FIRST
    return Order.POWER_FIRST


def error_bound(order: Order, base: float | Fraction, power: SupportsIndex, root: SupportsIndex) -> float:
    """Return the bound on the error of ``order`` in ulps, a function of power, root and the base's logarithm.

    The derivation stands at the top of this module. It counts where the result is in range, and for power first
    the power in between.

    Raises:
        BadInput: as in ``power_of_root``.
    """
    _, size, power, root, _ = _checked(base, power, root)
    logarithm = abs(math.log(size)) if size else 0.0
    reciprocal = float(abs(Fraction(1 / root) * root - 1))
    pow_error = -math.log1p(-2 * ROUNDOFF * POW_ULPS)
    drift = reciprocal * abs(power) * (logarithm / root)
    if order is Order.ROOT_FIRST:
        drift += abs(power) * pow_error
    else:
        drift += (1 + reciprocal) * pow_error / root
    return math.expm1(drift) / ROUNDOFF + 2 * POW_ULPS * math.exp(drift)


def _power(base: float, exponent: float, true: tuple[float, int, int]) -> float:
    """``base ** exponent``, or in the last binade the correctly rounded value of what it stands for.

    There ``pow``, which is an ulp off and starts from a root that is off, would return a float for a value that is
    too large, and overflow for one that is not.

    Args:
        base: not negative.
        exponent: The exponent; not negative where the base is zero.
        true: base, power and root of the real value.

    Raises:
        OutOfRange: if the real value rounds to no finite float.
    """
    size, power, root = true
    if not size or power / root * math.log2(size) < LAST_BINADE:
        try:
            return math.pow(base, exponent)
        except OverflowError:  # a large power of a root that was rounded up
            pass
    return _at_the_top(*true)


def _at_the_top(base: float, power: int, root: int) -> float:
    """``base ** (power / root)`` correctly rounded, for a value near the largest float.

    ``TOO_LARGE`` is no perfect power and no float, so no value lies on it, and more digits end the loop.
    """
    digits = 60
    while True:
        context = Context(prec=digits)
        logarithm = context.divide(context.multiply(context.ln(Decimal(base)), Decimal(power)), Decimal(root))
        distance = context.subtract(logarithm, context.ln(Decimal(TOO_LARGE)))
        # The logarithm is near 710; each of the operations is within an ulp of its digits.
        if abs(distance) > Decimal(10).scaleb(6 - digits):
            break
        digits *= 2
    if distance > 0:
        exponent = str(power) if root == 1 else f"({power}/{root})"
        raise OutOfRange(f"{base!r}^{exponent} is too large for a float")
    return float(context.exp(logarithm))


def _checked(base: float | Fraction, power: SupportsIndex, root: SupportsIndex) -> tuple[float, float, int, int, Cell]:
    """Return the sign of the result, the size of the base, power and root as ints, and their cell."""
    power, root = as_integer(power, "power"), as_integer(root, "root")
    cell = cell_of(base, power, root)
    for name, value in (("power", power), ("root", root)):
        if abs(value) > MAX_INTEGER:
            raise BadInput(f"the {name} must be within 2^53 to be exact as a float, not {value}")
    try:
        size = abs(float(base))
    except OverflowError:
        raise BadInput("the base is too large for a float") from None
    if not size and base:
        raise BadInput("the base is too small for a float")
    sign = -1.0 if cell.base is Sign.NEGATIVE and power % 2 else 1.0
    return sign, size, power, root, cell
