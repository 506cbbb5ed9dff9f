"""A root and a power of one base: the document's argument, its example, and what its last sentence leaves out."""

import cmath
from fractions import Fraction

import pytest
import sympy
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reference.exponents import NoRealValue, Order, OrderMatters, Parity, Sign, error_bound, exact, truth_table
from reference.exponents.accuracy import error_in_ulps
from reference.exponents.comparison import compare
from scenarios.exponents.strategies import one_of, positive_fractions, roots

powers = st.integers(-20, 20)


class TestThePropertiesOfExponents:
    """Both orders of a base above zero are ``base ** (power / root)``."""

    @pytest.mark.claim("exp-1")
    def test_both_orders_are_one_symbolic_expression(self):
        x = sympy.Symbol("x", positive=True)
        p = sympy.Symbol("p", integer=True)
        r = sympy.Symbol("r", integer=True, positive=True)

        assert (x ** (1 / r)) ** p == (x**p) ** (1 / r) == x ** (p / r)

    @pytest.mark.claim("exp-1")
    @given(base=positive_fractions, power=powers, root=roots)
    @example(base=Fraction(8), power=2, root=3)
    @example(base=Fraction(1, 12), power=0, root=1)
    def test_both_orders_are_one_exact_number(self, base, power, root):
        root_first = exact.power_of_root(base, power, root)
        power_first = exact.root_of_power(base, power, root)

        # Positive numbers are equal when their r-th powers are, and those are fractions.
        assert root_first > 0
        assert power_first > 0
        assert root_first**root == power_first**root == as_sympy(base) ** power


@pytest.mark.claim("exp-2")
def test_worked_example_is_equal_in_both_orders(evidence):
    """The figures are ours: those of the document are lost in its text."""
    example = compare(Fraction(8), 2, 3)
    root_first, power_first, _ = example.ways

    assert (root_first.between, root_first.exact) == ("2", "4")
    assert (power_first.between, power_first.exact) == ("64", "4")
    assert [way.value for way in (root_first, power_first)] == pytest.approx([4, 4], rel=1e-15)

    evidence.table(
        f"{example.title}, both orders (our figures; the document's own are lost in its text)",
        [
            {"order": way.name, "in between": way.between, "exact": way.exact, "float": way.value}
            for way in (root_first, power_first)
        ],
    )


class TestAnyOrder:
    """The document's last sentence, for -1, its square and the square root."""

    @pytest.mark.claim("exp-3", shows="published", fails_with="^NoRealValue: no real value: an even root")
    def test_any_order_gives_two_answers_for_minus_one(self, in_floats):
        assert in_floats.power_of_root(-1, 2, 2) == pytest.approx(-1)
        assert in_floats.root_of_power(-1, 2, 2) == 1

    @pytest.mark.claim("exp-3", shows="published", fails_with="^AssertionError: assert False")
    def test_any_order_leaves_the_real_numbers(self, in_floats):
        """A fractional power of a negative number is complex in Python, and not the real root either."""
        cube_root = in_floats.power_of_root(-8, 1, 3)

        assert isinstance(cube_root, complex)
        assert cmath.isclose(cube_root, 1 + 3**0.5 * 1j)
        assert not cmath.isclose(in_floats.power_of_root(-8, 2, 3), in_floats.root_of_power(-8, 2, 3))

    @pytest.mark.claim("exp-3", shows="corrected", fails_with="DID NOT RAISE .*OrderMatters")
    def test_rational_power_refuses_where_order_matters(self, in_floats):
        with pytest.raises(OrderMatters, match="the order matters here: an even root of a negative number is not real"):
            in_floats.rational_power(-1, 2, 2)
        with pytest.raises(NoRealValue, match="an even root of a negative number is not real"):
            in_floats.power_of_root(-1, 2, 2)
        assert in_floats.root_of_power(-1, 2, 2) == 1

    @pytest.mark.claim("exp-3", shows="corrected", fails_with=r"^AssertionError: assert \(1\.0.*j\) == -2")
    def test_functions_take_the_real_root(self, in_floats):
        assert in_floats.power_of_root(-8, 1, 3) == -2
        assert in_floats.power_of_root(-8, 2, 3) == pytest.approx(in_floats.root_of_power(-8, 2, 3)) == 4


#: For each kind of base: the power, the root, whether root first has a value, whether power first has one.
TRUTH = {
    "negative": """
        negative odd    even   no     no
        negative odd    odd    value  value
        negative even   even   no     value
        negative even   odd    value  value
        zero     even   even   no     value
        zero     even   odd    value  value
        positive odd    even   no     no
        positive odd    odd    value  value
        positive even   even   no     value
        positive even   odd    value  value
    """,
    "zero": """
        negative odd    even   no     no
        negative odd    odd    no     no
        negative even   even   no     no
        negative even   odd    no     no
        zero     even   even   value  value
        zero     even   odd    value  value
        positive odd    even   value  value
        positive odd    odd    value  value
        positive even   even   value  value
        positive even   odd    value  value
    """,
    "positive": """
        negative odd    even   value  value
        negative odd    odd    value  value
        negative even   even   value  value
        negative even   odd    value  value
        zero     even   even   value  value
        zero     even   odd    value  value
        positive odd    even   value  value
        positive odd    odd    value  value
        positive even   even   value  value
        positive even   odd    value  value
    """,
}
EXPECTED = {
    (base, power, power_parity, root_parity): {
        Order.ROOT_FIRST: root_first == "value",
        Order.POWER_FIRST: power_first == "value",
    }
    for base, rows in TRUTH.items()
    for power, power_parity, root_parity, root_first, power_first in map(str.split, rows.strip().splitlines())
}


def key(cell):
    """Return the kinds of a cell in the words of the table."""
    return tuple(kind.name.lower() for kind in (cell.base, cell.power, cell.power_parity, cell.root_parity))


def in_order(ways, order):
    """Return the function of ``ways`` that takes this order."""
    return {Order.ROOT_FIRST: ways.power_of_root, Order.POWER_FIRST: ways.root_of_power}[order]


def sign_of_the_result(cell):
    """Return the sign of a cell's result: negative only for an odd power of a negative base, and 1 for a power of 0."""
    if cell.power is Sign.ZERO:
        return Sign.POSITIVE
    return cell.base if cell.power_parity is Parity.ODD else Sign(abs(cell.base.value))


def as_sympy(number):
    """Return a fraction as sympy's rational number."""
    return sympy.Rational(number.numerator, number.denominator)


def in_every_cell(holds):
    """Check ``holds(cell, base, power, root)`` by hypothesis in each of the thirty cells."""
    # Thirty runs of a fifth of the usual number of examples.
    fewer = settings(max_examples=settings.default.max_examples // 5)
    for cell in truth_table():
        fewer(given(st.just(cell), one_of(cell))(lambda cell, case: holds(cell, *case)))()


class TestTheTruthTable:
    """The corrected rule: which order has a value, and whether both agree, by kind of base, power and root."""

    @pytest.mark.claim("exp-3", shows="corrected", fails_with="DID NOT RAISE .*NoRealValue")
    def test_exact_results_agree_with_the_truth_table(self, exactly):
        def holds(cell, base, power, root):
            for order, has_value in EXPECTED[key(cell)].items():
                if has_value:
                    value = in_order(exactly, order)(base, power, root)
                    # The real solution of value ** root == base ** power, with the sign that the cell gives it.
                    assert value**root == as_sympy(base) ** power
                    assert Sign.of(value) is sign_of_the_result(cell)
                else:
                    with pytest.raises(NoRealValue):
                        in_order(exactly, order)(base, power, root)

        in_every_cell(holds)

    @pytest.mark.claim("exp-3", shows="corrected", fails_with="DID NOT RAISE .*NoRealValue")
    def test_floating_results_agree_with_the_truth_table(self, in_floats):
        def holds(cell, base, power, root):
            for order, has_value in EXPECTED[key(cell)].items():
                if has_value:
                    value = in_order(in_floats, order)(base, power, root)
                    assert error_in_ulps(value, float(base), power, root) <= error_bound(order, base, power, root)
                else:
                    with pytest.raises(NoRealValue):
                        in_order(in_floats, order)(base, power, root)

        in_every_cell(holds)

    @pytest.mark.claim("exp-3", shows="corrected", fails_with="DID NOT RAISE .*OrderMatters")
    def test_truth_table_is_complete(self, exactly, evidence):
        assert sorted(map(key, truth_table())) == sorted(EXPECTED)
        assert len(EXPECTED) == 3 * 5 * 2

        def holds(cell, base, power, root):
            match tuple(EXPECTED[key(cell)].values()):
                case (True, True):
                    either = exactly.rational_power(base, power, root)
                    assert either**root == as_sympy(base) ** power
                case (False, True):
                    with pytest.raises(OrderMatters):
                        exactly.rational_power(base, power, root)
                case (False, False):
                    with pytest.raises(NoRealValue):
                        exactly.rational_power(base, power, root)

        in_every_cell(holds)
        evidence.table(
            "The truth table of the two orders, over the real numbers",
            [
                dict(zip(("base", "power", "parity of the power", "parity of the root"), key(cell), strict=True))
                | {order.value: "value" if cell.has_value(order) else "none" for order in Order}
                | {"any order": cell.outcome.value}
                for cell in truth_table()
            ],
        )
