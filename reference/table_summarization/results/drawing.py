"""Draw a summary: a bar for each pattern, as long as its coverage, and one for the rows in no pattern."""

from typing import TYPE_CHECKING

from reference.table_summarization.results.summary import Summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COVERED, _NEW, _LEFT_OVER = "#9ecae1", "#2171b5", "#bdbdbd"


def draw(summary: Summary, title: str = "") -> "Figure":
    """Draw a summary.

    Args:
        summary: The summary.
        title: Title of the figure.

    Returns:
        A figure, in no window: each pattern with the rows that it covers, those that none before it covers darker, and
        its saving; last the rows in none of them.
    """
    from matplotlib.figure import Figure

    labels = [*(str(found) for found in summary.patterns), "none of these"]
    covered = [*(found.coverage for found in summary.patterns), 100 * summary.left_over / summary.rows]
    new = [100 * found.new_rows / summary.rows for found in summary.patterns]
    figure = Figure(figsize=(9, 1.2 + 0.45 * len(labels)), layout="constrained")
    axes = figure.subplots()
    positions = range(len(labels))
    axes.barh(positions, covered, color=[_COVERED] * len(new) + [_LEFT_OVER])
    axes.barh(positions[:-1], new, color=_NEW, height=0.5, label="of which no pattern above covers")
    for position, found in enumerate(summary.patterns):
        axes.annotate(
            f"saves {found.saving:,} bits",
            (found.coverage, position),
            (4, 0),
            textcoords="offset points",
            va="center",
            size=8,
        )
    # Column names and values are text, not mathematics: a dollar sign in them is one.
    axes.set_yticks(positions, [label.replace("$", r"\$") for label in labels], size=9)
    axes.invert_yaxis()
    axes.set_xlabel(f"rows covered, in % of {summary.rows:,}")
    axes.margins(x=0.2)
    axes.spines[["top", "right"]].set_visible(False)
    if new:
        axes.legend(loc="lower right", frameon=False, fontsize=8)
    if title:
        axes.set_title(title.replace("$", r"\$"), loc="left")
    return figure
