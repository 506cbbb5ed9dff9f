"""Draw the stored figures or print them as a table: `python -m benchmarks plot`, `python -m benchmarks table`."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Collection, Iterator, Mapping
from math import comb
from pathlib import Path
from typing import Annotated, Any

import matplotlib as mpl
import typer
from matplotlib.figure import Figure

from fixtures.claims.outcomes.evidence import markdown
from fixtures.measure.decision import coverage, spread

HERE = Path(__file__).parent
STORED = HERE.parent / "results" / "benchmarks"
# The curves of the plot: the end of the stored run's name, the test, the label and the style.
CURVES = [
    ("published", "test_document_table", "published (i7-8750H)", "s--"),
    ("peers", "test_document_table", "the published package here", "s-"),
    ("ours", "test_document_table", "ours, same cluster", "o-"),
    ("ours", "test_document_table_in_process", "ours, in one process", "v-"),
    ("ours", "test_limit", "limit: Polars counts the same frame", "^:"),
]
# The site's first page shows these; its page of figures shows all.
FEW = [
    ("table_summarization", "test_against_the_published_package"),
    ("table_summarization", "test_objects_against_the_limit"),
    ("factoring_quadratics", "test_against_sympy"),
    ("service_discovery", "test_cached_lookup_against_a_dict"),
    ("customer_sharding", "test_throughput_against_the_published_way"),
]

app = typer.Typer(help="The stored figures of results/benchmarks.", no_args_is_help=True)
Folder = Annotated[Path, typer.Option(help="Where the runs are stored.")]


@app.command()
def plot(
    stored: Folder = STORED, out: Annotated[Path | None, typer.Option(help="An .svg or .png file.")] = None
) -> None:
    """Draw rows against seconds on logarithmic scales: as published, the published package here, ours, the limit."""
    out = out or stored / "table_summarization.svg"
    # Make the file depend on the figures only.
    with mpl.rc_context({"svg.hashsalt": "table_summarization", "font.size": 10}):
        figure = Figure(figsize=(7, 4.5), layout="constrained")
        axes = figure.subplots()
        for run, test, label, style in CURVES:
            points = sorted((each["extra_info"]["rows"], each["stats"]["median"]) for each in _tests(stored, run, test))
            if points:
                axes.loglog(*zip(*points, strict=True), style, label=label)
        axes.set(xlabel="rows", ylabel="seconds", title="Time to summarize the document's table")
        axes.grid(visible=True, alpha=0.3)
        axes.legend()
        figure.savefig(out, dpi=150, metadata={"Date": None} if out.suffix == ".svg" else None)
    typer.echo(f"drawn: {out}")


@app.command()
def table(stored: Folder = STORED) -> None:
    """Print the bound, the aim and the last stored result of every benchmark, as Markdown."""
    typer.echo(tabled(stored), nl=False)


def tabled(stored: Path = STORED, only: Collection[tuple[str, str]] | None = None) -> str:
    """Return the table of every benchmark, or only of those given by subject and test."""
    bounds = tomllib.loads((HERE / "bounds.toml").read_text())
    rows = [
        row
        for subject, tests in bounds.items()
        for test, bound in tests.items()
        if only is None or (subject, test) in only
        for row in _rows(bound, [each for run in ("ours", "soak") for each in _tests(stored, run, test, subject)])
    ]
    return markdown(rows)


def sections(link: str) -> Iterator[str]:
    """Yield for each subject a heading and the table of its benchmarks.

    Args:
        link: Address that a heading links to, with `{subject}` in it.
    """
    bounds = tomllib.loads((HERE / "bounds.toml").read_text())
    for subject, tests in bounds.items():
        yield f"## [{subject}]({link.format(subject=subject)})\n\n{tabled(only=[(subject, test) for test in tests])}"


def _tests(stored: Path, run: str, test: str, subject: str = "table_summarization") -> Iterator[Mapping[str, Any]]:
    """Yield the stored results of a test, one for each of its parameters; of several runs the newest counts."""
    runs = [json.loads(path.read_text()) for path in stored.rglob(f"[0-9]*_{run}.json")]
    newest: dict[str, Mapping[str, Any]] = {}
    for each in sorted(runs, key=lambda each: str(each.get("datetime", ""))):
        newest.update({result["fullname"]: result for result in each["benchmarks"]})
    for fullname, result in newest.items():
        file, _, name = fullname.partition("::")
        if Path(file).stem.removeprefix("test_") == subject.removeprefix("test_") and name.partition("[")[0] == test:
            yield result


def _rows(bound: Mapping[str, Any], tests: list[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    rows: list[Mapping[str, Any] | None] = [*tests] or [None]
    for each in rows:
        facts = each["extra_info"] if each else {}
        yield {
            "work": bound["work"],
            "against": _against(bound, each),
            "must": _said(bound, bound.get("faster") or bound.get("slower") or bound["at_most"]),
            "aim": _said(bound, bound["aim"]),
            "reached": _reached(bound, facts) if facts else "not stored",
            "interval": _interval(bound, facts) if facts else "",
            "peak memory": _memory(facts),
        }


def _against(bound: Mapping[str, Any], each: Mapping[str, Any] | None) -> str:
    if each is None:
        return str(bound["against"])
    details = [each["param"]] if each["param"] else []
    if sizes := each["extra_info"].get("sizes"):
        details.append(f"{min(sizes):,} to {max(sizes):,}")
    return f"{bound['against']} ({', '.join(details)})" if details else str(bound["against"])


def _said(bound: Mapping[str, Any], value: float) -> str:
    word = "exponent at most " if bound["class"] == "shape" else ""
    text = f"{word}{value:g}{_unit(bound)}"
    return f"{text}; not met: {bound['not_met']}" if "not_met" in bound and value != bound["aim"] else text


def _unit(bound: Mapping[str, Any]) -> str:
    return "" if bound["class"] == "shape" else "x faster" if "faster" in bound else "x its time at most"


def _reached(bound: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    if bound["class"] == "shape":
        return f"{facts['exponent']:.2f}"
    return f"{_three_digits(1 / facts['ratio'])}x faster" if "faster" in bound else f"{facts['ratio']:.2f}x its time"


def _three_digits(value: float) -> str:
    return f"{float(f'{value:.3g}'):,g}" if value < 1e6 else f"{value:,.0f}"


def _interval(bound: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    ends = (facts["low"], facts["high"])
    if "faster" in bound:
        ends = (1 / facts["high"], 1 / facts["low"])
    low, high = (f"{end:,.0f}" if end >= 100 else f"{end:.2f}" for end in ends)
    rounds = facts["rounds"]
    return spread(low, high, rounds, facts.get("level", bootstrap_level(rounds)))


def bootstrap_level(rounds: int) -> float:
    """Return a lower bound for the level of a stored interval that has no level: how often it holds the true median.

    Runs stored before intervals had a level hold the ends of a 99 % percentile bootstrap of the median, which holds
    the median less often than 99 % says. Its ends are order statistics of the rounds: a resample's middle value of
    rank m is at most the k-th smallest round exactly when at least m of its draws are, which has the probability
    P(Binomial(rounds, k / rounds) >= m). The lower end is the round of the smallest rank k at which that reaches half a
    hundredth, and the upper end the same from above, so that the level is `coverage(rounds, k)`.

    With an even number of rounds a resample's median lies between its two middle values. Here m is the upper one's
    rank, so that the interval is at least as wide as this function assumes. With fewer than eight rounds k is 1: the
    ends are the range of the rounds.
    """
    middle = rounds // 2 + 1
    for rank in range(1, middle):
        share = rank / rounds
        reached = sum(
            comb(rounds, draws) * share**draws * (1 - share) ** (rounds - draws) for draws in range(middle, rounds + 1)
        )
        if reached >= 0.005:
            return coverage(rounds, rank)
    raise ValueError(f"an interval takes three rounds or more, not {rounds}")


def _memory(facts: Mapping[str, Any]) -> str:
    largest = max(facts.get("peaks_mb", {}).values(), default=None)
    peaks = (largest, facts.get("ours_peak_mb"), facts.get("other_peak_mb"))
    known = [peak for peak in peaks if peak is not None]
    # Less than that is what the interpreter allocates anyway.
    return " against ".join(f"{peak:,.0f} MiB" for peak in known) if max(known, default=0) >= 1 else ""


if __name__ == "__main__":
    app()
