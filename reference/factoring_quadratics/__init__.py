"""Factoring quadratics by the document's table, and without it.

The document replaces guessing by a method: list every way to write a as pq and c as rs, in both orders and with both
signs, until ``ps + qr`` makes b; then ``(px + r)(qx + s)`` is the factorisation.

**What holds.** The general form a = pq, b = ps + qr, c = rs, and with it the method; the signs of the numbers follow
from the signs of product and sum; a negative leading coefficient is made positive by factoring out -1. The document's
49x^2 - 316x + 132 is (49x - 22)(x - 6), and its roots are 22/49 and 6.

**What is corrected.** The method does not use its own sign rule: half of its rows have signs that cannot be right.
With c = 0 its list of pairs has no end. ``method_table`` applies the rule and solves c = 0.

**What is added.** ``factor`` is complete and enumerates nothing: the content by a greatest common divisor, the roots by
the discriminant's integer square root, coefficients of any size. Fractions and decimals are taken exactly, and leave a
fraction as the content. That a quadratic has no factors over the integers is an answer.

>>> from reference.factoring_quadratics import factor, method_table
>>> print(factor(49, -316, 132))
(49x - 22)(x - 6)
>>> [str(root) for root in factor(49, -316, 132).roots]
['22/49', '6']
>>> print(factor(-6, 4, 0), factor(2, 4, 2), factor(1, 0, 1))
-2x(3x - 2) 2(x + 1)^2 x^2 + 1
>>> factor(1, 0, 1).irreducible
True
>>> from decimal import Decimal
>>> from fractions import Fraction
>>> print(factor(Fraction(1, 2), Fraction(-3, 2), 1), factor(Decimal("0.3"), 0, Decimal("-1.2")))
(1/2)(x - 1)(x - 2) (3/10)(x + 2)(x - 2)
>>> table = method_table(49, -316, 132)
>>> len(table.rows), table.hits[0]
(36, Row(p=49, q=1, r=-22, s=-6, total=-316))
"""

from .errors import FactoringError, NotAQuadratic, TableTooLong
from .method import Method, Row, factor_pairs, method_table, signs
from .quadratic import Coefficient, Factorisation, Polynomial, as_text, expand, factor, over_integers

__all__ = [
    "Coefficient",
    "FactoringError",
    "Factorisation",
    "Method",
    "NotAQuadratic",
    "Polynomial",
    "Row",
    "TableTooLong",
    "as_text",
    "expand",
    "factor",
    "factor_pairs",
    "method_table",
    "over_integers",
    "signs",
]
