"""Factoring without enumeration: against sympy, against the method's table, and by the number of digits."""

import random
from math import gcd

import sympy

from benchmarks.conftest import versions
from reference.factoring_quadratics import Method, factor, method_table


def quadratics(digits, number):
    """Return factorable quadratics with coefficients of about so many digits."""
    chance = random.Random(digits)
    half = 10 ** (digits // 2)
    found = []
    while len(found) < number:
        p, q = (chance.randrange(1, half) for _ in range(2))
        r, s = (chance.randrange(-half, half) for _ in range(2))
        found.append((p * q, p * s + q * r, r * s))
    return found


def test_against_sympy(versus):
    found = quadratics(30, 50)
    x = sympy.Symbol("x")
    polynomials = [sympy.Poly(quadratic, x, domain="ZZ") for quadratic in found]
    versus(
        lambda: [factor(*quadratic) for quadratic in found],
        lambda: [polynomial.factor_list() for polynomial in polynomials],
        checksum=lambda answers: [_coefficients(answer) for answer in answers],
        facts={"versions": versions("sympy")},
    )


def _coefficients(answer):
    if isinstance(answer, tuple):
        content, factors = answer
        found = [tuple(map(int, each.all_coeffs())) for each, times in factors for _ in range(times)]
        return int(content), sorted(found)
    return answer.content, sorted(tuple(map(int, each)) for each in answer.factors)


def test_against_the_methods_table(versus):
    found = quadratics(8, 5)
    versus(
        lambda: [factor(*quadratic) for quadratic in found],
        lambda: [method_table(*quadratic) for quadratic in found],
        checksum=lambda answers: [_linear(answer) for answer in answers],
    )


def _linear(answer):
    """Return the two linear factors of either way's answer, found primitive with positive leading coefficients."""
    if isinstance(answer, Method):
        hit = answer.hits[0]
        pairs = [(hit.p, hit.r), (hit.q, hit.s)]
    else:
        pairs = [tuple(map(int, factor)) for factor in answer.factors]
    return sorted((p // gcd(p, r), r // gcd(p, r)) for p, r in pairs)


def test_growth_with_digits(growth):
    for digits in (3, 30):
        for quadratic in quadratics(digits, 500):
            content, factors = _coefficients(factor(*quadratic))
            assert _product(factors, content) == quadratic
    growth(
        lambda found: [factor(*quadratic) for quadratic in found],
        [3, 30],
        setup=lambda digits: quadratics(digits, 5_000),
    )


def _product(factors, content):
    """Return the coefficients of the quadratic that has two linear factors and a content."""
    (p, r), (q, s) = factors
    return content * p * q, content * (p * s + q * r), content * r * s
