"""Directed interactions: what one nation does to another need not be what the other does to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx
from networkx.utils import not_implemented_for

from reference.peace_score.interactions import NEUTRAL
from reference.peace_score.score import WeightError, share

if TYPE_CHECKING:
    from collections.abc import Callable

    from reference.peace_score.interactions import Nation


@not_implemented_for("undirected")
@not_implemented_for("multigraph")
def symmetrized(
    G: nx.DiGraph[Nation],  # noqa: N803 - as networkx names it
    *,
    weight: str = "weight",
    rule: Callable[[float, float], float] = min,
    missing: float = NEUTRAL,
) -> nx.Graph[Nation]:
    r"""Return the undirected graph of a directed one, by a stated rule.

    .. math:: f_{uv} = f_{vu} = \text{rule}(w_{uv}, w_{vu})

    ``G.to_undirected()`` has no rule: of two directions it keeps the one it meets last and drops the other
    silently.

    Args:
        G: a directed graph; an edge says how peaceful the one nation is towards the other.
        weight: the edges' attribute, in [0, 1].
        rule: makes one value of the two directions'. It must be symmetric. The default is the lesser: peace
            takes two, war one.
        missing: what a direction without an edge counts. ``NEUTRAL``, as no interaction always does; were it
            left out, a friendly answer to a friendlier act could lower the peace between two nations.

    Returns:
        A graph with the same nodes and their attributes, and an edge where there was one in either direction.

    Raises:
        NetworkXNotImplemented: the graph is undirected or a multigraph.
        WeightError: an edge without the attribute or with one outside [0, 1], or a rule that leaves [0, 1].
        ValueError: a rule that is not symmetric.
    """
    share(missing, "a direction without an edge")
    graph: nx.Graph[Nation] = nx.Graph()
    graph.add_nodes_from(G.nodes(data=True))
    for one, other, attributes in G.edges(data=True):
        there = attributes.get(weight)
        back = G.adj[other][one].get(weight) if G.has_edge(other, one) else missing
        if there is None or back is None:
            raise WeightError(f"an edge between {one!r} and {other!r} has no attribute {weight!r}")
        # Checked before the rule: the lesser of 3.0 and a neutral answer would be a sound 0.5.
        there, back = share(there, (one, other)), share(back, (other, one))
        value = share(rule(there, back), (one, other))
        if value != rule(back, there):
            raise ValueError(
                f"the rule is not symmetric: it gives ({there}, {back}) and ({back}, {there}) different values"
            )
        graph.add_edge(one, other, **{weight: value})
    return graph
