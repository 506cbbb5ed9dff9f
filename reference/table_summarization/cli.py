"""The command `table-summarization`, or `tsum` for short: prints the patterns of files, or of a warehouse's table.

Open it to see which argument of `summarize` an option sets.
"""

import csv
import enum
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reference.command_line import BAD_INPUT, Command
from reference.table_summarization.binning.rules import Binning, parse_rule
from reference.table_summarization.errors import MissingExtraError, SummaryError
from reference.table_summarization.pipeline import summarize
from reference.table_summarization.reading.files.csv_dialect import CsvFormat
from reference.table_summarization.results.summary import Summary

if TYPE_CHECKING:
    from reference.table_summarization.reading.source import Progress

command = Command("tsum", extra="table-summarization")
app = command.application(rich_markup_mode="markdown")


class Format(enum.StrEnum):
    """How the patterns are written."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"
    SENTENCES = "sentences"


class Missing(enum.StrEnum):
    """How missing values are treated."""

    VALUE = "value"
    IGNORE = "ignore"


class Cost(enum.StrEnum):
    """The cost models: how the saving of a pattern is computed."""

    CPYTHON = "cpython-3.11"
    PAPER = "paper"
    DOMAIN = "domain"


_EXAMPLES = """
Examples:

`tsum patients.csv`

`tsum 'flights/*.parquet' -c carrier,origin,dep_delay --bin dep_delay=0,15,60 -n 8 --plot flights.png`

`tsum s3://bucket/table/ --format json`

`tsum postgresql+psycopg://user@host/shop --table orders --min-coverage 5`
"""


@app.command(no_args_is_help=True, epilog=_EXAMPLES)
def tsum(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            show_default=False,
            help="CSV or Parquet files: paths, globs, folders, or addresses such as s3://bucket/key. With `--table` or "
            "`--query`: the SQLAlchemy URL of a warehouse.",
        ),
    ],
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--columns",
            "-c",
            metavar="A,B,...",
            show_default=False,
            help="The columns to summarize; all by default. May be repeated. Quote a name that has a comma, or a "
            """blank at an end: `-c '"Income, total",kind'`.""",
        ),
    ] = None,
    patterns: Annotated[
        int, typer.Option("--patterns", "-n", min=0, help="Maximum number of patterns; 0 for all.")
    ] = 20,
    min_coverage: Annotated[
        float, typer.Option(min=0, max=100, metavar="PERCENT", help="Minimum share of the rows that a pattern covers.")
    ] = 0.0,
    missing: Annotated[
        Missing, typer.Option(help="`value`: patterns may fix a missing value; `ignore`: they may not.")
    ] = Missing.VALUE,
    bins: Annotated[
        list[str] | None,
        typer.Option(
            "--bin",
            metavar="[COLUMN=]RULE",
            show_default=False,
            help="How to group numbers and times into intervals: `values` (not at all), `auto`, `quantiles:4`, "
            "`width:10`, `year`, `month`, `day`, `hour`, or edges such as `0,15,60`. The default, `auto`, makes "
            "quartiles of more than 32 different values.",
        ),
    ] = None,
    cost: Annotated[
        Cost, typer.Option(help="Cost model: the published package's, or one of two readings of the paper's.")
    ] = Cost.CPYTHON,
    output_format: Annotated[
        Format, typer.Option("--format", "-f", help="How the patterns are written.")
    ] = Format.TABLE,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the patterns to this file; its suffix chooses the format (png, svg, pdf).")
    ] = None,
    table: Annotated[
        str | None, typer.Option(help="Name of the warehouse's table: `table`, or `schema.table`.")
    ] = None,
    query: Annotated[str | None, typer.Option(help="A SELECT to run in the warehouse, instead of --table.")] = None,
    delimiter: Annotated[
        str | None, typer.Option(help="Separator of fields in CSV files, if it is not detected: a character, or `tab`.")
    ] = None,
    decimal: Annotated[str | None, typer.Option(help="Decimal separator in CSV files: `.` or `,`.")] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Encoding of CSV files that are not UTF-8, such as `latin-1`.")
    ] = None,
    header: Annotated[
        bool | None,
        typer.Option(
            "--header/--no-header", show_default=False, help="Whether the first line of a CSV file has column names."
        ),
    ] = None,
    max_distinct: Annotated[
        int, typer.Option(min=1, help="Maximum number of distinct rows; of more, a sample is searched (see --plan).")
    ] = 10_000_000,
    plan: Annotated[bool, typer.Option("--plan", help="Print on standard error how the summary was made.")] = False,
) -> None:
    """Print the few patterns that describe most of a table's rows, in the order of what they save."""
    with command.errors({SummaryError: BAD_INPUT}):
        if len(files) > 1 and (table is not None or query is not None):
            raise SummaryError("give one URL of a warehouse with --table or --query, not several arguments")
        with _progress() as progress:
            summary = summarize(
                files[0] if len(files) == 1 else files,
                columns=_names(columns),
                csv_format=CsvFormat("\t" if delimiter in {"tab", "\\t"} else delimiter, decimal, encoding, header),
                patterns=patterns or None,
                min_coverage=min_coverage,
                missing=missing.value,
                binning=_rules(bins or []),
                cost=cost.value,
                table=table,
                query=query,
                max_distinct=max_distinct,
                progress=progress,
            )
        if plot is not None:
            # The title must not show a warehouse's URL, which may hold a password.
            _draw(summary, plot, table or ("a query's rows" if query else ", ".join(files)))
        typer.echo(_written(summary, output_format))
        if plan:
            typer.echo(str(summary.plan), err=True)


def _written(summary: Summary, form: Format) -> str:
    match form:
        case Format.TABLE:
            return summary.to_text()
        case Format.JSON:
            return summary.to_json()
        case Format.MARKDOWN:
            return summary.to_markdown()
        case Format.SENTENCES:
            return "\n".join(summary.sentences())


def _names(options: list[str] | None) -> list[str] | None:
    """Return the columns of `--columns`; each option is a line of CSV."""
    return [name for row in csv.reader(options, skipinitialspace=True) for name in row] if options else None


def _rules(bins: list[str]) -> dict[str | None, Binning]:
    """Return the rules of `--bin` by column; the key None is for all columns without a rule of their own."""
    rules: dict[str | None, Binning] = {}
    for text in bins:
        column, equals, rule = text.rpartition("=")
        rules[column if equals else None] = parse_rule(rule)
    return rules


@contextmanager
def _progress() -> "Iterator[Progress | None]":
    """Show a progress bar on standard error, if that is a terminal and the table has several parts."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("counting", total=None, visible=False)

        def report(done: int, of: int) -> None:
            bar.update(task, completed=done, total=of, visible=of > 1)

        yield report


def _draw(summary: Summary, path: Path, title: str) -> None:
    try:
        from reference.table_summarization.results.drawing import draw

        draw(summary, title).savefig(path)
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"the package {error.name}") from None
    except (OSError, ValueError) as error:
        raise SummaryError(f"{path} cannot be drawn: {error}") from None
