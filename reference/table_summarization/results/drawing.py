"""Draw a summary: a bar for each pattern, as long as its coverage, and a last bar for the rows in no pattern."""

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
        A figure, which is not shown. Each pattern has a bar for the rows that it covers, whose darker part is the rows
        that no pattern before it covers, and its saving. The last bar is for the rows in no pattern.
    """
    from matplotlib.figure import Figure

    labels = [*(str(found) for found in summary.patterns), "in no pattern"]
    covered = [*(found.coverage for found in summary.patterns), 100 * summary.left_over / summary.rows]
    new = [100 * found.new_rows / summary.rows for found in summary.patterns]
    figure = Figure(figsize=(9, 1.2 + 0.45 * len(labels)), layout="constrained")
    axes = figure.subplots()
    positions = range(len(labels))
    axes.barh(positions, covered, color=[_COVERED] * len(new) + [_LEFT_OVER])
    axes.barh(positions[:-1], new, color=_NEW, height=0.5, label="not covered by a pattern above")
    for position, found in enumerate(summary.patterns):
        axes.annotate(
            f"saves {found.saving:,} bits",
            (found.coverage, position),
            (4, 0),
            textcoords="offset points",
            va="center",
            size=8,
        )
    # Column names and values are plain text: matplotlib must not read a dollar sign in them as mathematics.
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
