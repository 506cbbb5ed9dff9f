"""The error of a float against the true value, in ulps, computed with mpmath.

Open it to check a result of ``reference.exponents.floating`` against arbitrary precision.

Needs the extra ``exponents`` (mpmath).
"""

from __future__ import annotations

import math
from typing import SupportsIndex

from reference.extras import MissingExtra

from .domain import Order, as_integer, cell_of

try:
    import mpmath
except ModuleNotFoundError as missing:
    raise MissingExtra(missing.name or "mpmath", "exponents") from None

#: Enough bits for the largest power and logarithm of a double to leave a hundred correct ones.
PRECISION = 256


def error_in_ulps(value: float, base: float, power: SupportsIndex, root: SupportsIndex) -> float:
    """Return the distance of ``value`` from the real ``base ** (power / root)``, in ulps of the float nearest to that.

    Args:
        value: what was computed.
        base: the base as a float.
        power: the power.
        root: the index of the root.

    Returns:
        A number from 0 (exact, up to mpmath's own rounding) upwards; infinity where the true value is too large
        for a float.

    Raises:
        BadInput: if the arguments are no base, power and root.
        NoRealValue: if the power first, the order with the wider domain, has no value.
    """
    power, root = as_integer(power, "power"), as_integer(root, "root")
    cell_of(base, power, root).require(Order.POWER_FIRST)
    with mpmath.workprec(PRECISION):
        size = mpmath.mpf(abs(base)) ** (mpmath.mpf(power) / root)
        true = -size if base < 0 and power % 2 else size
        nearest = float(true)
        if math.isinf(nearest):
            return math.inf
        return float(abs(mpmath.mpf(value) - true) / mpmath.mpf(math.ulp(nearest)))
