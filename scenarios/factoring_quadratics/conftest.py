"""The method in two ways."""

import pytest

from reference.factoring_quadratics import method_table
from scenarios.factoring_quadratics import published


@pytest.fixture
def rows(way):
    """The rows of the method's table for a quadratic."""
    return {"published": published.rows, "corrected": lambda a, b, c: method_table(a, b, c).rows}[way]
