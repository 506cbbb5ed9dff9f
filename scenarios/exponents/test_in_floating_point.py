"""What the two orders cost a float: how far each is off, and which of them leaves the range."""

import itertools
import math
import operator
import sys
from statistics import median

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from reference.exponents import (
    RATIONAL_POWER_ULPS,
    Order,
    OutOfRange,
    error_bound,
    in_order,
    power_of_root,
    rational_power,
    root_of_power,
    safer_order,
)
from reference.exponents.accuracy import error_in_ulps
from scenarios.exponents import published
from scenarios.exponents.conftest import bases
from scenarios.exponents.strategies import any_floats, floats_in_range

orders = st.sampled_from(Order)


class TestTheBound:
    """Both orders are ``base ** (power / root)`` but for an error that power, root and ln(base) bound."""

    @pytest.mark.claim("exp-1")
    @given(order=orders, arguments=floats_in_range() | any_floats())
    @example(Order.ROOT_FIRST, (11.0, 300, 7))
    @example(Order.POWER_FIRST, (11.0, 300, 7))
    @example(Order.POWER_FIRST, (1e-200, 2, 2))
    @example(Order.ROOT_FIRST, (math.ulp(0.0), 2**53, 2**53))
    def test_error_bound_holds_while_in_range(self, order, arguments):
        base, power, root = arguments
        try:
            value = in_order(order, base, power, root)
        except OutOfRange:
            # Refusing is correct only if the result, or the power in between, leaves the range of a float.
            assert left_the_range(order, base, power, root)
        else:
            assert error_in_ulps(value, base, power, root) <= error_bound(order, base, power, root)

    @pytest.mark.claim("exp-1")
    @given(arguments=floats_in_range())
    def test_error_bound_covers_the_difference_of_orders(self, arguments):
        base, power, root = arguments
        try:
            root_first, power_first = power_of_root(*arguments), root_of_power(*arguments)
        except OutOfRange:
            assert left_the_range(Order.POWER_FIRST, base, power, root)
            return
        difference = abs(root_first - power_first) / math.ulp(min(root_first, power_first))
        # Twice: the ulp of the true value may be twice that of the smaller of the two.
        assert difference <= 2 * sum(error_bound(order, base, power, root) for order in Order)

    @pytest.mark.claim("exp-1")
    @pytest.mark.parametrize("order", Order, ids=lambda order: order.value)
    @pytest.mark.parametrize(("power", "root"), [(2, 3), (20, 3), (300, 7), (-5, 3)])
    def test_error_bound_is_reached_within_a_factor(self, order, power, root, measurements):
        """Some base comes within a factor of two of it."""
        attained = max(
            each.ulps / error_bound(order, each.base, power, root)
            for each in measurements
            if (each.way, each.power, each.root) == (order.value, power, root) and each.ulps is not None
        )

        assert 0.5 < attained <= 1

    @pytest.mark.claim("exp-1")
    def test_error_bound_grows_with_the_power(self, evidence):
        """The error is measured for bases from 1/100 to 100; 11 is the first integer whose 300th power overflows."""
        worst = {
            (power, root): {order: worst_error(order, power, root) for order in Order}
            for power, root in ((2, 3), (20, 3), (300, 7))
        }

        small, medium, large = (found[Order.ROOT_FIRST] for found in worst.values())
        assert 1 < small < 10 < medium < 100 < large
        assert all(found[Order.POWER_FIRST] < found[Order.ROOT_FIRST] for found in worst.values())
        with pytest.raises(OverflowError):
            published.root_of_power(11.0, 300, 7)
        assert math.isfinite(published.power_of_root(11.0, 300, 7))

        evidence.table(
            "Largest error in ulps for bases from 1/100 to 100 (power first only where it does not overflow)",
            [
                {"power/root": f"{power}/{root}", **{order.value: f"{ulps:.1f}" for order, ulps in found.items()}}
                for (power, root), found in worst.items()
            ],
        )

    @pytest.mark.claim("exp-1")
    @pytest.mark.parametrize("constant", [1, 10, 100, 1000, 10_000])
    def test_no_constant_number_of_ulps_bounds_the_error(self, constant):
        """Whatever number of ulps is named, a root and a power of some number close to 1 exceed it."""
        power = 8 * constant

        assert any(
            error_in_ulps(power_of_root(base, power, 3), base, power, 3) > constant
            for base in (1 + step / 1000 / constant for step in range(1, 50))
        )


def left_the_range(order, base, power, root):
    """Return whether the result is too large, or for power first the power in between too large or too small."""
    return too_large(base, power, root, error_bound(order, base, power, root)) or (
        order is Order.POWER_FIRST and (too_large(base, power, 1, 2) or power * math.log2(base) < -1022 + 1e-9)
    )


def too_large(base, power, root, ulps):
    """Return whether ``base ** (power / root)``, off by so many ulps, may be too large for a float."""
    return power / root * math.log2(base) + math.log2(1 + ulps * sys.float_info.epsilon) > 1024 - 1e-9


def worst_error(order, power, root):
    """Return the largest error of an order in ulps, over the bases from 1/100 to 100 that do not leave the range."""
    errors = []
    for base in bases(math.log2(100), 400):
        try:
            errors.append(error_in_ulps(in_order(order, base, power, root), base, power, root))
        except OutOfRange:
            assert order is Order.POWER_FIRST
    return max(errors)


class TestWhichOrderIsTheMoreAccurate:
    @pytest.mark.claim("exp-4")
    def test_power_first_is_more_accurate_while_in_range(self, measurements, evidence):
        rows, advantage = [], {}
        for (power, root), found in by_fraction(measurements):
            errors = {way: [each.ulps for each in found if each.way == way] for way in ("root first", "power first")}
            both = [pair for pair in zip(*errors.values(), strict=True) if None not in pair]
            root_first, power_first = zip(*both, strict=True)
            advantage[power, root] = median(map(operator.sub, root_first, power_first))
            assert advantage[power, root] >= 0
            assert max(power_first) <= max(root_first)
            exponent = [each.ulps for each in found if each.way == "one exponent"]
            rows.append(
                {
                    "power/root": f"{power}/{root}",
                    "bases": len(errors["root first"]),
                    "power first out of range": errors["power first"].count(None),
                    "root first out of range": errors["root first"].count(None),
                    "root first, median and largest (ulps)": f"{median(root_first):.1f}, {max(root_first):.1f}",
                    "power first, median and largest (ulps)": f"{median(power_first):.1f}, {max(power_first):.1f}",
                    "one exponent, median and largest (ulps)": f"{median(exponent):.2f}, {max(exponent):.2f}",
                }
            )
        # It grows with the power, by which root first multiplies the root's error.
        assert 1 < advantage[20, 3] < advantage[300, 7] < advantage[1000, 3]
        evidence.table("Accuracy and range of both orders, on the bases that both can take", rows)
        evidence.figure("Error of both orders against the base's logarithm", drawn(measurements))

    @pytest.mark.claim("exp-4")
    def test_sampled_rational_power_is_within_3_ulps(self, measurements):
        """One exponent, the quotient of power and root, whose rounding error is corrected."""
        errors = [each.ulps for each in measurements if each.way == "one exponent"]

        assert None not in errors
        assert max(errors) <= RATIONAL_POWER_ULPS

    @pytest.mark.claim("exp-4")
    @given(arguments=floats_in_range() | any_floats())
    def test_any_rational_power_is_within_3_ulps(self, arguments):
        base, power, root = arguments
        try:
            value = rational_power(base, power, root)
        except OutOfRange:
            assert too_large(base, power, root, RATIONAL_POWER_ULPS)
        else:
            assert error_in_ulps(value, base, power, root) <= RATIONAL_POWER_ULPS

    @pytest.mark.claim("exp-4")
    @pytest.mark.parametrize(
        ("base", "power", "root"), [(9.948338874964121e137, 860, 385), (2.0734839320446688e194, 1883, 1187)]
    )
    def test_rational_power_refuses_a_corrected_overflow(self, base, power, root):
        """The one ``pow`` is still a float; the true value is beyond the largest one."""
        assert math.isfinite(math.pow(base, power / root))
        with pytest.raises(OutOfRange, match=rf"\^\({power}/{root}\) is too large for a float"):
            rational_power(base, power, root)
        assert error_in_ulps(sys.float_info.max, base, power, root) == math.inf


class TestTheEndOfTheRange:
    """``pow`` may be an ulp off, so near the largest float it decides nothing."""

    @pytest.mark.claim("exp-4")
    @pytest.mark.parametrize("way", [power_of_root, rational_power])
    @pytest.mark.parametrize("exponent", [2, 3, 26, 385, 1883, 2**53])
    def test_root_and_power_of_the_largest_float_return_it(self, way, exponent):
        assert way(sys.float_info.max, exponent, exponent) == sys.float_info.max

    @pytest.mark.claim("exp-4")
    @pytest.mark.parametrize("way", [power_of_root, rational_power])
    @pytest.mark.parametrize(("power", "root"), [(1024, 1), (2048, 2), (3072, 3), (1024 * 2**42, 2**42)])
    def test_two_to_the_1024th_is_out_of_range(self, way, power, root):
        with pytest.raises(OutOfRange, match="too large for a float"):
            way(2, power, root)

    @pytest.mark.claim("exp-4")
    @pytest.mark.parametrize("way", [power_of_root, root_of_power, rational_power])
    @pytest.mark.parametrize("power", [-1021, -1022, -1023, -1050, -1074, -1075, -1076, -5000])
    def test_small_power_is_the_nearest_float_in_any_order(self, way, power):
        """Down to the smallest float, 2^-1074; what rounds to zero is zero."""
        assert way(2, power, 1) == math.ldexp(1.0, power)
        assert way(-2, power, 1) == math.ldexp(-1.0 if power % 2 else 1.0, power)

    @pytest.mark.claim("exp-4")
    @given(root=st.integers(1, 2000), power=st.integers(1, 2000), ulps=st.integers(-4, 4))
    @example(root=26, power=26, ulps=0)
    def test_value_is_returned_wherever_a_float_holds_it(self, root, power, ulps):
        """Bases around the one whose power is the largest float."""
        base = sys.float_info.max ** min(root / power, 1)
        base = min(base + ulps * math.ulp(base), sys.float_info.max)
        nearest_is_a_float = error_in_ulps(1.0, base, power, root) != math.inf
        for order in (power_of_root, rational_power):
            if nearest_is_a_float:
                assert math.isfinite(order(base, power, root))
            else:
                with pytest.raises(OutOfRange, match="too large for a float"):
                    order(base, power, root)


class TestWhichOrderIsTheSaferFromOverflow:
    @pytest.mark.claim("exp-4")
    @given(arguments=floats_in_range())
    def test_root_first_never_overflows_in_between(self, arguments):
        """It yields a value wherever there is one: no base is too large or too small on the way."""
        assert math.isfinite(power_of_root(*arguments))

    @pytest.mark.claim("exp-4")
    @pytest.mark.parametrize("power", [2, 3, 20, 300])
    def test_power_first_overflows_beyond_the_root_of_max(self, power, evidence):
        root = 3
        largest = sys.float_info.max ** (1 / power)

        assert math.isfinite(root_of_power(largest * (1 - 1e-9), power, root))
        with pytest.raises(OutOfRange, match=r"too large for a float$"):
            root_of_power(largest * (1 + 1e-9), power, root)
        assert math.isfinite(power_of_root(largest * (1 + 1e-9), power, root))
        assert safer_order(largest * (1 - 1e-9), power, root) is Order.POWER_FIRST
        assert safer_order(largest * (1 + 1e-9), power, root) is Order.ROOT_FIRST

        evidence.json(
            "The largest base that each order can take",
            {
                "power": power,
                "root": root,
                "power first": largest,
                "root first": sys.float_info.max ** min(1, root / power),
            },
        )

    @pytest.mark.claim("exp-4")
    def test_power_first_refuses_silent_underflow(self):
        """The square of 1e-200 is zero to a float, and so is the root of that."""
        assert published.root_of_power(1e-200, 2, 2) == 0
        with pytest.raises(OutOfRange, match="too small for a float: take the root first"):
            root_of_power(1e-200, 2, 2)
        assert power_of_root(1e-200, 2, 2) == rational_power(1e-200, 2, 2) == 1e-200

    @pytest.mark.claim("exp-4")
    @given(arguments=floats_in_range())
    def test_safer_order_depends_on_the_range(self, arguments):
        """Power first for its accuracy, root first where the power in between would leave the range."""
        order = safer_order(*arguments)

        assert math.isfinite(in_order(order, *arguments))
        if order is Order.ROOT_FIRST:
            assert left_the_range(Order.POWER_FIRST, *arguments)


def by_fraction(measurements):
    """Return the measurements grouped by power and root."""
    return [
        (fraction, list(found))
        for fraction, found in itertools.groupby(measurements, lambda each: (each.power, each.root))
    ]


def drawn(measurements):
    """Draw the error against the base's logarithm, in a panel for each power and root."""
    groups = by_fraction(measurements)
    figure = Figure(figsize=(12, 7), layout="constrained")
    for axes, ((power, root), found) in zip(figure.subplots(2, 3).flat, groups, strict=True):
        for way, mark in (("root first", "o"), ("power first", "x"), ("one exponent", ".")):
            points = [(math.log(each.base), each.ulps) for each in found if each.way == way and each.ulps is not None]
            axes.plot(*zip(*points, strict=True), mark, markersize=4, label=way)
        axes.set_yscale("symlog", linthresh=1)
        axes.set(title=f"power/root = {power}/{root}", xlabel="ln(base)", ylabel="error (ulps)")
    figure.axes[0].legend()
    return figure
