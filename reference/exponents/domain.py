"""When a power and a root of one base can be taken in either order, over the reals.

The document's rule, *root then power equals power then root*, holds for every positive base. For the others it
depends on three things only: the sign of the base, the sign and parity of the power, and the parity of the root.
That makes thirty cells, which ``truth_table`` lists and ``cell_of`` looks up.

A root is the **real** root: of a negative number it exists when the root's index is odd, and is then negative.
This is not what Python's ``**`` answers: ``(-8) ** (1 / 3)`` is the complex principal root ``1 + 1.732j``.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from itertools import product
from numbers import Real
from typing import SupportsIndex


class ExponentError(ValueError):
    """Base class of this package's errors; the message says why and what to do."""


class BadInput(ExponentError):
    """An invalid base, power or root: not a number, not finite, not an integer, a root index below 1."""


class NoRealValue(ExponentError):
    """There is no real value in the requested order."""


class OrderMatters(ExponentError):
    """Only one of the two orders has a value, so "any order" has no answer."""


class OutOfRange(ExponentError, OverflowError):
    """A step leaves the range in which a float keeps its precision."""


class Order(Enum):
    """Which of the two operations comes first."""

    ROOT_FIRST = "root first"
    POWER_FIRST = "power first"


class Sign(Enum):
    """The sign of a real number."""

    NEGATIVE = -1
    ZERO = 0
    POSITIVE = 1

    @classmethod
    def of(cls, number: float | Fraction) -> Sign:
        """Return the sign of ``number``, negative zero counted as zero."""
        # bool: sympy's truth values cannot be subtracted.
        return cls(bool(number > 0) - bool(number < 0))


class Parity(Enum):
    """Whether an integer is divisible by two."""

    EVEN = 0
    ODD = 1

    @classmethod
    def of(cls, number: int) -> Parity:
        """Return the parity of ``number``; zero is even."""
        return cls(number % 2)


class Outcome(Enum):
    """The result of comparing the two orders in one cell of the truth table."""

    AGREE = "both orders have a value, and it is the same"
    POWER_FIRST_ONLY = "only the power first has a value"
    NEITHER = "neither order has a value"


@dataclass(frozen=True)
class Cell:
    """One cell of the truth table: a kind of base, of power and of root, with the outcome for the two orders."""

    base: Sign
    power: Sign
    power_parity: Parity
    root_parity: Parity

    @property
    def outcome(self) -> Outcome:
        """The outcome for every base, power and root of this cell."""
        if self.base is Sign.POSITIVE:
            return Outcome.AGREE
        if self.base is Sign.ZERO:
            return Outcome.NEITHER if self.power is Sign.NEGATIVE else Outcome.AGREE
        if self.root_parity is Parity.ODD:
            return Outcome.AGREE
        # An even root of the negative base does not exist; an even power makes the base positive beforehand.
        return Outcome.POWER_FIRST_ONLY if self.power_parity is Parity.EVEN else Outcome.NEITHER

    def has_value(self, order: Order) -> bool:
        """Return whether ``order`` has a real value here."""
        if order is Order.POWER_FIRST:
            return self.outcome is not Outcome.NEITHER
        return self.outcome is Outcome.AGREE

    def require(self, order: Order) -> None:
        """Raise an error unless ``order`` has a real value here.

        Raises:
            NoRealValue: if it has none; the message gives the reason.
        """
        if not self.has_value(order):
            raise NoRealValue(f"no real value: {self.obstacle}")

    def require_agreement(self) -> None:
        """Raise an error unless both orders have the same value here.

        Raises:
            OrderMatters: if only the power first has a value.
            NoRealValue: if neither order has one.
        """
        if self.outcome is Outcome.POWER_FIRST_ONLY:
            raise OrderMatters(
                f"the order matters here: {self.obstacle}, while the even power taken first makes the base "
                "positive; say which order you mean (root_of_power takes the power first)"
            )
        if self.outcome is Outcome.NEITHER:
            raise NoRealValue(f"neither order has a real value: {self.obstacle}")

    @property
    def obstacle(self) -> str:
        """Why an order has no value here, as half a sentence; empty where both have one."""
        if self.outcome is Outcome.AGREE:
            return ""
        if self.base is Sign.ZERO:
            return "zero to a negative power is a division by zero"
        return "an even root of a negative number is not real"


def as_integer(value: SupportsIndex, name: str) -> int:
    """``value`` as an int.

    Raises:
        BadInput: if it is anything but an integer (``2.0`` is a float).
    """
    try:
        return operator.index(value)
    except TypeError:
        raise BadInput(f"the {name} must be an integer, not {value!r}") from None


def cell_of(base: float | Fraction, power: SupportsIndex, root: SupportsIndex) -> Cell:
    """Return the cell of the truth table that contains a base, a power and a root.

    Args:
        base: any finite real number.
        power: any integer, zero and negative ones included.
        root: the index of the root: an integer from 1 upwards.

    Raises:
        BadInput: if one of them is invalid.
    """
    if not isinstance(base, Real):
        raise BadInput(f"the base must be a real number, not {base!r}")
    try:
        finite = math.isfinite(base)
    except OverflowError:  # an integer or fraction too large for a float is finite all the same
        finite = True
    if not finite:
        raise BadInput(f"the base must be finite, not {base!r}")
    power, root = as_integer(power, "power"), as_integer(root, "root")
    if root < 1:
        raise BadInput(f"the root must be 1 or more, not {root}: for a negative one, negate the power")
    return Cell(Sign.of(base), Sign.of(power), Parity.of(power), Parity.of(root))


def truth_table() -> tuple[Cell, ...]:
    """Return all thirty cells: sign of the base, sign and parity of the power (zero is even), parity of the root."""
    return tuple(
        Cell(base, power, power_parity, root_parity)
        for base, power, power_parity, root_parity in product(Sign, Sign, Parity, Parity)
        if (power, power_parity) != (Sign.ZERO, Parity.ODD)
    )
