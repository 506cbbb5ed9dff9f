"""The whole score as one model, its variations, and its values over the years."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from reference.peace_score.aggregates import geometric, halves, mean, standing
from reference.peace_score.interactions import DEFAULT, Measure
from reference.peace_score.score import nation_peace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reference.peace_score.aggregates import Aggregate, Combination
    from reference.peace_score.data import History


@dataclass(frozen=True, slots=True)
class Model:
    """The choices that lead from interactions to the nations' scores.

    Attributes:
        measure: what counts as an interaction, and how much.
        combine: makes one value of the peace outside and inside.
        neighbours: makes one value of the peace with each neighbour.
    """

    measure: Measure = DEFAULT
    combine: Combination = halves
    neighbours: Aggregate = standing

    def nations(self, history: History, year: int) -> dict[str, float]:
        """Return the nations' scores in a year.

        Raises:
            DataError: a year that the interactions do not cover.
        """
        graph = history.graph(year, self.measure)
        return nation_peace(graph, combine=self.combine, aggregate=self.neighbours)


def scores_by_year(history: History, years: Iterable[int], model: Model | None = None) -> dict[int, dict[str, float]]:
    """Return the nations' scores, year by year.

    Raises:
        DataError: a year that the interactions do not cover.
    """
    model = model or Model()
    return {year: model.nations(history, year) for year in years}


def averaged(by_year: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Return each nation's mean over the years in which it has a score.

    A nation's years resemble each other. For a comparison they are one observation, not seven.
    """
    years = list(by_year)
    nations = dict.fromkeys(nation for scores in years for nation in scores)
    return {nation: mean([scores[nation] for scores in years if nation in scores]) for nation in nations}


def _outside(outside: float, within: float) -> float:  # noqa: ARG001 - a combination takes both
    return outside


def _within(outside: float, within: float) -> float:  # noqa: ARG001 - a combination takes both
    return within


VARIATIONS: Final[Mapping[str, Model]] = {
    "as stated": Model(),
    "unknown deaths as 26 to 100": Model(Measure(unknown_fatality=2)),
    "deaths not counted": Model(Measure(fatality=(0.0,) * 7)),
    "disputes from use of force": Model(Measure(dispute_from=4)),
    "wars alone are disputes": Model(Measure(dispute_from=5)),
    "defence pacts alone are alliances": Model(Measure(neutrality=0, nonaggression=0, consultation=0)),
    "alliances not counted": Model(Measure(defence=0, neutrality=0, nonaggression=0, consultation=0)),
    "three enemies halve": Model(neighbours=partial(standing, enemies=3)),
    "thirty friends halve": Model(neighbours=partial(standing, friends=30)),
    "geometric mean": Model(combine=geometric),
    "the lesser": Model(combine=min),
    "outside alone": Model(combine=_outside),
    "inside alone": Model(combine=_within),
}
"""Models that differ from the default in one choice, to see how much a result depends on it."""
