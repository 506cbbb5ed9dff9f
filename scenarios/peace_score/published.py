"""The score by the essay's words alone: an average where it says combine, the median for the world."""

import statistics


def nation_peace(graph, weight="weight"):
    """Return each nation's peace: the mean of its neighbours, averaged with its serenity."""
    outside = {nation: statistics.mean(edge[weight] for edge in graph[nation].values()) for nation in graph}
    return {nation: (outside[nation] + s) / 2 for nation, s in graph.nodes(data="serenity", default=1)}


def world_peace(graph, weight="weight"):
    """Return the median of the nations' scores."""
    return statistics.median(nation_peace(graph, weight).values())


def undirected(directed):
    """Return the undirected graph that the essay asks for, of interactions that have a direction."""
    return directed.to_undirected()
