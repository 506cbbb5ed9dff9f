"""What the commands of `data-platform` share: their options, and the platform and the tables that these name.

Each error becomes one sentence and an exit code here.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reference.command_line import BAD_INPUT, Command

from .errors import BadInput, PlatformError

if TYPE_CHECKING:
    from .operation.table_set import Member, TableSet
    from .platform import Platform
    from .source.description import Table

DIFFERS, NO_ANSWER, STOPPED = 1, 3, 4

command = Command("data-platform", extra="realtime-data-platform")

Name = Annotated[str, typer.Argument(help="The table's name.")]
OptionalName = Annotated[str | None, typer.Argument(help="The table's name.")]
TablesFile = Annotated[
    Path | None, typer.Option(help="A TOML file that lists the tables of a set, in the place of a table's name.")
]
Schema = Annotated[str, typer.Option(help="Its schema in PostgreSQL.")]
Where = Annotated[str | None, typer.Option(help="A condition on the view's columns, in SQL.")]
Columns = Annotated[
    list[str] | None, typer.Option(help="A column to carry besides the key; again for each. Default: all.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before data is deleted.")]
WithTopic = Annotated[
    bool,
    typer.Option("--topic", help="Delete the topic in Kafka, too, so that a later apply begins without its messages."),
]
AsText = Annotated[list[str] | None, typer.Option(help="A column to carry as PostgreSQL's text; again for each.")]


def host_and_port(text: str) -> str:
    """Return an address of the form `host:port` as it is.

    Raises:
        BadInput: It is none.
    """
    host, _, port = text.rpartition(":")
    if not host or "/" in host or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise BadInput(f"{text!r} is not the address of a peer: give its host and port, such as kafka:9092")
    return text


@contextmanager
def platform_of(context: typer.Context) -> Generator[Platform]:
    """Give the platform at the addresses of the command line; an error of it ends the command."""
    with command.errors({BadInput: BAD_INPUT, PlatformError: NO_ANSWER}):
        yield context.obj()


def required(table: str | None) -> str:
    """Return the name of a table, or end the command when there is none."""
    if table is None:
        command.end(BAD_INPUT, "give the name of a table, or --file with a list of tables")
    return table


@contextmanager
def set_of(context: typer.Context, table: str | None, file: Path) -> Generator[tuple[TableSet, list[Member]]]:
    """Give the set that a file lists, and its tables."""
    with members_of(context, table, "public", None, None, None, file) as (platform, name, members):
        yield platform.table_set(name), members


@contextmanager
def members_of(
    context: typer.Context,
    table: str | None,
    schema: str,
    where: str | None,
    columns: list[str] | None,
    as_text: list[str] | None,
    file: Path | None,
) -> Generator[tuple[Platform, str, list[Member]]]:
    """Give the tables of a file and the name of their set, or one table and an empty name."""
    with platform_of(context) as platform:
        from .operation.table_set import Member
        from .source.tables_file import read

        if file is None:
            described = platform.describe(required(table), schema, columns=columns or (), as_text=as_text or ())
            yield platform, "", [Member(described, {described.pipeline: where} if where else {})]
            return
        if table is not None or where or columns or as_text:
            raise BadInput("with --file, give neither a table nor what the file says of it")
        name, listed = read(file)
        members = [
            Member(platform.describe(each.name, each.schema, columns=each.columns, as_text=each.as_text), each.views)
            for each in listed
        ]
        yield platform, name, members


@contextmanager
def described_of(
    context: typer.Context, table: str, schema: str, columns: list[str] | None, as_text: list[str] | None
) -> Generator[tuple[Platform, Table]]:
    """Give the platform, and a table as PostgreSQL has it."""
    with platform_of(context) as platform:
        yield platform, platform.describe(table, schema, columns=columns or (), as_text=as_text or ())
