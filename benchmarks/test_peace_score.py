"""The score of a world: beside one pass over its graph, the least that any program must do, and by its pairs."""

import random

import networkx as nx

from benchmarks.conftest import versions
from reference.peace_score.score import world_peace


def world(nations):
    """Return a graph of interactions between every pair of this number of nations."""
    chance = random.Random(nations)
    graph = nx.complete_graph(nations)
    nx.set_edge_attributes(graph, {edge: chance.random() for edge in graph.edges}, "weight")
    nx.set_node_attributes(graph, {node: chance.random() for node in graph}, "serenity")
    return graph


def test_against_the_limit(versus):
    graph = world(300)
    versus(
        lambda: world_peace(graph),
        lambda: sum(dict(graph.degree(weight="weight")).values()),
        checksum=lambda value: value > 0,
        facts={"nations": 300, "versions": versions("networkx")},
    )


def test_growth_with_pairs(growth):
    worlds = {nations * (nations - 1) // 2: world(nations) for nations in (50, 150, 450)}
    growth(lambda pairs: world_peace(worlds[pairs]), list(worlds))
