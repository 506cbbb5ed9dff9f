"""How peaceful the world is, as one number between 0 and 1: the score of "Peace, Somewhat Precisely", made precise.

The essay proposes: what two nations do to each other gives the peace f between them; nations are the nodes of
a graph, weighted by f; what happens inside a nation gives its serenity s; f and s together give each nation a
score, and the nations' scores the world's, for example by their median. It leaves f, s and the combination
open. Here they have a form, each choice is a parameter with a stated default, and the axioms they keep are
tested:

- bounded by 0 and 1, and symmetric;
- never rising by a hostile interaction nor falling by a friendly one (an average over a nation's neighbours
  would: a further ally that is less close than the others lowers it);
- the same whatever the nations are called;
- defined for a nation without interactions, whose coming changes no other's score.

What is corrected: the median does not move when the worse half of the nations grows worse, yet it is called
the peace of the world as a whole. The mean is the default here, and ``reference.peace_score.aggregates`` has
others. Interactions that have a direction are refused until ``reference.peace_score.directed.symmetrized`` has
joined the two by a stated rule.

Examples:
    A year of four nations: two allies, one of them in a war that also rages inside it, and an island.

    >>> from reference.peace_score import Alliance, Dispute, median, nation_peace, peace_graph, world_peace
    >>> G = peace_graph(
    ...     ["Ally", "Attacked", "Attacker", "Island"],
    ...     disputes={("Attacked", "Attacker"): [Dispute(hostility=5)]},
    ...     alliances={("Ally", "Attacked"): [Alliance(defence=True)]},
    ...     conflicts={"Attacked": [2]},
    ... )
    >>> G["Attacked"]["Attacker"]["weight"], G["Attacked"]["Ally"]["weight"]
    (0.0, 1.0)
    >>> {nation: round(peace, 2) for nation, peace in nation_peace(G).items()}
    {'Ally': 0.77, 'Attacked': 0.13, 'Attacker': 0.62, 'Island': 0.75}
    >>> round(world_peace(G), 2), round(world_peace(G, aggregate=median), 2)
    (0.57, 0.69)

On the command line, ``peace-score world``, ``peace-score ranking`` and ``peace-score compare`` score real
interactions from a directory of CSV files; see ``reference.peace_score.data``. ``peace-score graph`` scores a graph of
your own; see ``reference.peace_score.graphs``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from .aggregates import AGGREGATES, COMBINATIONS, mean, median, standing
    from .agreement import Agreement, ComparisonError
    from .data import DataError, History, read_history
    from .directed import symmetrized
    from .errors import PeaceScoreError
    from .graphs import read_graph
    from .interactions import (
        NEUTRAL,
        Alliance,
        Dispute,
        Measure,
        MeasureError,
        peace_between,
        peace_graph,
        serenity,
    )
    from .models import VARIATIONS, Model, averaged, scores_by_year
    from .score import WeightError, nation_peace, outside_peace, ranking, world_peace

# Module by exported name: imported at first use, so that the command can report a missing library in one sentence.
_MODULES = {
    name: module
    for module, names in {
        "aggregates": ("AGGREGATES", "COMBINATIONS", "mean", "median", "standing"),
        "agreement": ("Agreement", "ComparisonError"),
        "data": ("DataError", "History", "read_history"),
        "directed": ("symmetrized",),
        "errors": ("PeaceScoreError",),
        "graphs": ("read_graph",),
        "interactions": (
            "NEUTRAL",
            "Alliance",
            "Dispute",
            "Measure",
            "MeasureError",
            "peace_between",
            "peace_graph",
            "serenity",
        ),
        "models": ("VARIATIONS", "Model", "averaged", "scores_by_year"),
        "score": ("WeightError", "nation_peace", "outside_peace", "ranking", "world_peace"),
    }.items()
    for name in names
}

__all__ = [
    "AGGREGATES",
    "COMBINATIONS",
    "NEUTRAL",
    "VARIATIONS",
    "Agreement",
    "Alliance",
    "ComparisonError",
    "DataError",
    "Dispute",
    "History",
    "Measure",
    "MeasureError",
    "Model",
    "PeaceScoreError",
    "WeightError",
    "averaged",
    "mean",
    "median",
    "nation_peace",
    "outside_peace",
    "peace_between",
    "peace_graph",
    "ranking",
    "read_graph",
    "read_history",
    "scores_by_year",
    "serenity",
    "standing",
    "symmetrized",
    "world_peace",
]


__getattr__ = import_at_first_use(__name__, _MODULES)
