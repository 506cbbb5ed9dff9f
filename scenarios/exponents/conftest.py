"""Fixtures of the scenario: the published and the corrected functions, and a table of measurements."""

import math
from dataclasses import dataclass

import pytest

from reference import exponents
from reference.exponents import OutOfRange, exact
from reference.exponents.accuracy import error_in_ulps
from scenarios.exponents import published


@pytest.fixture
def exactly(way):
    """Both orders on exact numbers."""
    return {"published": published, "corrected": exact}[way]


@pytest.fixture
def in_floats(way):
    """Both orders in floating point."""
    return {"published": published, "corrected": exponents}[way]


WAYS = {
    "root first": exponents.power_of_root,
    "power first": exponents.root_of_power,
    "one exponent": exponents.rational_power,
}


@dataclass(frozen=True)
class Measurement:
    """The error of one way for one base, power and root; ``ulps`` is None where the way left the range."""

    power: int
    root: int
    base: float
    way: str
    ulps: float | None


@pytest.fixture(scope="session")
def measurements():
    """Each way against mpmath on 160 bases for each power and root, spread over all that have a finite result."""
    return [
        Measurement(power, root, base, name, measured(way, base, power, root))
        for power, root in ((2, 3), (20, 3), (300, 7), (-5, 3), (3, 10), (1000, 3))
        for base in bases(min(1020, 1020 * root / abs(power)), 160)
        for name, way in WAYS.items()
    ]


def bases(reach, count):
    """``count`` bases evenly spread on a logarithmic scale over 2 ** ±reach, none of them a power of two."""
    return [2.0 ** (reach * (2 * (index + 1 / math.pi) / count - 1)) for index in range(count)]


def measured(way, base, power, root):
    """Return the error of ``way`` in ulps, None out of range."""
    try:
        return error_in_ulps(way(base, power, root), base, power, root)
    except OutOfRange:
        return None
