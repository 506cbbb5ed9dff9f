"""Factor a quadratic with rational coefficients, without looking for factors of its coefficients.

A common denominator is factored out first. Then the discriminant decides: ``a x^2 + b x + c`` has two rational roots
exactly when ``b^2 - 4ac`` is a perfect square, and by Gauss's lemma a primitive quadratic that factors over the
rationals factors over the integers. So one integer square root and three greatest common divisors do, at any size.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import gcd, isfinite, isqrt, lcm
from numbers import Rational
from typing import SupportsIndex, TypeAlias

from .errors import NotAQuadratic

#: The coefficients of a polynomial, the highest power first: ``(49, -22)`` is ``49x - 22``.
Polynomial: TypeAlias = tuple[int, ...]
#: What a coefficient may be: an integer of any kind, a ``Fraction``, sympy's ``Rational``, or a ``Decimal``.
Coefficient: TypeAlias = SupportsIndex | Rational | Decimal

#: A ``Decimal`` of a larger exponent, such as 1e999999999, would fill the memory with the digits of its fraction.
MAX_EXPONENT = 10_000


@dataclass(frozen=True)
class Factorisation:
    """A quadratic as its content times its factors: ``content * product(factors)`` is the quadratic again.

    Attributes:
        quadratic: the coefficients a, b, c as they were given: each an int, or a ``Fraction`` where it is no integer.
        content: the greatest common divisor of the coefficients, with the sign of a; of rational coefficients, the
            rational number that leaves integers without a common divisor. A ``Fraction`` where it is no integer.
        factors: two linear factors, by ascending root; or the one quadratic that is irreducible over the integers.
            Each is primitive and has a positive leading coefficient.
    """

    quadratic: tuple[int | Fraction, ...]
    content: int | Fraction
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
        """Return the factorisation as text: ``-2(x + 1)(3x - 4)``, a repeated factor as ``(x + 1)^2``."""
        content = "" if self.content == 1 else "-" if self.content == -1 else _number(self.content)
        if self.irreducible and not content:
            return as_text(self.factors[0])
        first, *rest = (_in_brackets(factor) for factor in self.factors)
        if rest == [first]:
            return f"{content}{first}^2"
        # A bare x goes first: x(3x + 2).
        return content + "".join(sorted((first, *rest), key=lambda factor: factor != "x"))


def factor(a: Coefficient, b: Coefficient, c: Coefficient) -> Factorisation:
    """Factor ``a x^2 + b x + c`` completely over the integers; rational coefficients leave a rational content.

    Args:
        a: the leading coefficient, not zero. Like the others an integer, a ``Fraction`` or a ``Decimal``, which is
            taken exactly. A float is refused: 0.1 is not the tenth that was written.
        b: the coefficient of x.
        c: the constant.

    Returns:
        Content and factors; a quadratic without linear factors is its own answer, not an error.

    Raises:
        NotAQuadratic: if a coefficient is not a rational number, or a is zero.
    """
    quadratic = coefficients(a, b, c)
    denominator, (a, b, c) = _over_integers(*quadratic)
    # The sign of a: a negative leading coefficient is factored out first.
    content = gcd(a, b, c) if a > 0 else -gcd(a, b, c)
    a, b, c = a // content, b // content, c // content
    discriminant = b * b - 4 * a * c
    root = isqrt(discriminant) if discriminant >= 0 else -1
    outside = content if denominator == 1 else _plain(Fraction(content, denominator))
    if root * root != discriminant:
        return Factorisation(quadratic, outside, ((a, b, c),))
    return Factorisation(quadratic, outside, (_linear(2 * a, b + root), _linear(2 * a, b - root)))


def expand(p: int, q: int, r: int, s: int) -> tuple[int, int, int]:
    """Return the coefficients of ``(px + r)(qx + s)``: the general form, a = pq, b = ps + qr, c = rs."""
    return p * q, p * s + q * r, r * s


def coefficients(
    a: Coefficient, b: Coefficient, c: Coefficient
) -> tuple[int | Fraction, int | Fraction, int | Fraction]:
    """Return the three as ints, or as ``Fraction`` where they are no integers.

    Raises:
        NotAQuadratic: if one is not a rational number (``2.0`` is a float), or a is zero.
    """
    a, b, c = exact = _exact(a), _exact(b), _exact(c)
    if not a:
        raise NotAQuadratic(f"this is linear: {as_text((b, c))} has no x^2 (a must not be 0)")
    return exact


def over_integers(a: Coefficient, b: Coefficient, c: Coefficient) -> tuple[int, tuple[int, int, int]]:
    """Return the least common denominator of three rational coefficients, and the integers that they make times it.

    Raises:
        NotAQuadratic: as ``coefficients``.
    """
    return _over_integers(*coefficients(a, b, c))


def _over_integers(a: int | Fraction, b: int | Fraction, c: int | Fraction) -> tuple[int, tuple[int, int, int]]:
    denominator = lcm(a.denominator, b.denominator, c.denominator)
    if denominator == 1:
        return 1, (int(a), int(b), int(c))
    return denominator, (int(a * denominator), int(b * denominator), int(c * denominator))


def as_text(polynomial: tuple[int | Fraction, ...]) -> str:
    """Return a polynomial as one writes it: ``49x^2 - 316x + 132``, ``(1/2)x + 1``; terms with a zero are left out."""
    terms = []
    for power, coefficient in zip(range(len(polynomial) - 1, -1, -1), polynomial, strict=True):
        if not coefficient:
            continue
        sign = "-" if coefficient < 0 else "+"
        size = -coefficient if coefficient < 0 else coefficient
        written = "" if power and size == 1 else _number(size) if power else str(size)
        terms.append(f"{sign} {written}{('', 'x', f'x^{power}')[min(power, 2)]}")
    text = " ".join(terms).removeprefix("+ ") or "0"
    # The first term carries its minus without a space.
    return f"-{text[2:]}" if text.startswith("- ") else text


def _exact(coefficient: Coefficient) -> int | Fraction:
    """Return a coefficient as an int, or as a Fraction where it is no integer."""
    try:
        return operator.index(coefficient)  # type: ignore[arg-type] # what has no index raises
    except TypeError:
        pass
    if isinstance(coefficient, Rational):  # sympy's, too
        return _plain(Fraction(int(coefficient.numerator), int(coefficient.denominator)))
    if isinstance(coefficient, Decimal) and coefficient.is_finite():
        if coefficient and abs(coefficient.adjusted()) > MAX_EXPONENT:
            raise NotAQuadratic(f"the coefficient {coefficient} is beyond 10^{MAX_EXPONENT}")
        return _plain(Fraction(coefficient))
    finite = isinstance(coefficient, float) and isfinite(coefficient)
    advice = ": write it as a Fraction or a Decimal" if finite else ""
    raise NotAQuadratic(f"the coefficients must be integers or fractions, not {coefficient!r}{advice}")


def _plain(number: Fraction) -> int | Fraction:
    return number.numerator if number.denominator == 1 else number


def _number(number: int | Fraction) -> str:
    """Return a number as a factor: a fraction in brackets, so that (1/2)x is not read as 1/(2x)."""
    if isinstance(number, int):
        return str(number)
    return f"{'-' if number < 0 else ''}({abs(number)})"


def _linear(leading: int, constant: int) -> Polynomial:
    """Return the primitive multiple of ``leading * x + constant``; its leading coefficient is positive."""
    divisor = gcd(leading, constant)
    return leading // divisor, constant // divisor


def _in_brackets(factor: Polynomial) -> str:
    text = as_text(factor)
    return text if text == "x" else f"({text})"
