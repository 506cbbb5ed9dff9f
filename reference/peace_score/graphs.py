"""A graph of one's own, read from CSV or GraphML: nations, or whatever else deals with one another, and their peace.

Open it to see which files `peace-score graph` takes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast
from xml.etree.ElementTree import ParseError

import networkx as nx

from reference.peace_score.data import DataError, rows
from reference.peace_score.directed import symmetrized
from reference.peace_score.score import WeightError, nation_peace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RULES: Mapping[str, Callable[[float, float], float]] = {
    "lesser": min,
    "greater": max,
    "mean": lambda one, other: (one + other) / 2,
}
"""The ways to make one value of two directions, by name."""


def read_graph(path: str | Path, *, weight: str = "weight", rule: str | None = None) -> nx.Graph[str]:
    """Read a graph whose edges say how much peace there is between two nodes.

    A file that ends in `.graphml` is GraphML: the edges have an attribute `weight` of type double, and the nodes may
    have one named `serenity`, the peace within. Any other is CSV in UTF-8 with the columns `nation_a`, `nation_b` and
    `weight`; a row that leaves `nation_b` and `weight` empty is a nation without interactions, or gives a nation its
    `serenity`, where there is that column.

    Args:
        path: the file.
        weight: the name of the edges' attribute or column, values from 0 (war) to 1 (perfect peace).
        rule: A rule of `RULES`, for a directed graph; CSV is directed when a rule is given.

    Returns:
        An undirected graph for the functions of `reference.peace_score.score`, all values checked.

    Raises:
        DataError: no such file, text that is no graph, a directed graph without a rule, a pair or nation listed
            twice, a multigraph, an unknown rule, or a value outside [0, 1].
    """
    path = Path(path)
    if rule is not None and rule not in RULES:
        raise DataError(f"there is no rule {rule!r}: take one of {', '.join(RULES)}")
    graph = _graphml(path) if path.suffix.lower() == ".graphml" else _csv(path, weight, directed=rule is not None)
    if graph.is_multigraph():
        raise DataError(f"{path.name} has several edges between two nodes: make one of them")
    if graph.is_directed() and rule is None:
        raise DataError(f"{path.name} is directed: choose how two directions become one (--rule {', '.join(RULES)})")
    try:
        if rule is not None and graph.is_directed():
            graph = symmetrized(cast("nx.DiGraph[str]", graph), weight=weight, rule=RULES[rule])
        nation_peace(graph, weight=weight)
    except WeightError as error:
        raise DataError(f"{path.name}: {error}") from None
    return graph


def _graphml(path: Path) -> nx.Graph[str]:
    try:
        graph: nx.Graph[str] = nx.read_graphml(path)
    except FileNotFoundError:
        raise DataError(f"there is no file {path}") from None
    except (ParseError, nx.NetworkXError, KeyError, ValueError, TypeError) as error:
        raise DataError(f"{path.name} is not GraphML that networkx reads: {error}") from None
    return graph


def _csv(path: Path, weight: str, *, directed: bool) -> nx.Graph[str]:
    graph: nx.Graph[str] = nx.DiGraph() if directed else nx.Graph()
    for row in rows(path, "nation_a", "nation_b", weight):
        one = row.text("nation_a")
        if not (row.values["nation_b"] or row.values[weight]):
            if one in graph and "serenity" in graph.nodes[one]:
                raise row.error(f"the nation {one!r} is listed twice")
            graph.add_node(one, serenity=row.number("serenity") if row.values.get("serenity") else 1.0)
            continue
        other = row.text("nation_b")
        if graph.has_edge(one, other):
            raise row.error(f"the pair {one!r} and {other!r} is listed twice")
        graph.add_edge(one, other, **{weight: row.number(weight)})
    return graph
