"""A nation's peace and the world's, as functions of a graph in networkx's manner."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any, TypeVar, cast

import networkx as nx
from networkx.utils import not_implemented_for

from reference.peace_score.aggregates import halves, mean, standing
from reference.peace_score.errors import PeaceScoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from reference.peace_score.aggregates import Aggregate, Combination
    from reference.peace_score.interactions import Nation


Function = TypeVar("Function", bound="Callable[..., object]")


def _undirected(function: Function) -> Function:
    """Refuse directed graphs and multigraphs."""
    # applied twice, since networkx refuses only graphs that have all the properties named in one call
    guarded = not_implemented_for("directed")(not_implemented_for("multigraph")(function))
    # networkx's stubs lose the function's type
    return cast("Function", guarded)


class WeightError(PeaceScoreError):
    """An edge's or a node's peace is missing where it must be, or outside [0, 1]."""


@_undirected
def outside_peace(
    G: nx.Graph[Nation],  # noqa: N803 - as networkx names it
    nodes: Iterable[Nation] | None = None,
    *,
    weight: str = "weight",
    aggregate: Aggregate = standing,
) -> dict[Nation, float]:
    """Return how much at peace each nation is with the others.

    Args:
        G: an undirected graph; each edge says how much peace there is between two nations. Directed
            interactions: see ``reference.peace_score.directed.symmetrized``.
        nodes: the nations wanted; all by default.
        weight: the edges' attribute, in [0, 1].
        aggregate: makes one value of the weights of a nation's edges.

    Returns:
        A value in [0, 1], keyed by node.

    Raises:
        NetworkXNotImplemented: the graph is directed or a multigraph.
        NodeNotFound: a nation that is not in the graph.
        WeightError: an edge without the attribute, with one outside [0, 1], or from a nation to itself.

    Notes:
        An isolated node gets what ``aggregate`` makes of no weights: ``NEUTRAL`` by default. The value depends on
        the node's own edges only, hence a nation that is added changes those alone which it interacts with.
    """
    return {node: aggregate(_weights(G, node, weight)) for node in _wanted(G, nodes)}


@_undirected
def nation_peace(
    G: nx.Graph[Nation],  # noqa: N803
    nodes: Iterable[Nation] | None = None,
    *,
    weight: str = "weight",
    serenity: str = "serenity",
    combine: Combination = halves,
    aggregate: Aggregate = standing,
) -> dict[Nation, float]:
    r"""Return how much at peace each nation is, with others and within.

    .. math:: p_u = \text{combine}(o_u, s_u)

    with the nation's outside peace o and its serenity s.

    Args:
        G: as for ``outside_peace``; its nodes carry their serenity.
        nodes: the nations wanted; all by default.
        weight: the edges' attribute, in [0, 1].
        serenity: the nodes' attribute, in [0, 1]; a node without it has no conflict inside, which is 1.
        combine: makes one value of the two, each in [0, 1].
        aggregate: makes one value of the weights of a nation's edges.

    Returns:
        A value in [0, 1], keyed by node.

    Raises:
        NetworkXNotImplemented: the graph is directed or a multigraph.
        NodeNotFound: a nation that is not in the graph.
        WeightError: as ``outside_peace``, or a serenity outside [0, 1].

    Examples:
        >>> import networkx as nx
        >>> G = nx.Graph([("Austria", "Hungary", {"weight": 1.0}), ("Hungary", "Utopia", {"weight": 0.0})])
        >>> G.add_node("Hungary", serenity=0.5)
        >>> G.add_node("Island")
        >>> {nation: round(peace, 2) for nation, peace in nation_peace(G).items()}
        {'Austria': 0.77, 'Hungary': 0.38, 'Utopia': 0.62, 'Island': 0.75}
    """
    outside = outside_peace(G, nodes, weight=weight, aggregate=aggregate)
    return {node: combine(peace, share(G.nodes[node].get(serenity, 1.0), node)) for node, peace in outside.items()}


@_undirected
def world_peace(
    G: nx.Graph[Nation],  # noqa: N803
    nodes: Iterable[Nation] | None = None,
    *,
    weight: str = "weight",
    serenity: str = "serenity",
    combine: Combination = halves,
    neighbours: Aggregate = standing,
    aggregate: Aggregate = mean,
) -> float:
    """Return how much at peace the world is, as a whole.

    Args:
        G: as for ``nation_peace``.
        nodes: the nations that make the world; all by default.
        weight: as for ``nation_peace``.
        serenity: as for ``nation_peace``.
        combine: as for ``nation_peace``.
        neighbours: the ``aggregate`` of ``nation_peace``.
        aggregate: makes one value of the nations'. The essay's example is the median, which does not move
            when the worse half grows worse; the mean does, and so do most others in
            ``reference.peace_score.aggregates``.

    Returns:
        A value in [0, 1].

    Raises:
        NetworkXPointlessConcept: there is no nation.
        NetworkXNotImplemented: as ``nation_peace``.
        NodeNotFound: as ``nation_peace``.
        WeightError: as ``nation_peace``.

    Notes:
        A nation that is added without interactions changes no other's score. By any of our aggregates it does
        not raise the world's unless it is better off than that; by the mean it draws the world's towards its
        own by the n-th part of the difference.
    """
    scores = nation_peace(G, nodes, weight=weight, serenity=serenity, combine=combine, aggregate=neighbours)
    if not scores:
        raise nx.NetworkXPointlessConcept("a world without nations has no peace to measure")
    return aggregate(list(scores.values()))


def ranking(scores: Mapping[Nation, float]) -> list[tuple[int, Nation, float]]:
    """Nations from the most to the least peaceful.

    Returns:
        Rank, nation and score of each. Nations of equal score share a rank and stand in the order of their
        names.
    """
    nations = sorted(scores, key=lambda nation: (-scores[nation], str(nation)))
    ranks: dict[float, int] = {}
    return [
        (ranks.setdefault(scores[nation], place), nation, scores[nation]) for place, nation in enumerate(nations, 1)
    ]


def _wanted(graph: nx.Graph[Nation], nodes: Iterable[Nation] | None) -> Iterable[Nation]:
    """Return the requested nodes; networkx's own nbunch would skip an unknown one silently."""
    if nodes is None:
        return graph
    wanted = list(nodes)
    for node in wanted:
        if node not in graph:
            raise nx.NodeNotFound(f"the nation {node!r} is not in the graph")
    return wanted


def _weights(graph: nx.Graph[Nation], node: Nation, weight: str) -> list[float]:
    """Return the weights of a node's edges."""
    edges = graph.adj[node]
    if node in edges:
        raise WeightError(f"an edge from {node!r} to itself: peace within is the node's serenity")
    try:
        weights = [attributes[weight] for attributes in edges.values()]
    except KeyError as missing:
        raise WeightError(f"an edge of {node!r} has no attribute {missing}") from None
    try:
        sound = all([0 <= value <= 1 for value in weights])  # noqa: C419 # a list takes half a generator's time
    except (TypeError, ValueError):  # text, None, a list, an array
        sound = False
    if not sound:
        for other, value in zip(edges, weights, strict=True):
            share(value, (node, other))
    return weights


def share(value: Any, where: object) -> float:
    """Return a value as a float.

    Args:
        value: a weight or a serenity.
        where: the edge or node that has it, for the message.

    Raises:
        WeightError: it is no real number, or outside [0, 1].
    """
    if not isinstance(value, Real):
        raise WeightError(f"the peace of {where!r} must be a number from 0 to 1, not {value!r}")
    number = float(value)
    if not 0 <= number <= 1:
        raise WeightError(f"the peace of {where!r} must be from 0 to 1, not {value}")
    return number
