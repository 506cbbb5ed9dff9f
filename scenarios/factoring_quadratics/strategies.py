"""Quadratics for hypothesis, as coefficients a, b, c: factorable by construction, just not, or any."""

from hypothesis import strategies as st

from reference.factoring_quadratics import expand

integers = st.integers()
nonzero = integers.filter(bool)


def products_of_linear(number=integers, leading=nonzero):
    """``(px + r)(qx + s)``, multiplied out."""
    return st.builds(expand, leading, leading, number, number)


def near_misses(number=integers, leading=nonzero):
    """A product whose constant is off by one."""
    return st.builds(
        lambda product, step: (*product[:2], product[2] + step),
        products_of_linear(number, leading),
        st.sampled_from((-1, 1)),
    )


def any_quadratic(number=integers, leading=nonzero):
    """Any three integers with the first not zero."""
    return st.tuples(leading, number, number)


def quadratics(number=integers, leading=nonzero):
    """Quadratics of all these kinds."""
    return st.one_of(each(number, leading) for each in (products_of_linear, near_misses, any_quadratic))


#: Numbers whose pairs of factors fit a table.
small = st.integers(-30, 30)
small_positive = st.integers(1, 30)
#: Quadratics that the table can be made for as the document does: a is positive, c is not zero.
tabulated = quadratics(small, small_positive).filter(lambda quadratic: quadratic[2])
