"""The method as the document gives it: every pair of factors, both orders, both signs."""

from itertools import count
from math import isqrt

QUADRATIC = (49, -316, 132)
#: The rows that the document prints: p, q, r, s and p*s + q*r.
ROWS = [(7, 7, 2, 66, 476), (7, 7, -2, -66, -476), (7, 7, 66, 2, 476), (7, 7, -66, -2, -476)]
HIT = (49, 1, -22, -6, -316)
FACTORS = [(49, -22), (1, -6)]


def factor_pairs(number):
    """All pairs of positive numbers with this product; every number divides zero."""
    divisors = range(1, isqrt(number) + 1) if number else count(1)
    return ((divisor, number // divisor) for divisor in divisors if number % divisor == 0)


def rows(a, b, c):
    """The whole table of ``a x^2 + b x + c``, where a is positive."""
    del b  # what it is compared with
    pairs_of_c = both_orders(factor_pairs(abs(c)))
    if c:  # else there is no end to them
        pairs_of_c = list(pairs_of_c)
    for p, q in both_orders(factor_pairs(a)):
        for r, s in pairs_of_c:
            for sign in (1, -1):
                first, second = sign * r, sign * s if c >= 0 else -sign * s
                yield p, q, first, second, p * second + q * first


def both_orders(pairs):
    """Each pair, and the other way round unless that is the same."""
    for first, second in pairs:
        yield first, second
        if first != second:
            yield second, first


def factor(a, b, c):
    """The two factors of the first row that makes b, None if there is none."""
    return next((((p, r), (q, s)) for p, q, r, s, total in rows(a, b, c) if total == b), None)
