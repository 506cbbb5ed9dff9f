"""Directed interactions: what one nation does to another need not be what the other does to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx
from networkx.utils import not_implemented_for

from reference.peace_score.interactions import NEUTRAL

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
    r"""The undirected graph of a directed one, by a stated rule.

    .. math:: f_{uv} = f_{vu} = \text{rule}(w_{uv}, w_{vu})

    ``G.to_undirected()`` has no rule: of two directions it keeps the one it meets last and drops the other
    silently.

    Args:
        G: a directed graph; an edge says how peaceful the one nation is towards the other.
        weight: the edges' attribute.
        rule: makes one value of the two directions'. It must be symmetric. The default is the lesser: peace
            takes two, war one.
        missing: what a direction without an edge counts. ``NEUTRAL``, as no interaction always does; were it
            left out, a friendly answer to a friendlier act could lower the peace between two nations.

    Returns:
        A graph with the same nodes and their attributes, and an edge where there was one in either direction.

    Raises:
        NetworkXNotImplemented: the graph is undirected or a multigraph.
        ValueError: an edge without the attribute, or a rule that is not symmetric.
    """
    graph: nx.Graph[Nation] = nx.Graph()
    graph.add_nodes_from(G.nodes(data=True))
    for one, other, attributes in G.edges(data=True):
        there = attributes.get(weight)
        back = G.adj[other][one].get(weight) if G.has_edge(other, one) else missing
        if there is None or back is None:
            raise ValueError(f"an edge between {one!r} and {other!r} has no attribute {weight!r}")
        value = rule(there, back)
        if value != rule(back, there):
            raise ValueError(
                f"the rule is not symmetric: it gives ({there}, {back}) and ({back}, {there}) different values"
            )
        graph.add_edge(one, other, **{weight: value})
    return graph
