"""The document's concepts, its method, and its quadratic 49x^2 - 316x + 132."""

from collections import Counter
from fractions import Fraction
from itertools import islice

import pytest
import sympy
from hypothesis import assume, example, given
from hypothesis import strategies as st

from reference.factoring_quadratics import Row, as_text, expand, factor, method_table, signs
from scenarios.factoring_quadratics import published
from scenarios.factoring_quadratics.strategies import integers, nonzero, products_of_linear, quadratics, tabulated


def sign(number):
    return (number > 0) - (number < 0)


def evaluated(quadratic, x):
    a, b, c = quadratic
    return (a * x + b) * x + c


class TestTheMonicCase:
    """``(x + r)(x + s)``: the sum and the product of r and s are the coefficients."""

    @pytest.mark.claim("quad-7")
    @given(r=integers, s=integers)
    def test_monic_case_follows_from_sum_and_product(self, r, s):
        found = factor(1, r + s, r * s)

        assert found.content == 1
        assert sorted(found.factors) == sorted([(1, r), (1, s)])


class TestTheSigns:
    """The signs of two numbers follow from the signs of their product and their sum."""

    @pytest.mark.claim("quad-1")
    @given(first=nonzero, second=nonzero)
    def test_signs_are_both_known_for_a_positive_product(self, first, second):
        assume(sign(first) == sign(second))

        assert signs(first * second, first + second) == (sign(first), sign(second))

    @pytest.mark.claim("quad-1")
    @given(first=integers, second=integers)
    @example(first=3, second=-2)
    @example(first=2, second=-3)
    @example(first=0, second=-3)
    def test_signs_are_those_of_larger_and_smaller_number(self, first, second):
        larger, smaller = sorted((first, second), key=abs, reverse=True)
        assume(first + second or not first)

        assert signs(first * second, first + second) == (sign(larger), sign(smaller))

    @pytest.mark.claim("quad-1")
    def test_signs_do_not_tell_which_number_is_larger(self):
        """For a product of -6 and a sum of 1 it is the first of one pair and the second of the other."""
        for first, second in ((3, -2), (-2, 3)):
            assert expand(1, 1, first, second) == (1, 1, -6)
        assert signs(-6, 1) == (1, -1)

    @pytest.mark.claim("quad-1")
    def test_signs_are_those_of_the_cross_products(self):
        """In (5x - 3)(x + 1) the larger constant is negative and b positive: b is the sum of 5 and -3."""
        p, q, r, s = 5, 1, -3, 1
        a, b, c = expand(p, q, r, s)

        assert b == p * s + q * r == 2
        assert sign(max(r, s, key=abs)) != sign(b)
        assert signs(a * c, b) == (sign(p * s), sign(q * r))

    @pytest.mark.claim("quad-1")
    def test_signs_refuse_a_positive_product_with_sum_zero(self):
        with pytest.raises(ValueError, match="no two integers have a positive product and a sum of zero"):
            signs(4, 0)


class TestTheGeneralForm:
    """``(px + r)(qx + s)``: a = pq, b = ps + qr, c = rs."""

    @pytest.mark.claim("quad-7")
    def test_general_form_is_what_multiplying_out_gives(self):
        p, q, r, s, x = sympy.symbols("p q r s x")

        multiplied = sympy.Poly((p * x + r) * (q * x + s), x).all_coeffs()

        assert [sympy.expand(each) for each in multiplied] == list(expand(p, q, r, s)) == [p * q, p * s + q * r, r * s]

    @pytest.mark.claim("quad-7")
    @given(quadratic=products_of_linear())
    def test_general_form_is_factored_again(self, quadratic):
        found = factor(*quadratic)
        (p, r), (q, s) = found.factors

        assert tuple(found.content * each for each in expand(p, q, r, s)) == quadratic


class TestANegativeLeadingCoefficient:
    """-1 is factored out first."""

    @pytest.mark.claim("quad-3")
    def test_negative_leading_coefficient_of_the_document(self):
        assert str(factor(-49, 316, -132)) == "-(49x - 22)(x - 6)"

    @pytest.mark.claim("quad-3")
    @given(quadratic=quadratics())
    def test_negated_quadratic_has_the_same_factors(self, quadratic):
        found = factor(*quadratic)
        negated = factor(*(-each for each in quadratic))

        assert found.factors == negated.factors
        assert found.content == -negated.content
        assert sign(found.content) == sign(quadratic[0])
        assert all(leading > 0 for leading, *_ in found.factors)

    @pytest.mark.claim("quad-3")
    @given(quadratic=tabulated)
    def test_negated_quadratic_has_the_same_table(self, quadratic):
        table = method_table(*(-each for each in quadratic))

        assert table.sign == -1
        assert table.quadratic == quadratic
        assert table.rows == method_table(*quadratic).rows


class TestTheMethod:
    """All pairs of factors of a and of c, in both orders and with both signs, until p*s + q*r is b."""

    @pytest.mark.claim("quad-2")
    def test_method_table_has_the_documents_rows(self, evidence):
        table = method_table(*published.QUADRATIC, every_sign=True)

        first = table.rows.index(published.ROWS[0])
        assert list(table.rows[first : first + 4]) == published.ROWS
        assert published.HIT in table.hits

        evidence.table(
            f"The method's table for {as_text(published.QUADRATIC)}",
            [{**row._asdict(), "hit": "yes" if row in table.hits else ""} for row in table.rows],
        )

    @pytest.mark.claim("quad-2")
    def test_method_table_has_72_rows_of_which_36_differ(self):
        table = method_table(*published.QUADRATIC, every_sign=True)

        assert Counter(table.rows) == Counter(published.rows(*published.QUADRATIC))
        assert len(table.rows) == 72
        assert table.distinct == 36
        assert len(table.hits) == 2
        assert {hit.factors for hit in table.hits} == {tuple(published.FACTORS)}

    @pytest.mark.claim("quad-2")
    def test_method_table_gives_the_documents_factors(self):
        assert published.factor(*published.QUADRATIC) in (published.FACTORS, tuple(published.FACTORS[::-1]))
        assert list(factor(*published.QUADRATIC).factors) == published.FACTORS
        assert str(factor(*published.QUADRATIC)) == "(49x - 22)(x - 6)"

    @pytest.mark.claim("quad-2")
    @given(quadratic=tabulated)
    def test_method_table_finds_every_factorisation(self, quadratic):
        hits = method_table(*quadratic, every_sign=True).hits

        assert bool(hits) is not factor(*quadratic).irreducible
        assert all(expand(*hit[:4]) == quadratic for hit in hits)


class TestTheSignRule:
    """A positive product and a negative sum: both numbers are negative. The method lists positive rows all the same."""

    @pytest.mark.claim("quad-8", shows="published", fails_with=r"^AssertionError: assert \(0, 36\) == \(36, 72\)")
    def test_published_table_has_pointless_rows(self, rows):
        table = [Row(*row) for row in rows(*published.QUADRATIC)]
        positive = [row for row in table if row.r > 0 and row.s > 0]

        assert (len(positive), len(table)) == (36, 72)
        # Not one of them can be the sum that is asked for, which is negative.
        assert all(row.total > 0 for row in positive)

    @pytest.mark.claim("quad-8", shows="corrected", fails_with="^AssertionError: assert 72 == 36")
    def test_sign_rule_halves_the_documents_table(self, rows, evidence):
        table = [Row(*row) for row in rows(*published.QUADRATIC)]

        assert len(table) == 36
        assert all(row.r < 0 and row.s < 0 for row in table)
        assert {row.factors for row in table if row.total == -316} == {tuple(published.FACTORS)}

        evidence.json(
            f"Rows for {as_text(published.QUADRATIC)}",
            {"published": len(list(published.rows(*published.QUADRATIC))), "with the sign rule": len(table)},
        )

    @pytest.mark.claim("quad-8", shows="corrected", fails_with=r"^AssertionError: assert \(2 \* \d+\) <= \d+")
    def test_sign_rule_loses_no_factorisation(self, rows):
        @given(quadratic=tabulated)
        def holds(quadratic):
            table = [Row(*row) for row in rows(*quadratic)]
            everything = [Row(*row) for row in published.rows(*quadratic)]

            assert 2 * len(table) <= len(everything)
            # The sum's sign is that of b, whenever b has one.
            assert all(row.total * quadratic[1] >= 0 for row in table)
            assert found(table, quadratic) == found(everything, quadratic)

        holds()

    @pytest.mark.claim("quad-8", shows="corrected", fails_with=r"^AssertionError: assert \[\(1, 1, 1, 4,.* == \[\]")
    def test_sum_zero_and_product_positive_has_no_row(self, rows):
        """No two integers have the signs that x^2 + 4 asks for."""
        assert list(rows(1, 0, 4)) == []


def found(table, quadratic):
    """Return the factorisations among the rows."""
    return {row.factors for row in table if row.total == quadratic[1]}


class TestAConstantOfZero:
    """Every number divides it."""

    @pytest.mark.claim("quad-8", shows="published", fails_with="^AssertionError: assert 1 == 10000")
    def test_published_pairs_of_zero_never_end(self, rows):
        assert list(islice(published.factor_pairs(0), 10_000)) == [(number, 0) for number in range(1, 10_001)]
        assert len(list(islice(rows(3, 2, 0), 10_000))) == 10_000

    @pytest.mark.claim(
        "quad-8", shows="corrected", fails_with=r"^AssertionError: assert \[\(1, 3, .*\] == \[\(3, 1, 2, 0, 2\)\]"
    )
    def test_constant_of_zero_is_solved_without_a_search(self, rows):
        table = list(islice(rows(3, 2, 0), 10_000))

        assert table == [(3, 1, 2, 0, 2)]
        assert str(factor(3, 2, 0)) == "x(3x + 2)"

    @pytest.mark.claim("quad-8", shows="corrected", fails_with=r"^AssertionError: assert not \[")
    def test_constant_of_zero_is_solved_for_all_quadratics(self, rows):
        @given(a=st.integers(min_value=1), b=integers)
        def holds(a, b):
            (p, q, r, s, total), *more = islice(rows(a, b, 0), 10)

            assert not more
            assert expand(p, q, r, s) == (a, b, 0)
            assert total == b

        holds()


class TestTheRoots:
    """The values of x at which one of the factors is zero."""

    @pytest.mark.claim("quad-6")
    def test_roots_of_the_documents_quadratic(self):
        roots = factor(*published.QUADRATIC).roots

        assert roots == (Fraction(22, 49), 6)
        assert [evaluated(published.QUADRATIC, root) for root in roots] == [0, 0]

    @pytest.mark.claim("quad-6")
    @given(quadratic=products_of_linear())
    def test_roots_follow_from_the_factors(self, quadratic):
        found = factor(*quadratic)

        assert len(found.roots) == 2
        assert all(evaluated(quadratic, root) == 0 for root in found.roots)
        for (leading, constant), root in zip(found.factors, found.roots, strict=True):
            assert leading * root + constant == 0
