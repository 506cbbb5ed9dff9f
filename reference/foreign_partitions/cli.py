"""The command `foreign-partitions`: show the missing statements, execute them, and check the result."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reference.command_line import BAD_INPUT, Command

from .errors import BadDescription, ForeignPartitionsError

if TYPE_CHECKING:
    from .deploy.deployment import Deployment

UNSOUND, NO_ANSWER = 1, 3

command = Command("foreign-partitions", extra="foreign-partitions")
app = command.application(
    no_args_is_help=True,
    help="Set up and check a PostgreSQL table that is partitioned by hash over several servers.",
    epilog="Exit code: 1 when verify found something, 2 on bad input, 3 when a server does not answer or refuses. "
    "Examples:  foreign-partitions plan person.toml  ·  "
    "POSTGRES_5_PASSWORD=... foreign-partitions apply person.toml  ·  foreign-partitions verify person.toml  ·  "
    "foreign-partitions rebalance --plan person_of_8.toml",
)

File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="The description, .toml or .json: [base] and [servers.NAME] with host, port, database, user, "
        "password_environment and tls (sslmode, sslrootcert and so on, for this machine); [servers.NAME.settings] "
        "with those for the base; [table] with name, columns, hash, identity, key and indexes; a [[partitions]] with "
        "name and server for each remainder.",
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
            command.end(NO_ANSWER, "apply would refuse: " + "; ".join(due.conflicts))
        if not due.changes:
            typer.echo("nothing to do")


@app.command()
def apply(file: File) -> None:
    """Create what the description lacks on its servers, and leave the rest as it is."""
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


@app.command()
def rebalance(
    file: File,
    plan: Annotated[bool, typer.Option("--plan", help="Show what would be replaced, and change nothing.")] = False,
) -> None:
    """Replace the partitions by the described ones, on these or on more servers, while the table is in use.

    Run the same command again to continue after a crash.
    """
    with _errors():
        from .reading import read
        from .rebalance.rebalancing import Rebalance

        with Rebalance(read(file)) as rebalancing:
            if plan:
                found, conflicts = rebalancing.plan()
                for move in found:
                    typer.echo(str(move))
                if conflicts:
                    command.end(NO_ANSWER, "rebalance would refuse: " + "; ".join(conflicts))
                if not found:
                    typer.echo("no partition is to be replaced")
                return
            steps = 0
            for step in rebalancing.run():
                typer.echo(step)
                steps += 1
            if not steps:
                typer.echo("nothing to do")


@contextmanager
def _deployment(file: Path) -> Generator[Deployment]:
    with _errors():
        from .deploy.deployment import Deployment
        from .reading import read

        with Deployment(read(file)) as deployment:
            yield deployment


@contextmanager
def _errors() -> Generator[None]:
    with command.errors({BadDescription: BAD_INPUT, ForeignPartitionsError: NO_ANSWER}):
        import psycopg

        try:
            yield
        except psycopg.Error as error:
            command.end(NO_ANSWER, f"a server refuses: {error.diag.message_primary or ' '.join(str(error).split())}")
