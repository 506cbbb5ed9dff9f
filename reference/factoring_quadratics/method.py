"""The document's method: a table of all ways to split a and c, searched for the one whose cross products make b.

Every row tries ``(px + r)(qx + s)``, where pq = a and rs = c; it is a hit when ``ps + qr`` is b. Two things are put
right: the sign rule that the document states is used, so that each row has the one choice of signs that can be a hit,
and a constant of zero, which has infinitely many pairs of factors, is solved without a search.

The table is for reading. It grows with the number of divisors, and finding those takes as many divisions as the
square roots of a and c; ``factor`` needs neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt
from typing import NamedTuple

from .errors import NotAQuadratic, TableTooLong
from .quadratic import Coefficient, Polynomial, as_text, over_integers

#: The largest a and c whose divisors are looked for: a million divisions each.
MAX_COEFFICIENT = 10**12
#: The longest table.
MAX_ROWS = 100_000


class Row(NamedTuple):
    """One try: the numbers of ``(px + r)(qx + s)`` and the coefficient of x that they make."""

    p: int
    q: int
    r: int
    s: int
    total: int

    @property
    def factors(self) -> tuple[Polynomial, Polynomial]:
        """The two linear factors, in an order that does not depend on which is written first."""
        first, second = sorted(((self.p, self.r), (self.q, self.s)), reverse=True)
        return first, second


@dataclass(frozen=True)
class Method:
    """The method's table for one quadratic.

    Attributes:
        quadratic: the coefficients that the rows are about: those given, or all negated if a was negative.
        sign: -1 if they were negated, for -1 is factored out first; else 1.
        rows: the tries, in order.
    """

    quadratic: Polynomial
    sign: int
    rows: tuple[Row, ...]

    @property
    def hits(self) -> tuple[Row, ...]:
        """The rows whose total is b; several may be one factorisation, written in different order."""
        return tuple(row for row in self.rows if row.total == self.quadratic[1])

    @property
    def distinct(self) -> int:
        """The number of rows that differ by more than the order of the two factors."""
        return len({row.factors for row in self.rows})


def signs(product: int, total: int) -> tuple[int, int]:
    """Return the signs of two integers, by the signs of their product and their sum.

    Args:
        product: their product.
        total: their sum.

    Returns:
        The sign (-1, 0 or 1) of the one with the larger absolute value, then that of the other. For a negative
        product the sum has the sign of the larger one; it does not say which of the two that is. Opposite numbers have
        no larger one: the first is then taken as positive.

    Raises:
        ValueError: if the product is positive and the sum zero, which no two integers have.
    """
    larger = (total > 0) - (total < 0)
    if product > 0:
        if not larger:
            raise ValueError("no two integers have a positive product and a sum of zero")
        return larger, larger
    if product < 0:
        larger = larger or 1
        return larger, -larger
    return larger, 0


def method_table(a: Coefficient, b: Coefficient, c: Coefficient, *, every_sign: bool = False) -> Method:
    """Return the table of the document's method for ``a x^2 + b x + c``.

    Args:
        a: the leading coefficient, not zero; if it is negative, -1 is factored out first.
        b: the coefficient of x.
        c: the constant. If it is zero, the one row is ``(ax + b)(x + 0)``.
        every_sign: list both choices of signs, as the document does, and not only the one that the sign rule leaves.

    Raises:
        NotAQuadratic: if a coefficient is not an integer, since only those have finitely many pairs of factors, or a is
            zero. ``over_integers`` makes integers of fractions.
        TableTooLong: if a or c is beyond ``MAX_COEFFICIENT``, or the rows are more than ``MAX_ROWS``.
    """
    denominator, (a, b, c) = over_integers(a, b, c)
    if denominator != 1:
        raise NotAQuadratic(f"the table needs integers: factor out 1/{denominator}, which leaves {as_text((a, b, c))}")
    sign = 1 if a > 0 else -1
    a, b, c = quadratic = (sign * a, sign * b, sign * c)
    if c == 0:
        return Method(quadratic, sign, (Row(a, 1, b, 0, b),))
    if max(a, abs(c)) > MAX_COEFFICIENT:
        digits = max(len(str(a)), len(str(abs(c))))
        raise TableTooLong(f"finding the factors of a number of {digits} digits by trial division takes too long")
    leading, constant = list(_ordered(a, larger_first=True)), list(_ordered(abs(c), larger_first=False))
    choices = 2 if every_sign else 1
    if len(leading) * len(constant) * choices > MAX_ROWS:
        raise TableTooLong(f"the table has {len(leading) * len(constant) * choices:,} rows")
    rows = []
    for p, q in leading:
        for r, s in constant:
            for sign_of_r, sign_of_s in _choices(quadratic, q * r, p * s, every_sign=every_sign):
                signed_r, signed_s = sign_of_r * r, sign_of_s * s
                rows.append(Row(p, q, signed_r, signed_s, p * signed_s + q * signed_r))
    return Method(quadratic, sign, tuple(rows))


def factor_pairs(number: int) -> Iterator[tuple[int, int]]:
    """Return the pairs of positive integers with this product, the larger one first, the most equal pair first.

    Args:
        number: a positive integer.
    """
    return ((number // small, small) for small in range(isqrt(number), 0, -1) if number % small == 0)


def _ordered(number: int, *, larger_first: bool) -> Iterator[tuple[int, int]]:
    """Yield the pairs of factors, each also the other way round."""
    for large, small in factor_pairs(number):
        pair = (large, small) if larger_first else (small, large)
        yield pair
        if large != small:
            yield pair[::-1]


def _choices(quadratic: Polynomial, qr: int, ps: int, *, every_sign: bool) -> list[tuple[int, int]]:
    """Return the signs of r and s to try, by the sign rule of qr and ps, whose product is ac and whose sum is b."""
    a, b, c = quadratic
    if every_sign:
        return [(1, 1), (-1, -1)] if c > 0 else [(1, -1), (-1, 1)]
    if c > 0 and b == 0:
        return []
    larger, smaller = signs(a * c, b)
    return [(larger, smaller)] if qr > ps else [(smaller, larger)]
