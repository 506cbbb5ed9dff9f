"""The command `peace-score`: score, rank, compare and draw the interactions in a directory of CSV files."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reference.command_line import BAD_INPUT, Command

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from reference.peace_score.data import History

command = Command("peace-score", extra="peace-score")
app = command.application(
    help="How peaceful the world and its nations are, from 0 to 1, by what nations do to and promise each other.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

# A figure or a directory of the wrong form is bad input, whatever library reports it.
ERRORS = {ValueError: BAD_INPUT, OSError: BAD_INPUT}

Directory = Annotated[
    Path,
    typer.Argument(
        metavar="DIR",
        envvar="PEACE_SCORE_DATA",
        help="Directory of nations.csv, disputes.csv, alliances.csv and conflicts_within.csv. The project's repository "
        "has one, with the sources of its figures, in fixtures/data/peace_score.",
    ),
]
First = Annotated[int | None, typer.Option("--from", help="First year; by default the first there is.")]
Last = Annotated[int | None, typer.Option("--to", help="Last year; by default the last there is.")]
Plot = Annotated[Path | None, typer.Option(help="Draw to this file; its ending says in which format (png, svg, pdf).")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command(epilog="Example: `peace-score world fixtures/data/peace_score --from 1995 --to 2014 --plot curve.png`")
def world(
    directory: Directory, first: First = None, last: Last = None, plot: Plot = None, as_json: Json = False
) -> None:
    """The world's peace, year by year, by several aggregates of the nations' scores: mean, median and others."""
    with command.errors(ERRORS):
        from reference.peace_score.aggregates import AGGREGATES
        from reference.peace_score.models import scores_by_year

        history, years = _read(directory, first, last)
        scored = scores_by_year(history, years)
        curve = {
            year: {name: aggregate(list(scores.values())) for name, aggregate in AGGREGATES.items()}
            for year, scores in scored.items()
        }
        if as_json:
            _print_json({str(year): {"nations": len(scored[year]), **values} for year, values in curve.items()})
        else:
            rows = [
                [str(year), str(len(scored[year])), *(f"{value:.3f}" for value in values.values())]
                for year, values in curve.items()
            ]
            _print_table("The world's peace", ["year", "nations", *AGGREGATES], rows)
        if plot:
            from reference.peace_score.drawing import draw_curve

            _save(draw_curve(curve), plot)


@app.command(epilog="Example: `peace-score ranking fixtures/data/peace_score --year 2014 --top 10 --bottom 10`")
def ranking(
    directory: Directory,
    year: Annotated[int | None, typer.Option(help="By default the last there is.")] = None,
    top: Annotated[int | None, typer.Option(min=0, help="How many of the most peaceful; all, if no --bottom.")] = None,
    bottom: Annotated[int, typer.Option(min=0, help="How many of the least peaceful.")] = 0,
    plot: Plot = None,
    as_json: Json = False,
) -> None:
    """The nations of a year from the most to the least peaceful.

    With --plot as a graph: allies in a disc, hostile pairs in red. It is no map: the data has no borders.
    """
    with command.errors(ERRORS):
        from reference.peace_score.models import Model
        from reference.peace_score.score import ranking as ranked

        history, years = _read(directory, year, year)
        scores = Model().nations(history, years[-1])
        rows = ranked(scores)
        kept = len(rows) if top is None and not bottom else top or 0
        shown = rows[:kept] + rows[max(kept, len(rows) - bottom) :]
        if as_json:
            _print_json([{"rank": rank, "nation": nation, "score": score} for rank, nation, score in shown])
        else:
            lines = [[str(rank), nation, f"{score:.3f}"] for rank, nation, score in shown]
            _print_table(f"The nations' peace in {years[-1]}", ["rank", "nation", "score"], lines)
        if plot:
            from reference.peace_score.drawing import draw_world

            _save(draw_world(history.graph(years[-1]), scores, f"The world in {years[-1]}"), plot)


@app.command(epilog="Example: `peace-score graph mine.csv --aggregate median --top 10`")
def graph(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A CSV file with the columns nation_a, nation_b and weight (a row of nation_a alone is a nation "
            "without interactions; a column serenity may hold its peace within), or a .graphml file.",
        ),
    ],
    weight: Annotated[str, typer.Option(help="Column or attribute with the peace of a pair, from 0 to 1.")] = "weight",
    rule: Annotated[
        str | None, typer.Option(help="For directed interactions: lesser, greater or mean of the two directions.")
    ] = None,
    aggregate: Annotated[str, typer.Option(help="Of the nations' scores: mean, median and others.")] = "mean",
    top: Annotated[int | None, typer.Option(min=0, help="How many of the most peaceful; all by default.")] = None,
    as_json: Json = False,
) -> None:
    """The peace of a graph of your own: the world's, and the nations' from the most to the least peaceful."""
    with command.errors(ERRORS):
        from reference.peace_score.aggregates import AGGREGATES
        from reference.peace_score.data import DataError
        from reference.peace_score.graphs import read_graph
        from reference.peace_score.score import nation_peace
        from reference.peace_score.score import ranking as ranked

        if aggregate not in AGGREGATES:
            raise DataError(f"there is no aggregate {aggregate!r}: take one of {', '.join(AGGREGATES)}")
        scores = nation_peace(read_graph(file, weight=weight, rule=rule), weight=weight)
        if not scores:
            raise DataError(f"{file.name} has no nation")
        peace = AGGREGATES[aggregate](list(scores.values()))
        ordered = ranked(scores)[:top]
        if as_json:
            nations = [{"rank": rank, "nation": nation, "score": score} for rank, nation, score in ordered]
            _print_json({"peace": peace, "aggregate": aggregate, "count": len(scores), "nations": nations})
        else:
            lines = [[str(rank), str(nation), f"{score:.3f}"] for rank, nation, score in ordered]
            title = f"The {len(scores)} nations' peace; together {peace:.3f} ({aggregate})"
            _print_table(title, ["rank", "nation", "score"], lines)


@app.command(epilog="Example: `peace-score compare fixtures/data/peace_score --variations --plot compare.png`")
def compare(
    directory: Directory,
    first: First = None,
    last: Last = None,
    resamples: Annotated[int, typer.Option(min=100, help="Draws of the bootstrap.")] = 9999,
    seed: Annotated[int, typer.Option(help="Of the draws.")] = 0,
    variations: Annotated[bool, typer.Option("--variations", help="Also with one choice changed at a time.")] = False,
    plot: Plot = None,
    as_json: Json = False,
) -> None:
    """How far the ranking agrees with the Global Peace Index: Spearman's rank correlation and its 95 % interval.

    The index falls with peace (1 is most peaceful), so its sign is turned: 1 says that both rank alike, 0
    that one says nothing about the other. Besides each year, the years together: a nation's mean against its
    mean.
    """
    with command.errors(ERRORS):
        from rich.console import Console
        from rich.progress import Progress

        from reference.peace_score.agreement import agreement
        from reference.peace_score.models import VARIATIONS, Model, averaged, scores_by_year

        history, years = _read(directory, first, last, index=True)
        negated = {year: {nation: -score for nation, score in history.peace_index[year].items()} for year in years}
        scored = scores_by_year(history, years)
        together = (averaged(scored.values()), averaged(negated.values()))
        span = f"{years[0]}-{years[-1]}"
        work = {str(year): (scored[year], negated[year]) for year in years} | {span: together}
        if variations:
            work |= {
                name: (averaged(scores_by_year(history, years, model).values()), together[1])
                for name, model in VARIATIONS.items()
                if model != Model()
            }
        console = Console(stderr=True)
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            found = {
                name: agreement(*pair, resamples=resamples, seed=seed)
                for name, pair in progress.track(work.items(), description="resampling")
            }
        if as_json:
            _print_json({name: asdict(result) for name, result in found.items()})
        else:
            rows = [
                [name, str(it.nations), f"{it.correlation:.2f}", f"{it.low:.2f} to {it.high:.2f}"]
                for name, it in found.items()
            ]
            columns = ["compared", "nations", "correlation", "95 % interval"]
            _print_table("Rank correlation with the Global Peace Index, its sign turned", columns, rows)
        if plot:
            from reference.peace_score.drawing import draw_comparison

            _save(draw_comparison(*together, found[span], f"Our score and the Global Peace Index, {span}"), plot)


def _read(directory: Path, first: int | None, last: int | None, *, index: bool = False) -> tuple[History, list[int]]:
    """Return the interactions and the requested years; with `index`, only years that the index covers."""
    from reference.peace_score.data import DataError, read_history

    history = read_history(directory)
    there = [year for year in history.years if not index or history.peace_index.get(year)]
    if not there:
        lacking = "global_peace_index.csv of the same years" if index else "interactions"
        raise DataError(f"{directory} has no {lacking}")
    first, last = there[0] if first is None else first, there[-1] if last is None else last
    if not there[0] <= first <= last <= there[-1]:
        raise DataError(f"the data covers {there[0]} to {there[-1]}, not {first} to {last}")
    return history, [year for year in there if first <= year <= last]


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=2))


def _print_table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title)
    for column in columns:
        table.add_column(column.replace("-", "\n"), justify="left" if column in {"nation", "compared"} else "right")
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def _save(figure: Figure, path: Path) -> None:
    """Write the picture; matplotlib names the formats it knows where the ending is none of them."""
    figure.savefig(path, dpi=150)
    typer.echo(f"drawn to {path}", err=True)
