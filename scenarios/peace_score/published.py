"""The score by the essay's words alone: an average where it says combine, the median for the world."""

import statistics


def nation_peace(graph, weight="weight"):
    """Each nation's neighbours averaged, then its peace outside and inside."""
    outside = {nation: statistics.mean(edge[weight] for edge in graph[nation].values()) for nation in graph}
    return {nation: (outside[nation] + s) / 2 for nation, s in graph.nodes(data="serenity", default=1)}


def world_peace(graph, weight="weight"):
    """The median of the nations' scores."""
    return statistics.median(nation_peace(graph, weight).values())


def undirected(directed):
    """Interactions that have a direction, put into the undirected graph that the essay asks for."""
    return directed.to_undirected()
