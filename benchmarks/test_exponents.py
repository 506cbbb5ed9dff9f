"""The cost of an error within three ulps, against one plain pow and against arbitrary precision."""

import math
import random

import mpmath

from benchmarks.conftest import versions
from reference.exponents import RATIONAL_POWER_ULPS, rational_power
from reference.exponents.accuracy import error_in_ulps

CHANCE = random.Random(0)
CASES = [(CHANCE.uniform(0.01, 100), CHANCE.randint(1, 40), CHANCE.randint(1, 40)) for _ in range(1_000)]


def ours():
    return [rational_power(base, power, root) for base, power, root in CASES]


def test_results_are_within_three_ulps():
    """The comparisons below are of other results, which are off by more: they see ten digits."""
    worst = max(error_in_ulps(found, *case) for found, case in zip(ours(), CASES, strict=True))
    assert worst <= RATIONAL_POWER_ULPS


def test_against_a_plain_pow(versus):
    versus(
        ours,
        lambda: [math.pow(base, power / root) for base, power, root in CASES],
        checksum=lambda results: [f"{result:.10e}" for result in results],
    )


def test_against_arbitrary_precision(versus):
    with mpmath.workdps(30):
        versus(
            ours,
            lambda: [float(mpmath.power(base, mpmath.mpf(power) / root)) for base, power, root in CASES],
            checksum=lambda results: [f"{result:.10e}" for result in results],
            facts={"versions": versions("mpmath")},
        )
