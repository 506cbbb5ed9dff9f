"""Measure how far two scorings of the same nations agree on their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import bootstrap, rankdata

from reference.peace_score.errors import PeaceScoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Scores = Mapping[str, float]


class ComparisonError(PeaceScoreError):
    """Two scorings that have too little in common to be compared."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Spearman's rank correlation of two scorings of the same nations, with its bootstrap interval.

    Attributes:
        nations: number of nations that both score.
        correlation: 1 where both rank alike, 0 where one says nothing about the other, -1 where one reverses
            the other.
        low: lower end of the interval.
        high: upper end of the interval.
        confidence: the interval's confidence level.
    """

    nations: int
    correlation: float
    low: float
    high: float
    confidence: float


def agreement(
    ours: Scores, theirs: Scores, *, resamples: int = 9999, confidence: float = 0.95, seed: int = 0
) -> Agreement:
    """Return how far two scorings agree on the order of the nations that both have.

    Both must rise with peace: turn the sign of an index that falls with it, as the Global Peace Index does (1
    is most peaceful).

    Args:
        ours: scores by nation.
        theirs: scores by nation.
        resamples: number of bootstrap samples of the nations, drawn with replacement.
        confidence: level of the percentile interval, between 0 and 1.
        seed: seed of the draws, which makes the interval reproducible.

    Returns:
        The correlation and its interval.

    Raises:
        ComparisonError: fewer than three nations in common, or a score that is the same for all of them.
    """
    nations = sorted(ours.keys() & theirs.keys())
    if len(nations) < 3:
        raise ComparisonError(f"a rank correlation takes at least three nations in common, not {len(nations)}")
    x = np.array([ours[nation] for nation in nations])
    y = np.array([theirs[nation] for nation in nations])
    if len(set(x)) == 1 or len(set(y)) == 1:
        raise ComparisonError("a score that is the same for all nations gives no ranks to compare")
    interval = bootstrap(
        (x, y),
        _spearman,
        paired=True,
        vectorized=True,
        n_resamples=resamples,
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Agreement(len(nations), float(_spearman(x, y)), float(interval.low), float(interval.high), confidence)


def _spearman(x: NDArray[np.float64], y: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
    """Pearson's correlation of the ranks, for many samples at once (scipy's own takes them one by one)."""
    a, b = (rankdata(sample, axis=axis) for sample in (x, y))
    a -= a.mean(axis=axis, keepdims=True)
    b -= b.mean(axis=axis, keepdims=True)
    spread = np.sqrt((a**2).sum(axis=axis) * (b**2).sum(axis=axis))
    # a sample of few nations may contain one nation only, whose ranks say nothing: 0
    return np.asarray((a * b).sum(axis=axis) / np.where(spread > 0, spread, np.inf))
