"""What the subcommands of `data-platform` share: options, exit codes, and context managers that open the platform.

Read this before you add a subcommand: `platform_of`, `described_of`, `members_of` and `set_of` turn options into the
objects of the library, and every error of the library into one sentence and an exit code.
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
    Path | None, typer.Option(help="A TOML file that lists the tables of a set; give it instead of a table's name.")
]
Schema = Annotated[str, typer.Option(help="The table's schema in PostgreSQL.")]
Where = Annotated[str | None, typer.Option(help="A condition on the view's columns, in SQL.")]
Columns = Annotated[
    list[str] | None,
    typer.Option(help="A column to carry besides the key; repeat the option for each column. Default: all columns."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before data is deleted.")]
WithTopic = Annotated[
    bool,
    typer.Option("--topic", help="Also delete the topic in Kafka, so that a later apply begins without its messages."),
]
AsText = Annotated[
    list[str] | None,
    typer.Option(help="A column to carry as PostgreSQL's text; repeat the option for each column."),
]


def host_and_port(text: str) -> str:
    """Return an address unchanged, after checking that it has the form `host:port`.

    Raises:
        BadInput: The address has another form.
    """
    host, _, port = text.rpartition(":")
    if not host or "/" in host or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise BadInput(f"{text!r} is not the address of a peer: give its host and port, such as kafka:9092")
    return text


def kafka_listener(text: str) -> str:
    """Return an address of Kafka as it is, each of whose brokers has a host and a port.

    Raises:
        BadInput: It is none.
    """
    from .endpoints import KafkaAddress

    for broker in KafkaAddress.of(text).brokers.split(","):
        host_and_port(broker)
    return text


@contextmanager
def platform_of(context: typer.Context) -> Generator[Platform]:
    """Give the platform at the addresses of the command line; an error of the platform ends the command."""
    with command.errors({BadInput: BAD_INPUT, PlatformError: NO_ANSWER}):
        yield context.obj()


def required(table: str | None) -> str:
    """Return the name of a table, or end the command when the command line has no name."""
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
            raise BadInput("with --file, give neither a table nor --where, --columns or --as-text: the file has them")
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
    """Give the platform, and the definition of a table as read from PostgreSQL."""
    with platform_of(context) as platform:
        yield platform, platform.describe(table, schema, columns=columns or (), as_text=as_text or ())
