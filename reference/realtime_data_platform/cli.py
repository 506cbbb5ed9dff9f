"""The command `data-platform`: create, show, verify and remove the pipeline of a PostgreSQL table.

Read this to see what each subcommand prints and which function of the library it calls. The options that subcommands
share are in `command_context`, and the subcommand `dashboard` is in `dashboard_command`.
"""

from __future__ import annotations

import os
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .command_context import (
    DIFFERS,
    STOPPED,
    AsText,
    Columns,
    Name,
    OptionalName,
    Schema,
    TablesFile,
    Where,
    WithTopic,
    Yes,
    command,
    described_of,
    host_and_port,
    kafka_listener,
    members_of,
    platform_of,
    required,
    set_of,
)
from .dashboard_command import dashboard
from .errors import BadInput
from .recovery_command import recover

if TYPE_CHECKING:
    from .platform import Platform
    from .source.description import Table

app = command.application(
    no_args_is_help=True,
    help="Follow a PostgreSQL table through Kafka and Pinot into a Trino view.",
    epilog="Exit code: 1 when the view differs, 2 on bad input, 3 when a server does not answer or refuses, or "
    "somebody else made an object of the same name, 4 when status finds that a part of the pipeline has stopped. "
    "Examples:  data-platform apply person  ·  data-platform query 'SELECT * FROM hive.views.person'  ·  "
    "data-platform verify person  ·  data-platform apply order --where \"placed >= DATE '2025-01-01'\"",
)


@app.callback()
def options(
    context: typer.Context,
    postgres: Annotated[
        str, typer.Option(envvar="POSTGRES", help="DSN of PostgreSQL.")
    ] = "postgresql://postgres:postgres@localhost:5432/postgres",
    connect: Annotated[str, typer.Option(envvar="CONNECT", help="URL of Kafka Connect.")] = "http://localhost:8083",
    controller: Annotated[
        str, typer.Option(envvar="PINOT_CONTROLLER", help="URL of Pinot's controller.")
    ] = "http://localhost:9000",
    broker: Annotated[
        str, typer.Option(envvar="PINOT_BROKER", help="URL of Pinot's broker.")
    ] = "http://localhost:8099",
    kafka: Annotated[
        str, typer.Option(envvar="KAFKA", help="A broker of Kafka: HOST:PORT, or SASL_SSL://USER@HOST:PORT.")
    ] = "localhost:9094",
    trino: Annotated[str, typer.Option(envvar="TRINO", help="URL of Trino's coordinator.")] = "http://localhost:8080",
    password: Annotated[
        str,
        typer.Option(
            envvar="CONNECT_PASSWORD",
            help="Reference that Connect resolves to PostgreSQL's password.",
        ),
    ] = "${env:POSTGRES_PASSWORD}",  # noqa: S107  # the reference
    postgres_peer: Annotated[
        str, typer.Option(envvar="POSTGRES_SQL_PEER", help="PostgreSQL's host and port, as Connect reaches it.")
    ] = "postgres:5432",
    kafka_peer: Annotated[
        str,
        typer.Option(
            envvar="KAFKA_PLAIN_PEER",
            help="A broker, as Pinot reaches it: HOST:PORT, or SSL://HOST:PORT, or SASL_SSL://.",
        ),
    ] = "kafka:9092",
    controller_peer: Annotated[
        str, typer.Option(envvar="PINOT_CONTROLLER_HTTP_PEER", help="Pinot's controller, as Trino reaches it.")
    ] = "pinot-controller:9000",
    server_peer: Annotated[
        str, typer.Option(envvar="PINOT_SERVER_GRPC_PEER", help="A Pinot server's gRPC port, as Trino reaches it.")
    ] = "pinot-server:8090",
    metastore_peer: Annotated[
        str, typer.Option(envvar="HIVE_THRIFT_PEER", help="Hive's metastore, as Trino reaches it.")
    ] = "hive:9083",
    s3_peer: Annotated[
        str, typer.Option(envvar="S3_API_PEER", help="The object store, as Trino reaches it.")
    ] = "s3:7070",
    ca: Annotated[
        str,
        typer.Option(
            envvar="DATA_PLATFORM_CA",
            help="File of trusted certificate authorities. Default: REQUESTS_CA_BUNDLE, or SSL_CERT_FILE.",
        ),
    ] = "",
    ca_peer: Annotated[
        str, typer.Option(envvar="CA_PEER", help="Path of such a file on the machines of Connect and Pinot.")
    ] = "",
    certificate_peer: Annotated[
        str,
        typer.Option(envvar="CERTIFICATE_PEER", help="Path there of key and certificate that Pinot shows to Kafka."),
    ] = "",
    patience: Annotated[float, typer.Option(help="Timeout of each step, in seconds.")] = 60,
) -> None:
    """Take the addresses of the services, which `make up SCENARIO=realtime_data_platform` prints.

    An option whose name ends in `peer` is the host and port at which the services reach each other.

    Addresses of encrypted connections are `https://USER@HOST`, whose default port is 443, `SASL_SSL://USER@HOST:PORT`
    for Kafka, and `?sslmode=verify-full` for PostgreSQL, which also applies to the connection of Kafka Connect.
    Passwords are read from TRINO_PASSWORD, PINOT_PASSWORD, CONNECT_REST_PASSWORD, KAFKA_PASSWORD and PGPASSWORD.
    """

    def platform() -> Platform:
        from .endpoints import KafkaAddress, with_password
        from .platform import Addresses, Platform
        from .source.postgres import sslmode, user_and_database
        from .stream.artifacts import Peers

        def secret(url: str, service: str) -> str:
            return with_password(url, os.environ.get(f"{service}_PASSWORD", ""))

        KafkaAddress.of(kafka)
        user, database = user_and_database(postgres)
        peers = Peers(
            postgres=host_and_port(postgres_peer),
            user=user,
            password=password,
            database=database,
            sslmode=sslmode(postgres),
            kafka=kafka_listener(kafka_peer),
            ca=ca_peer,
            certificate=certificate_peer,
            pinot_controller=host_and_port(controller_peer),
            pinot_grpc_port=int(host_and_port(server_peer).rpartition(":")[2]),
            metastore=f"thrift://{host_and_port(metastore_peer)}",
            s3=f"http://{host_and_port(s3_peer)}",
        )
        addresses = Addresses(
            postgres=postgres,
            connect=secret(connect, "CONNECT_REST"),
            controller=secret(controller, "PINOT"),
            broker=secret(broker, "PINOT"),
            trino=secret(trino, "TRINO"),
            kafka=secret(kafka, "KAFKA"),
            ca=ca,
        )
        return Platform(addresses, peers, patience=patience)

    context.obj = platform


@app.command()
def apply(
    context: typer.Context,
    table: OptionalName = None,
    schema: Schema = "public",
    where: Where = None,
    columns: Columns = None,
    as_text: AsText = None,
    file: TablesFile = None,
) -> None:
    """Create or update connector, Pinot schema and table, catalogs and view of a table; idempotent.

    With --file, the tables that the file lists share one connector and one replication slot. A table that is new in the
    file is added without a new snapshot of the others.
    """
    if file is not None:
        with set_of(context, table, file) as (tables, members):
            new = tables.apply(members)
            for each in members:
                added = "added" if each.table.pipeline in new else "followed before"
                typer.echo(f"{_whole(each.table)}: hive.views.{each.table.pipeline} is ready ({added})")
        return
    with described_of(context, required(table), schema, columns, as_text) as (platform, described):
        platform.apply(described, where)
        typer.echo(f"{table}: hive.views.{described.pipeline} is ready")


@app.command()
def plan(
    context: typer.Context,
    table: OptionalName = None,
    schema: Schema = "public",
    where: Where = None,
    columns: Columns = None,
    as_text: AsText = None,
    file: TablesFile = None,
) -> None:
    """Print what apply would create or change, with its JSON and SQL; nothing is changed."""
    with members_of(context, table, schema, where, columns, as_text, file) as (platform, name, members):
        from .operation.plan import planned

        changes = list(planned(platform, members, name))
        for change in changes:
            typer.echo(f"{change.what} {change.part}\n{textwrap.indent(change.text.strip(), '  ')}")
        if not changes:
            typer.echo("nothing to change")


@app.command()
def render(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="The folder to write into.")],
    table: OptionalName = None,
    schema: Schema = "public",
    where: Where = None,
    columns: Columns = None,
    as_text: AsText = None,
    file: TablesFile = None,
) -> None:
    """Write everything that apply would create into a folder, as JSON and SQL files for other tools."""
    with members_of(context, table, schema, where, columns, as_text, file) as (platform, name, members):
        from .operation.plan import rendered, write

        files = rendered(platform, members, name)
        write(files, folder)
        for path in files:
            typer.echo(str(folder / path))


@app.command()
def status(
    context: typer.Context, table: OptionalName = None, schema: Schema = "public", file: TablesFile = None
) -> None:
    """Show the parts of a table's pipeline and the lag of each hop; exit with 4 when a part has stopped."""
    with platform_of(context) as platform:
        if file is None:
            found = {required(table): platform.health(required(table), schema)}
        else:
            with set_of(context, table, file) as (tables, members):
                found = {_whole(each.table): tables.health(each.table) for each in members}
        for name, health in found.items():
            if file is not None:
                typer.echo(f"{name}:")
            for part, state in health.parts.items():
                typer.echo(f"{part:10} {state}")
            for hop, lag in health.behind.items():
                typer.echo(f"{hop}: {lag}")
        if stopped := dict.fromkeys(sentence for health in found.values() for sentence in health.stopped):
            command.end(STOPPED, "; ".join(stopped))


@app.command()
def query(context: typer.Context, sql: Annotated[str, typer.Argument(help="One SQL statement for Trino.")]) -> None:
    """Run a Trino statement, and print each row on a line, with tabs between the columns."""
    with platform_of(context) as platform:
        for row in platform.trino.query(sql):
            typer.echo("\t".join(map(str, row)))


@app.command()
def verify(
    context: typer.Context,
    table: Name,
    schema: Schema = "public",
    columns: Columns = None,
    as_text: AsText = None,
) -> None:
    """Compare the table in PostgreSQL with the view, row by row; give the same options as to `apply`."""
    with described_of(context, table, schema, columns, as_text) as (platform, described):
        difference = platform.verify(described)
    for row in difference.missing:
        typer.echo(f"missing\t{row}")
    for row in difference.extra:
        typer.echo(f"extra\t{row}")
    if difference.uncompared:
        typer.echo(f"and further differences among {difference.uncompared} rows that were not compared one by one")
    if difference:
        raise typer.Exit(DIFFERS)
    typer.echo(f"{table}: the view equals the table")


@app.command()
def compact(context: typer.Context, table: Name, schema: Schema = "public") -> None:
    """Fold the changes of a table into the base of its view, so that queries read only later changes from Pinot.

    Let a scheduler run it regularly. The view is exact before, during and after it.
    """
    with platform_of(context) as platform:
        done = platform.compact(table, schema)
        typer.echo(f"{table}: {done.changes} changes folded, {done.left} left, {done.dropped} segments removed")


@app.command()
def resend(
    context: typer.Context,
    table: Name,
    schema: Schema = "public",
    columns: Columns = None,
    as_text: AsText = None,
) -> None:
    """Emit a change event of every row, so that values which no event had arrive, such as a new column's default."""
    with described_of(context, table, schema, columns, as_text) as (platform, described):
        typer.echo(f"{table}: {platform.resend(described)} rows")


@app.command()
def remove(
    context: typer.Context,
    table: OptionalName = None,
    schema: Schema = "public",
    file: TablesFile = None,
    topic: WithTopic = False,
    yes: Yes = False,
) -> None:
    """Remove the pipeline of a table: its view, base, Pinot table, connector and slot; the table itself stays.

    With --file and the name of a table, that table is removed from the set; with --file alone, the whole set. A later
    apply reads a topic that was not deleted again: use --topic if the table may be empty by then.
    """
    with_topic = " and its topic" if topic else ""
    if file is not None:
        with set_of(context, None, file) as (tables, members):
            listed = [each.table for each in members]
            leaving = [each for each in listed if table is None or (each.name, each.schema) == (table, schema)]
            if not leaving:
                raise BadInput(f"{file} lists no table {schema}.{table}")
            names = ", ".join(map(_whole, leaving))
            command.confirm(f"Remove what the platform holds of {names}{with_topic}?", agreed=yes)
            tables.remove(leaving, [each for each in listed if each not in leaving], topics=topic)
            for each in leaving:
                typer.echo(f"{_whole(each)}: removed")
        return
    with platform_of(context) as platform:
        name = required(table)
        command.confirm(f"Remove what the platform holds of {schema}.{name}{with_topic}?", agreed=yes)
        platform.remove(name, schema, topic=topic)
        typer.echo(f"{table}: removed")


app.command()(recover)
app.command()(dashboard)


def _whole(table: Table) -> str:
    """Return the name of a table of a set with its schema, since a set may have tables of the same name."""
    return f"{table.schema}.{table.name}"
