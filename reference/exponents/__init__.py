"""A power and a root of one base: when their order does not matter, and what it costs in floating point.

The document says that a base raised to a power and a root may have them in either order, since
``(b ** (1/r)) ** p`` and ``(b ** p) ** (1/r)`` are both ``b ** (p/r)``, and concludes that any order gives the
right answer.

**What holds.** For a base above zero both orders are one number, whatever the power and the root.

**What is corrected.** "Any order" is not true of every real base. Which order has a value depends on the sign of
the base, the sign and parity of the power and the parity of the root; ``truth_table`` lists all thirty cells. The
square root of the square of -1 is 1, and the square of its square root is nothing real; the functions here answer
or refuse by the table, and ``rational_power`` refuses where the order would decide.

**What is added.** In floating point the orders differ: power first is the more accurate one and leaves the range
early, root first stays in range and multiplies the root's error by the power. ``error_bound`` bounds both,
``safer_order`` chooses between them, and ``rational_power`` avoids the choice: it is within three ulps always.

Two sides with the same three names: ``reference.exponents.exact`` on integers and fractions (needs sympy) and
``reference.exponents.floating``, whose names are also here (needs nothing).

>>> from reference.exponents import power_of_root, root_of_power, rational_power
>>> power_of_root(8, 2, 3), root_of_power(8, 2, 3)
(4.0, 3.9999999999999996)
>>> rational_power(-8, 5, 3)
-32.0
>>> root_of_power(-1, 2, 2)
1.0
>>> rational_power(-1, 2, 2)
Traceback (most recent call last):
reference.exponents.domain.OrderMatters: the order matters here: an even root of a negative number is not real, \
while the even power taken first makes the base positive; say which order you mean (root_of_power takes the power \
first)

>>> from reference.exponents import exact
>>> exact.power_of_root(2, 3, 2) == exact.root_of_power(2, 3, 2)
True
>>> exact.rational_power(2, 3, 2)
2*sqrt(2)
"""

from .domain import (
    BadInput,
    Cell,
    ExponentError,
    NoRealValue,
    Order,
    OrderMatters,
    Outcome,
    OutOfRange,
    Parity,
    Sign,
    cell_of,
    truth_table,
)
from .floating import (
    RATIONAL_POWER_ULPS,
    error_bound,
    in_order,
    power_of_root,
    rational_power,
    root_of_power,
    safer_order,
)

__all__ = [
    "RATIONAL_POWER_ULPS",
    "BadInput",
    "Cell",
    "ExponentError",
    "NoRealValue",
    "Order",
    "OrderMatters",
    "OutOfRange",
    "Outcome",
    "Parity",
    "Sign",
    "cell_of",
    "error_bound",
    "in_order",
    "power_of_root",
    "rational_power",
    "root_of_power",
    "safer_order",
    "truth_table",
]
