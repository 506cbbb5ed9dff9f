"""Factor a quadratic over the integers, without looking for factors of its coefficients.

The discriminant decides: ``a x^2 + b x + c`` has two rational roots exactly when ``b^2 - 4ac`` is a perfect square,
and by Gauss's lemma a primitive quadratic that factors over the rationals factors over the integers. So one integer
square root and three greatest common divisors do, at any size.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, isqrt
from typing import SupportsIndex, TypeAlias

#: The coefficients of a polynomial, the highest power first: ``(49, -22)`` is ``49x - 22``.
Polynomial: TypeAlias = tuple[int, ...]


class NotAQuadratic(ValueError):
    """The coefficients are none of a quadratic over the integers; the message says why."""


@dataclass(frozen=True)
class Factorisation:
    """A quadratic as its content times its factors: ``content * product(factors)`` is the quadratic again.

    Attributes:
        quadratic: the coefficients a, b, c as they were given.
        content: the greatest common divisor of the coefficients, with the sign of a.
        factors: two linear factors, by ascending root; or the one quadratic that is irreducible over the integers.
            Each is primitive and has a positive leading coefficient.
    """

    quadratic: Polynomial
    content: int
    factors: tuple[Polynomial, ...]

    @property
    def irreducible(self) -> bool:
        """Whether there are no linear factors over the integers: then no rational number is a root either."""
        return len(self.factors) == 1

    @property
    def roots(self) -> tuple[Fraction, ...]:
        """The rational roots, ascending, a repeated one twice; none if the quadratic is irreducible."""
        if self.irreducible:
            return ()
        return tuple(Fraction(-constant, leading) for leading, constant in self.factors)

    def __str__(self) -> str:
        """The factorisation as text: ``-2(x + 1)(3x - 4)``, a repeated factor as ``(x + 1)^2``."""
        content = {1: "", -1: "-"}.get(self.content, str(self.content))
        if self.irreducible and not content:
            return as_text(self.factors[0])
        first, *rest = (_in_brackets(factor) for factor in self.factors)
        if rest == [first]:
            return f"{content}{first}^2"
        # A bare x goes first: x(3x + 2).
        return content + "".join(sorted((first, *rest), key=lambda factor: factor != "x"))


def factor(a: SupportsIndex, b: SupportsIndex, c: SupportsIndex) -> Factorisation:
    """Factor ``a x^2 + b x + c`` completely over the integers.

    Args:
        a: the leading coefficient, not zero.
        b: the coefficient of x.
        c: the constant.

    Returns:
        Content and factors; a quadratic without linear factors is its own answer, not an error.

    Raises:
        NotAQuadratic: if a coefficient is not an integer, or a is zero.
    """
    a, b, c = quadratic = coefficients(a, b, c)
    # The sign of a: a negative leading coefficient is factored out first.
    content = gcd(a, b, c) if a > 0 else -gcd(a, b, c)
    a, b, c = a // content, b // content, c // content
    discriminant = b * b - 4 * a * c
    root = isqrt(discriminant) if discriminant >= 0 else -1
    if root * root != discriminant:
        return Factorisation(quadratic, content, ((a, b, c),))
    return Factorisation(quadratic, content, (_linear(2 * a, b + root), _linear(2 * a, b - root)))


def expand(p: int, q: int, r: int, s: int) -> tuple[int, int, int]:
    """The coefficients of ``(px + r)(qx + s)``: the general form, a = pq, b = ps + qr, c = rs."""
    return p * q, p * s + q * r, r * s


def coefficients(a: SupportsIndex, b: SupportsIndex, c: SupportsIndex) -> tuple[int, int, int]:
    """The three as ints.

    Raises:
        NotAQuadratic: if one is not an integer (``2.0`` is a float), or a is zero.
    """
    try:
        a, b, c = map(operator.index, (a, b, c))
    except TypeError:
        raise NotAQuadratic(f"the coefficients must be integers, not {a!r}, {b!r}, {c!r}") from None
    if not a:
        raise NotAQuadratic(f"this is linear: {as_text((b, c))} has no x^2 (a must not be 0)")
    return a, b, c


def as_text(polynomial: Polynomial) -> str:
    """A polynomial as one writes it: ``49x^2 - 316x + 132``; terms with a zero are left out."""
    terms = []
    for power, coefficient in zip(range(len(polynomial) - 1, -1, -1), polynomial, strict=True):
        if not coefficient:
            continue
        sign = "-" if coefficient < 0 else "+"
        size = "" if power and abs(coefficient) == 1 else str(abs(coefficient))
        terms.append(f"{sign} {size}{('', 'x', f'x^{power}')[min(power, 2)]}")
    text = " ".join(terms).removeprefix("+ ") or "0"
    # The first term carries its minus without a space.
    return f"-{text[2:]}" if text.startswith("- ") else text


def _linear(leading: int, constant: int) -> Polynomial:
    """The primitive multiple of ``leading * x + constant``; its leading coefficient is positive."""
    divisor = gcd(leading, constant)
    return leading // divisor, constant // divisor


def _in_brackets(factor: Polynomial) -> str:
    text = as_text(factor)
    return text if text == "x" else f"({text})"
