"""The world's peace over the years, a year's world as a graph, and two scorings against each other, drawn."""

from __future__ import annotations

import math
from itertools import accumulate
from typing import TYPE_CHECKING

import networkx as nx
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy.stats import rankdata

from reference.peace_score.interactions import NEUTRAL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from reference.peace_score.agreement import Agreement

    Place = tuple[float, float]

INK, FAINT, HOSTILE = "#22303c", "#8fa3b0", "#c1272d"


def draw_curve(by_year: Mapping[int, Mapping[str, float]]) -> Figure:
    """Draw the world's peace over the years, with a line for each aggregate, the first one thick.

    Args:
        by_year: by year, the world's peace in [0, 1] by the aggregate's name.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.add_subplot()
    years = sorted(by_year)
    names = list(by_year[years[0]])
    labels = _apart([by_year[years[-1]][name] for name in names], 0.045)
    for index, (name, label) in enumerate(zip(names, labels, strict=True)):
        colour, width = (INK, 2.6) if index == 0 else (f"C{index - 1}", 1.4)
        values = [by_year[year][name] for year in years]
        axes.plot(years, values, color=colour, linewidth=width, marker="o", markersize=3)
        axes.annotate(name, (1.01, label), xycoords=("axes fraction", "data"), color=colour, va="center")
    axes.set(ylabel="peace of the world", ylim=(0, 1), title=f"The world's peace, {years[0]}-{years[-1]}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _plain(axes)
    return figure


def draw_world(graph: nx.Graph[str], scores: Mapping[str, float], title: str) -> Figure:
    """Draw a world as a graph: blocs of allies as discs, nations in the color of their score, hostile pairs in red.

    A nation's place follows from its alliances and its score; a map would need geodata, which is not available.

    Args:
        graph: edges with ``weight``.
        scores: the nations' scores, in [0, 1].
        title: title of the figure.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(11, 9.5), layout="constrained")
    axes = figure.add_subplot()
    friendly = [(one, other) for one, other, weight in graph.edges(data="weight", default=0) if weight > NEUTRAL]
    hostile = [(one, other) for one, other, weight in graph.edges(data="weight", default=0) if weight < NEUTRAL]
    places = _places(_blocs(graph, friendly), scores)
    for pairs, colour, width, alpha in ((friendly, FAINT, 0.4, 0.06), (hostile, HOSTILE, 1.2, 0.8)):
        lines = [(places[one], places[other]) for one, other in pairs]
        axes.add_collection(LineCollection(lines, colors=colour, linewidths=width, alpha=alpha))
    x, y = zip(*(places[nation] for nation in graph), strict=True)
    dots = axes.scatter(
        x,
        y,
        c=[scores[nation] for nation in graph],
        cmap="RdYlBu",
        vmin=0,
        vmax=1,
        s=210,
        edgecolors=INK,
        linewidths=0.5,
        zorder=3,
    )
    for nation in graph:
        dark = not 0.15 < scores[nation] < 0.85
        colour = "white" if dark else INK
        axes.annotate(nation, places[nation], ha="center", va="center", fontsize=5.5, color=colour, zorder=4)
    figure.colorbar(dots, ax=axes, label="peace of the nation", shrink=0.5)
    axes.set(title=title, aspect="equal")
    axes.set_axis_off()
    return figure


def draw_comparison(ours: Mapping[str, float], theirs: Mapping[str, float], found: Agreement, title: str) -> Figure:
    """Draw the nations' ranks by two scorings against each other, and name those that differ most.

    Args:
        ours: scores by nation.
        theirs: scores by nation; both rise with peace.
        found: their agreement.
        title: title of the figure.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(7.5, 7), layout="constrained")
    axes = figure.add_subplot()
    nations = sorted(ours.keys() & theirs.keys())
    x, y = (rankdata([-scores[nation] for nation in nations]) for scores in (theirs, ours))
    axes.plot([1, len(nations)], [1, len(nations)], color=FAINT, linewidth=1)
    axes.scatter(x, y, s=22, color=INK, alpha=0.7, linewidths=0)
    furthest = sorted(range(len(nations)), key=lambda at: -abs(x[at] - y[at]))[:16]
    for at in furthest:
        axes.annotate(nations[at], (x[at], y[at]), xytext=(4, 3), textcoords="offset points", fontsize=8)
    interval = f"{found.confidence:.0%} interval {found.low:.2f} to {found.high:.2f}"
    axes.set_title(f"{title}\nrank correlation {found.correlation:.2f}, {interval}, {found.nations} nations")
    axes.set(xlabel="rank by the Global Peace Index (1 is most peaceful)", ylabel="rank by our score")
    axes.invert_xaxis()
    axes.invert_yaxis()
    _plain(axes)
    return figure


def _blocs(graph: nx.Graph[str], friendly: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Return the nations by communities of allies, largest first; nations outside any community are the last group."""
    allies: nx.Graph[str] = nx.Graph()
    allies.add_nodes_from(graph)
    allies.add_edges_from(friendly)
    communities = sorted((sorted(bloc) for bloc in nx.community.louvain_communities(allies, seed=1)), key=len)
    blocs = [bloc for bloc in reversed(communities) if len(bloc) > 2]
    alone = [nation for bloc in communities if len(bloc) <= 2 for nation in bloc]
    return [*blocs, alone] if alone else blocs


def _places(blocs: Sequence[Sequence[str]], scores: Mapping[str, float]) -> dict[str, Place]:
    """Return each nation's place: a bloc fills a disc, its most peaceful in the middle, and the discs form a circle."""
    radii = [math.sqrt(len(bloc)) + 1.5 for bloc in blocs]
    arcs = [2 * math.pi * radius / sum(radii) for radius in radii]
    ring = sum(radii) / math.pi * 1.12
    golden = math.pi * (3 - math.sqrt(5))
    places = {}
    for bloc, arc, end in zip(blocs, arcs, accumulate(arcs), strict=True):
        middle = math.pi / 2 - (end - arc / 2)
        for order, nation in enumerate(sorted(bloc, key=lambda nation: (-scores[nation], nation))):
            # the sunflower's spiral fills a disc evenly
            away, turn = math.sqrt(order + 0.5), order * golden
            x = ring * math.cos(middle) + away * math.cos(turn)
            places[nation] = (x, ring * math.sin(middle) + away * math.sin(turn))
    return places


def _apart(values: Sequence[float], least: float) -> list[float]:
    """Return the values, moved up where labels at them would overlap."""
    places = [0.0] * len(values)
    below = -1.0
    for index in sorted(range(len(values)), key=values.__getitem__):
        below = places[index] = max(values[index], below + least)
    return places


def _plain(axes: Axes) -> None:
    """No box around, a faint grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=FAINT, alpha=0.25)
