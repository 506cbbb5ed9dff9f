"""Bases, powers and roots for hypothesis: of one cell of the truth table, or for floating point."""

import math

from hypothesis import strategies as st

from reference.exponents import Sign

roots = st.integers(1, 12)
positive_fractions = st.fractions(min_value=0, max_value=1000, max_denominator=1000).filter(bool)

BASES = {
    Sign.NEGATIVE: positive_fractions.map(lambda size: -size),
    Sign.ZERO: st.just(0),
    Sign.POSITIVE: positive_fractions,
}


@st.composite
def integers_that_are(draw, sign, parity):
    """Integers of a sign and a parity, up to 20 away from zero."""
    if sign is Sign.ZERO:
        return 0
    return sign.value * (2 * draw(st.integers(1, 10)) - parity.value)


def one_of(cell):
    """A base, a power and a root that belong to ``cell``."""
    return st.tuples(
        BASES[cell.base],
        integers_that_are(cell.power, cell.power_parity),
        integers_that_are(Sign.POSITIVE, cell.root_parity),
    )


@st.composite
def floats_in_range(draw):
    """A base, a power and a root whose result is a float, with the base anywhere in the range that allows.

    In half of the cases the power in between is a float as well.
    """
    power = draw(st.integers(-300, 300))
    root = draw(st.integers(1, 100))
    reach = 1000 * draw(st.sampled_from([1, root])) / max(1, abs(power))
    # Not st.floats, which prefers round numbers: powers of two have no error to speak of.
    share = draw(st.integers(-(10**9), 10**9)) / 10**9
    return 2.0 ** (share * min(1000.0, reach)), power, root


def any_floats():
    """Any positive base, subnormal ones too, any power and root: mostly out of range."""
    bases = st.floats(min_value=math.ulp(0.0), allow_infinity=False, allow_subnormal=True)
    return st.tuples(bases, st.integers(-(2**53), 2**53), st.integers(1, 2**53))
