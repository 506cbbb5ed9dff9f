"""The score of a world: beside one pass over its graph, the least that any program must do, and by its pairs."""

import random

import networkx as nx
import pytest

from benchmarks.conftest import versions
from reference.peace_score.score import world_peace


def world(nations):
    """Return a graph of interactions between every pair of this number of nations."""
    chance = random.Random(nations)
    graph = nx.complete_graph(nations)
    nx.set_edge_attributes(graph, {edge: chance.random() for edge in graph.edges}, "weight")
    nx.set_node_attributes(graph, {node: chance.random() for node in graph}, "serenity")
    return graph


def by_definition(graph):
    """Return the world's peace by the published formula, pair by pair."""
    scores = []
    for nation, others in graph.adjacency():
        changes = [2 * edge["weight"] - 1 for edge in others.values()]
        gain, loss = sum(max(0, change) for change in changes), sum(max(0, -change) for change in changes)
        outside = (1 - 2 ** (-gain / 10) / 2) * 2**-loss
        scores.append((outside + graph.nodes[nation]["serenity"]) / 2)
    return sum(scores) / len(scores)


def test_against_the_limit(versus):
    for nations in (3, 10, 300):  # of many nations at random, war leaves next to nothing of the peace outside
        assert world_peace(world(nations)) == pytest.approx(by_definition(world(nations)), rel=1e-12)
    graph = world(300)
    versus(
        lambda: world_peace(graph),
        lambda: sum(dict(graph.degree(weight="weight")).values()),
        checksum=type,  # the limit is no score; ours was checked above
        facts={"nations": 300, "versions": versions("networkx")},
    )


def test_growth_with_pairs(growth):
    worlds = {nations * (nations - 1) // 2: world(nations) for nations in (50, 150, 450)}
    for graph in worlds.values():
        assert world_peace(graph) == pytest.approx(by_definition(graph), rel=1e-12)
    growth(lambda pairs: world_peace(worlds[pairs]), list(worlds))
