"""Beyond the document: an answer for every quadratic, at a cost that does not grow with a search."""

import math
import random
from collections import Counter

import pytest
import sympy
from hypothesis import example, given
from sympy.abc import x
from sympy.ntheory.primetest import is_square

from reference.factoring_quadratics import TableTooLong, expand, factor, method_table
from scenarios.factoring_quadratics import published
from scenarios.factoring_quadratics.strategies import quadratics


class TestEveryQuadratic:
    """Factored as sympy does it, or known to have no factors."""

    @pytest.mark.claim("quad-4")
    @given(quadratic=quadratics())
    @example(published.QUADRATIC)
    @example((-6, 4, 10))
    @example((3, 2, 0))
    @example((4, 0, -9))
    @example((4, 0, 9))
    @example((5, 0, 0))
    @example((-18, 24, -8))
    @example((2, 0, 2))
    def test_factors_equal_those_of_sympy(self, quadratic):
        found = factor(*quadratic)

        content, factors = sympy.Poly(quadratic, x, domain="ZZ").factor_list()
        assert found.content == content
        assert Counter(found.factors) == {tuple(each.all_coeffs()): times for each, times in factors}

    @pytest.mark.claim("quad-4")
    @given(quadratic=quadratics())
    def test_factors_exist_iff_discriminant_is_a_square(self, quadratic):
        a, b, c = quadratic

        assert factor(a, b, c).irreducible is not is_square(b * b - 4 * a * c)

    @pytest.mark.claim("quad-4")
    @given(quadratic=quadratics())
    def test_product_of_the_factors_is_the_quadratic(self, quadratic):
        found = factor(*quadratic)

        product = sympy.Integer(found.content)
        for each in found.factors:
            product *= sympy.Poly(each, x)
        assert tuple(product.all_coeffs()) == quadratic
        assert all(math.gcd(*each) == 1 for each in found.factors)

    @pytest.mark.claim("quad-4")
    @given(quadratic=quadratics())
    def test_roots_equal_the_rational_roots_of_sympy(self, quadratic):
        roots = Counter(sympy.Rational(each.numerator, each.denominator) for each in factor(*quadratic).roots)

        assert roots == sympy.Poly(quadratic, x).ground_roots()

    @pytest.mark.claim("quad-4")
    @pytest.mark.parametrize(
        ("quadratic", "text"),
        [
            ((1, 2, 1), "(x + 1)^2"),
            ((3, 2, 0), "x(3x + 2)"),
            ((3, -2, 0), "x(3x - 2)"),
            ((5, 0, 0), "5x^2"),
            ((-2, 2, 4), "-2(x + 1)(x - 2)"),
            ((2, 0, 2), "2(x^2 + 1)"),
            ((-1, 0, -1), "-(x^2 + 1)"),
            ((1, 0, 1), "x^2 + 1"),
        ],
    )
    def test_factorisation_as_text_is_the_quadratic_again(self, quadratic, text):
        assert str(factor(*quadratic)) == text
        multiplied = sympy.Poly(sympy.parse_expr(text.replace("^", "**"), transformations="all"), x)
        assert tuple(multiplied.all_coeffs()) == quadratic

    @pytest.mark.claim("quad-4")
    def test_irreducible_is_an_answer(self):
        found = factor(2, 0, 2)

        assert found.irreducible
        assert found.factors == ((1, 0, 1),)
        assert found.roots == ()
        assert str(found) == "2(x^2 + 1)"


def made(digits, count):
    """Quadratics whose a and c are products of two primes with about so many digits: the same ones each time."""
    chance = random.Random(digits)

    def prime():
        return sympy.prevprime(int(10 ** (digits / 2) * chance.uniform(0.5, 1)))

    quadratics = []
    while len(quadratics) < count:
        p, q, r, s = prime(), prime(), prime(), prime()
        if len({p, q, r, s}) == 4:  # nothing in common
            quadratics.append(expand(p, q, -r, -s))
    return quadratics


def factors_of_all(quadratics):
    """Ours, as sets of factors."""
    return [frozenset(factor(*quadratic).factors) for quadratic in quadratics]


def enumerated_factors_of_all(quadratics):
    """Return the factorisations of the published way, as sets of factors."""
    return [frozenset(published.factor(*quadratic)) for quadratic in quadratics]


def sympys_factors_of_all(polynomials):
    """Return the content and the factors that sympy finds."""
    return [polynomial.factor_list() for polynomial in polynomials]


def as_sets(answers):
    """Ours as it is, sympy's as sets of coefficients."""
    return [
        answer
        if isinstance(answer, frozenset)
        else frozenset(tuple(map(int, each.all_coeffs())) for each, _ in answer[1])
        for answer in answers
    ]


class TestTheCost:
    """Integer square root and greatest common divisors against a search, and against sympy."""

    @pytest.mark.claim("quad-5")
    @pytest.mark.parametrize("digits", [4, 10, 30])
    def test_factoring_is_much_faster_than_sympy(self, digits, versus):
        quadratics = made(digits, 10)
        polynomials = [sympy.Poly(quadratic, x, domain="ZZ") for quadratic in quadratics]

        versus(
            lambda: factors_of_all(quadratics),
            lambda: sympys_factors_of_all(polynomials),
            faster=100,
            rounds=9,
            checksum=as_sets,
        )

    @pytest.mark.claim("quad-5")
    @pytest.mark.parametrize(("digits", "faster"), [(4, 2), (8, 80), (10, 800)])
    def test_factoring_is_much_faster_than_enumeration(self, digits, faster, versus):
        quadratics = made(digits, 1)

        versus(
            lambda: factors_of_all(quadratics),
            lambda: enumerated_factors_of_all(quadratics),
            faster=faster,
        )

    @pytest.mark.claim("quad-5")
    def test_cost_hardly_grows_from_3_to_30_digits(self, growth):
        growth(
            lambda quadratics: [factors_of_all(quadratics) for _ in range(20)],
            [3, 30],
            at_most=0.5,
            rounds=5,
            setup=lambda digits: made(digits, 50),
        )

    @pytest.mark.claim("quad-5")
    def test_cost_of_enumeration_grows_with_square_root(self, growth, evidence):
        """By this growth the table could not be finished at thirty digits, and is refused there."""
        measured = growth(
            lambda quadratics: enumerated_factors_of_all(quadratics),
            [10**7, 10**11],
            at_most=0.7,
            setup=lambda size: made(round(math.log10(size)), 1),
        )
        assert measured.exponent > 0.35

        (quadratic,) = made(30, 1)
        with pytest.raises(TableTooLong, match="a number of 30 digits by trial division takes too long"):
            method_table(*quadratic)
        assert len(factor(*quadratic).factors) == 2

        (largest,) = made(11, 1)
        seconds = measured.figures()["seconds"][-1] * divisions(quadratic) / divisions(largest)
        evidence.json(
            "The enumeration at 30 digits, which cannot finish: extrapolated from 11 digits by its trial divisions",
            {"divisions": divisions(quadratic), "years": seconds / (365.25 * 24 * 3600)},
        )


def divisions(quadratic):
    """Return the number of trial divisions that finding the pairs of a and c takes."""
    a, _, c = quadratic
    return math.isqrt(a) + math.isqrt(c)
