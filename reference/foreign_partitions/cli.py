"""The command `foreign-partitions`: what is due, doing it, and whether all is sound."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from .errors import BadDescription, ForeignPartitionsError

if TYPE_CHECKING:
    from .deployment import Deployment

UNSOUND, BAD_INPUT, NO_ANSWER = 1, 2, 3

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # they hold passwords
    help="Set up and check a PostgreSQL table that is partitioned by hash over several servers.",
    epilog="Exit code: 1 when verify found something, 2 on bad input, 3 when a server does not answer or refuses. "
    "Examples:  foreign-partitions plan person.toml  ·  "
    "POSTGRES_5_PASSWORD=... foreign-partitions apply person.toml  ·  foreign-partitions verify person.toml",
)

File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="The description, .toml or .json: [base] and [servers.NAME] with host, port, database, user and "
        "password_environment; [table] with name, columns, hash, identity, key and indexes; a [[partitions]] with name "
        "and server for each remainder.",
    ),
]


@app.command()
def plan(file: File) -> None:
    """Show the statements that apply would execute."""
    with _deployment(file) as deployment:
        due = deployment.plan()
        for change in due.changes:
            typer.echo(f"{change};")
        if due.conflicts:
            _end(NO_ANSWER, "apply would refuse: " + "; ".join(due.conflicts))
        if not due.changes:
            typer.echo("nothing to do")


@app.command()
def apply(file: File) -> None:
    """Make what is described, and leave what is there already."""
    with _deployment(file) as deployment:
        done = deployment.apply()
        for change in done.changes:
            typer.echo(f"{change};")
        if not done.changes:
            typer.echo("nothing to do")


@app.command()
def verify(file: File) -> None:
    """Look for rows that no pruned query would find, for duplicates, and for drift."""
    with _deployment(file) as deployment:
        report = deployment.verify()
        for leaf, number in report.rows.items():
            typer.echo(f"{leaf}\t{number} rows\t{report.misplaced.get(leaf, 0)} misplaced")
        for found in report.duplicates:
            typer.echo("duplicate\t" + ", ".join(f"{name} {value}" for name, value in found.items()))
        for each in (*report.drift, *report.conflicts):
            typer.echo(f"drift\t{each}")
        if not report.sound:
            raise typer.Exit(UNSOUND)


@contextmanager
def _deployment(file: Path) -> Generator[Deployment]:
    try:
        from .deployment import Deployment
        from .reading import read
    except ModuleNotFoundError as missing:
        _end(BAD_INPUT, f"{missing.name} is missing: pip install 'executable-documents[foreign_partitions]'")
    try:
        with Deployment(read(file)) as deployment:
            yield deployment
    except BadDescription as error:
        _end(BAD_INPUT, str(error))
    except ForeignPartitionsError as error:
        _end(NO_ANSWER, str(error))


def _end(code: int, sentence: str) -> NoReturn:
    typer.echo(f"foreign-partitions: {sentence}", err=True)
    raise typer.Exit(code)
