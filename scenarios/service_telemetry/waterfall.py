"""A trace drawn as a waterfall: a bar for each span, below its parent, from its start to its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from matplotlib.figure import Figure

COLOURS = ("#4477aa", "#ee6677", "#228833")


@dataclass(frozen=True)
class Bar:
    """One span of a trace.

    Attributes:
        service: Name of its service.
        name: Name of the span.
        kind: `server` or `client`.
        trace: Identity of its trace.
        identity: Its own identity.
        parent: Identity of its parent; empty for the root.
        start: Seconds since the epoch.
        end: Seconds since the epoch, too.
    """

    service: str
    name: str
    kind: str
    trace: str
    identity: str
    parent: str
    start: float
    end: float

    @classmethod
    def of_console(cls, span: dict[str, Any]) -> "Bar":
        """Return a span that the console exporter printed."""
        start, end = (datetime.fromisoformat(span[key]).timestamp() for key in ("start_time", "end_time"))
        context, service = span["context"], span["resource"]["attributes"]["service.name"]
        kind = span["kind"].rpartition(".")[2].lower()
        return cls(
            service, span["name"], kind, context["trace_id"], context["span_id"], span["parent_id"] or "", start, end
        )

    @classmethod
    def of_jaeger(cls, span: dict[str, Any], processes: dict[str, Any]) -> "Bar":
        """Return a span that Jaeger's API returned, with the processes of its trace."""
        kind = next(tag["value"] for tag in span["tags"] if tag["key"] == "span.kind")
        parents = [each["spanID"] for each in span["references"] if each["refType"] == "CHILD_OF"]
        service, start = processes[span["processID"]]["serviceName"], span["startTime"] / 1e6
        end = (span["startTime"] + span["duration"]) / 1e6
        parent = parents[0] if parents else ""
        return cls(service, span["operationName"], kind, span["traceID"], span["spanID"], parent, start, end)


def chain(spans: Sequence[Bar], trace: str) -> list[Bar]:
    """Return the spans of a trace, each followed by its child; it ends where a span has no child or several."""
    of_trace = [span for span in spans if span.trace == trace]
    found: list[Bar] = []
    while len(children := [span for span in of_trace if span.parent == (found[-1].identity if found else "")]) == 1:
        found += children
    return found


def waterfall(spans: Sequence[Bar]) -> Figure:
    """Return a drawing of spans in the order given."""
    figure = Figure(figsize=(8, 0.6 + 0.45 * len(spans)), layout="constrained")
    axes = figure.subplots()
    services = list(dict.fromkeys(span.service for span in spans))
    begun = min(span.start for span in spans)
    for row, span in enumerate(spans):
        milliseconds = 1000 * (span.end - span.start)
        start = 1000 * (span.start - begun)
        colour = COLOURS[services.index(span.service) % len(COLOURS)]
        axes.barh(row, milliseconds, left=start, color=colour)
        axes.text(start, row, f" {milliseconds:.1f} ms", va="center", fontsize=8)
    axes.set_yticks(range(len(spans)), [f"{span.service}: {span.name} ({span.kind})" for span in spans])
    axes.invert_yaxis()
    axes.set_xlabel("milliseconds since the request came")
    return figure
