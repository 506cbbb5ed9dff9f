"""Ways to make one number of many: the neighbours' peace, the two parts of a nation's, the nations' scores.

All take values in [0, 1], give one there, and do not care about the order of the values.
"""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, Final

from reference.peace_score.interactions import NEUTRAL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Aggregate = Callable[[Sequence[float]], float]
    Combination = Callable[[float, float], float]


def standing(weights: Sequence[float], *, enemies: float = 1.0, friends: float = 10.0) -> float:
    r"""Return a nation's peace with all others, from the weights of its edges; an aggregate of neighbours.

    .. math::

        o = \left(1 - \frac{1}{2} 2^{-g / \text{friends}}\right) 2^{-l / \text{enemies}}, \quad
        g = \sum_w \max(0, 2w - 1), \quad l = \sum_w \max(0, 1 - 2w)

    g counts the gain over ``NEUTRAL`` in perfect friends, l the loss in wars. An average over the neighbours
    would do worse: a further ally that is a little less close than the others would lower it. Here a weight
    of ``NEUTRAL`` counts as no edge does, so that nothing depends on nations which a nation has nothing to do
    with.

    Args:
        weights: the edges' weights, each in [0, 1]; none gives ``NEUTRAL``.
        enemies: how many wars halve a nation's peace. One: a single war is the gravest thing that can happen
            to it.
        friends: how many perfect friends halve its distance to peace. Ten: treaties come by the dozen, since
            one charter of a region makes them all; wars come singly.

    Returns:
        A value in [0, 1], never falling when a weight rises.

    Raises:
        ValueError: ``enemies`` or ``friends`` is not positive.
    """
    if not (enemies > 0 and friends > 0):
        raise ValueError(f"enemies and friends must be positive, not {enemies} and {friends}")
    # fsum is exact, so that the result does not depend on the order of the nations
    changes = [2 * weight - 1 for weight in weights]
    gain = math.fsum([change for change in changes if change > 0])
    loss = -math.fsum([change for change in changes if change < 0])
    return float((1 - NEUTRAL * 2 ** (-gain / friends)) * 2 ** (-loss / enemies))


def halves(outside: float, within: float) -> float:
    """Peace outside and inside count the same and make up for each other: their mean. A combination."""
    return (outside + within) / 2


def geometric(outside: float, within: float) -> float:
    """Peace outside and inside need each other: their geometric mean, 0 where either is. A combination."""
    return math.sqrt(outside * within)


def mean(values: Sequence[float]) -> float:
    """Every nation counts the same, and each moves it."""
    return math.fsum(values) / len(values)


def median(values: Sequence[float]) -> float:
    """Return the median, as the essay proposes. It does not notice what happens to those below."""
    return statistics.median(values)


def low_decile(values: Sequence[float]) -> float:
    """Return the score that a tenth of the nations do not exceed. It does not notice the worst growing worse."""
    return sorted(values)[math.ceil(len(values) / 10) - 1]


def worst_half(values: Sequence[float]) -> float:
    """Return the mean of the worse half (with the middle, of an odd number). It ignores changes of the better half."""
    return mean(sorted(values)[: math.ceil(len(values) / 2)])


def root_mean(values: Sequence[float]) -> float:
    """Return the power mean of exponent 1/2: a loss weighs more where little is left, yet a 0 decides nothing."""
    return mean([math.sqrt(value) for value in values]) ** 2


def rank_weighted(values: Sequence[float]) -> float:
    r"""Sen's welfare, the mean times one less the Gini coefficient: the lower the rank, the more it weighs.

    .. math:: W = \sum_i \frac{2 (n - i) + 1}{n^2} x_{(i)}, \quad x_{(1)} \le \dots \le x_{(n)}

    The data has no populations; a weight by rank needs none.

    Source: A. Sen, "Real National Income", Review of Economic Studies 43 (1976).
    """
    n = len(values)
    return math.fsum((2 * (n - i) - 1) * value for i, value in enumerate(sorted(values))) / n**2


AGGREGATES: Final[Mapping[str, Aggregate]] = {
    "mean": mean,
    "median": median,
    "low-decile": low_decile,
    "worst-half": worst_half,
    "root-mean": root_mean,
    "rank-weighted": rank_weighted,
}
"""The ways to make the world's peace of the nations', by name."""

COMBINATIONS: Final[Mapping[str, Combination]] = {"halves": halves, "geometric": geometric, "minimum": min}
"""The ways to make a nation's peace of what is outside and inside, by name."""
