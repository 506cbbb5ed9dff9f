"""The command `customer-sharding`: registers databases, places and moves customers, and serves the sharding service.

Read this to see which options a command has and which method of `Store` or `Mover` it calls.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from reference.command_line import BAD_INPUT, Command, ExitCodes

if TYPE_CHECKING:
    from .move.moving import Mover
    from .service.store import Store

REFUSED, NO_ANSWER = 1, 3

command = Command("customer-sharding", extra="customer-sharding")
app = command.application(
    no_args_is_help=True,
    help="Place customers in databases, move them, and serve their routes.",
    epilog="Exit code: 1 on a conflict with the present state, 2 on bad input, 3 when a database does not answer. "
    "Examples:  customer-sharding --meta postgresql://sharding:...@meta/sharding databases  ·  "
    "customer-sharding register first --host db1 --user app --database shop --admin-user owner  ·  "
    "customer-sharding place 17  ·  customer-sharding check 17 second  ·  "
    "customer-sharding move 17 second  ·  customer-sharding resume  ·  "
    "customer-sharding serve --port 8000",
)

Name = Annotated[str, typer.Argument(help="Name of the database.")]
Customer = Annotated[str, typer.Argument(help="Identifier of the customer.")]
Target = Annotated[str, typer.Argument(help="Name of the database to move the customer to.")]
Lease = Annotated[float, typer.Option(min=0.0, help="The largest SHARDING_LEASE of all applications, in seconds.")]
Drain = Annotated[float, typer.Option(min=0.0, help="Seconds from the switch until the old rows are deleted.")]
Batch = Annotated[int, typer.Option(min=1, help="Rows copied in one transaction.")]
RowSecurity = Annotated[
    bool, typer.Option("--row-security", help="Restrict applications' sessions to their customer's rows (PostgreSQL).")
]
FenceLimit = Annotated[
    float, typer.Option(min=1.0, help="Longest time for which writes are refused, in seconds beyond the lease.")
]
Patience = Annotated[float, typer.Option(min=0.0, help="Seconds to keep retrying a database that does not answer.")]


@app.callback()
def options(
    context: typer.Context,
    meta: Annotated[
        str,
        typer.Option(
            envvar="SHARDING_META",
            show_envvar=True,
            show_default=False,
            help="The meta database, postgresql://USER:PASSWORD@HOST:PORT/DATABASE. Prefer the environment variable: "
            "the process list shows the password in an option.",
        ),
    ] = "",
) -> None:
    """Store the address of the meta database for the command that follows."""
    context.obj = meta


@app.command()
def register(
    context: typer.Context,
    name: Name,
    host: Annotated[str, typer.Option(help="Name or address of the server, as applications reach it.")],
    database: Annotated[str, typer.Option(help="Name of the database on the server.")],
    user: Annotated[str, typer.Option(help="User of the applications, with the right to read and write rows.")],
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the server.")] = 5432,
    flavor: Annotated[str, typer.Option(help="postgres or mysql.")] = "postgres",
    admin_user: Annotated[str | None, typer.Option(help="Owner of the tables, who prepares and moves them.")] = None,
    identifier_field: Annotated[str, typer.Option(help="The column that names the customer.")] = "customer_id",
    password: Annotated[
        str,
        typer.Option(
            envvar="SHARDING_PASSWORD", show_envvar=True, prompt=True, hide_input=True, help="Password of --user."
        ),
    ] = "",
    admin_password: Annotated[
        str, typer.Option(envvar="SHARDING_ADMIN_PASSWORD", show_envvar=True, help="Password of --admin-user.")
    ] = "",
    allow_superuser: Annotated[bool, typer.Option(help="Accept a superuser's credentials for applications.")] = False,
    row_security: RowSecurity = False,
) -> None:
    """Register a database and prepare it. Without SHARDING_PASSWORD, the command asks for the user's password."""
    with _store(context) as store:
        from .credentials import Credentials, Flavor

        kind = Flavor.of(flavor)
        admin = Credentials(host, port, admin_user, admin_password, database, kind) if admin_user else None
        credentials = Credentials(host, port, user, password, database, kind)
        tables = store.register(
            name,
            credentials,
            admin=admin,
            identifier_field=identifier_field,
            allow_superuser=allow_superuser,
            row_security=row_security,
        )
        typer.echo(f"{name} is ready: {_listed(tables)}")


@app.command()
def prepare(context: typer.Context, name: Name, row_security: RowSecurity = False) -> None:
    """Create the guard's triggers on tables that were added since the database was registered."""
    with _store(context) as store:
        typer.echo(f"{name} is ready: {_listed(store.prepare(name, row_security=row_security))}")


@app.command()
def databases(context: typer.Context) -> None:
    """List databases: name, address, flavor, customers."""
    with _store(context) as store:
        for each in store.databases():
            state = "" if each.ready else "\tnot prepared"
            it = each.credentials
            typer.echo(f"{each.name}\t{it.host}:{it.port}/{it.database}\t{it.flavor}\t{each.customers}{state}")


@app.command()
def place(
    context: typer.Context,
    customer: Customer,
    database: Annotated[str | None, typer.Option(help="Name of the database to place the customer in.")] = None,
) -> None:
    """Place a customer in the database with the fewest customers, or in the one given by --database."""
    with _store(context) as store:
        store.place(customer, database)
        typer.echo(store.whereabouts(customer)[0])


@app.command()
def routes(
    context: typer.Context,
    customer: Annotated[str | None, typer.Argument(help="Print the route of this customer only.")] = None,
) -> None:
    """Print the routes of all customers, or of one: customer, database and epoch."""
    with _store(context) as store:
        if customer is not None:
            name, epoch, _ = store.whereabouts(customer)
            typer.echo(f"{customer}\t{name}\t{epoch}")
            return
        for each in store.routes():
            typer.echo("\t".join(map(str, each)))


@app.command()
def move(
    context: typer.Context,
    customer: Customer,
    target: Target,
    lease: Lease = 1.0,
    drain: Drain = 30.0,
    batch: Batch = 500,
    fence_limit: FenceLimit = 10.0,
    patience: Patience = 60.0,
) -> None:
    """Move a customer while requests go on. After a crash or failure, the same command or `resume` continues it."""
    with _store(context) as store:
        store.begin_move(customer, target, lease=lease, drain=drain)
        _carry_out(_mover(store, customer, batch, fence_limit=fence_limit), customer, patience)


@app.command()
def check(context: typer.Context, customer: Customer, target: Target) -> None:
    """Print the problems that prevent a move, and change nothing. The exit code is 1 if there is a problem."""
    with _store(context) as store:
        problems = store.check_move(customer, target)
        for each in problems:
            typer.echo(each)
        if problems:
            from .errors import Conflict

            raise Conflict(f"customer {customer} cannot be moved to {target}: problems to solve first: {len(problems)}")
        typer.echo(f"customer {customer} can be moved to {target}")


@app.command()
def resume(
    context: typer.Context,
    lease: Annotated[float | None, typer.Option(min=0.0, help="Replaces the lease given to `move`.")] = None,
    drain: Annotated[float | None, typer.Option(min=0.0, help="Replaces the drain given to `move`.")] = None,
    batch: Batch = 500,
    fence_limit: FenceLimit = 10.0,
    patience: Patience = 60.0,
) -> None:
    """Continue all moves that are under way, for example after a mover was killed.

    If a move fails, the others are carried out nevertheless, and the exit code is that of the first failure.
    """
    with _store(context) as store:
        from .errors import ShardingError

        failures = []
        for each in store.moves():
            try:
                mover = _mover(store, each.customer, batch, lease, drain, fence_limit)
                _carry_out(mover, each.customer, patience)
            except ShardingError as error:
                failures.append(error)
                typer.echo(f"{each.customer}\tfailed: {error}")
        if failures:
            raise failures[0]


@app.command()
def abort(context: typer.Context, customer: Customer, patience: Patience = 60.0) -> None:
    """Undo a move that has not switched yet: the customer stays in its database."""
    with _store(context) as store:
        store.abort_move(customer)
        _carry_out(_mover(store, customer, 500), customer, patience)


@app.command()
def moves(context: typer.Context) -> None:
    """List moves under way: customer, source, target, phase."""
    with _store(context) as store:
        for each in store.moves():
            typer.echo(f"{each.customer}\t{each.source}\t{each.target}\t{each.phase}")


@app.command()
def description() -> None:
    """Print the service's OpenAPI description."""
    with command.errors(_exit_codes):
        from .service.description import description as described

        typer.echo(json.dumps(described(), indent=2))


@app.command()
def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    threads: Annotated[int, typer.Option(min=1, help="Requests that a worker answers at once.")] = 8,
    workers: Annotated[int, typer.Option(min=1, help="Processes that answer requests.")] = 1,
    certificate: Annotated[str | None, typer.Option(help="PEM file of the TLS certificate; needs --key.")] = None,
    key: Annotated[str | None, typer.Option(help="PEM file of the certificate's private key.")] = None,
) -> None:
    """Serve routes with gunicorn; tokens come from SHARDING_SERVICE_TOKENS and SHARDING_SERVICE_ADMIN_TOKENS."""
    with _store(context) as store:
        from .service import create_app

        create_app(store=store)  # a wrong setting is reported before gunicorn starts
    os.environ["SHARDING_META"] = context.obj
    gunicorn = [
        sys.executable,
        "-m",
        "gunicorn",
        "--bind",
        f"{host}:{port}",
        "--worker-class",
        "gthread",
        "--threads",
        str(threads),
    ]
    gunicorn += ["--workers", str(workers)]
    for option, value in (("--certfile", certificate), ("--keyfile", key)):
        gunicorn += [option, value] if value else []
    os.execv(gunicorn[0], [*gunicorn, "reference.customer_sharding.service:create_app()"])  # noqa: S606  # no shell is wanted


def _mover(
    store: Store,
    customer: str,
    batch: int,
    lease: float | None = None,
    drain: float | None = None,
    fence_limit: float = 10.0,
) -> Mover:
    from .move.moving import Mover

    return Mover(store, customer, lease=lease, drain=drain, batch=batch, fence_limit=fence_limit)


def _carry_out(mover: Mover, customer: str, patience: float) -> None:
    last = ""

    def report(step: str) -> None:
        nonlocal last
        if step != last and step != "acknowledge":
            typer.echo(f"{customer}\t{step}")
        last = step if step != "acknowledge" else last

    try:
        mover.run(patience, report)
    finally:
        mover.close()


@contextmanager
def _store(context: typer.Context) -> Generator[Store]:
    with command.errors(_exit_codes):
        from .errors import BadInput
        from .service.store import Store

        if not context.obj:
            raise BadInput("name the meta database: give --meta, or set SHARDING_META")
        store = Store(context.obj)
        try:
            yield store
        finally:
            store.close()


def _exit_codes() -> ExitCodes:
    from .errors import BadInput, ShardingError, Unavailable

    return {BadInput: BAD_INPUT, Unavailable: NO_ANSWER, ShardingError: REFUSED}


def _listed(tables: object) -> str:
    return (
        f"customers' tables are {', '.join(map(str, tables))}"
        if isinstance(tables, list) and tables
        else "no tables yet"
    )
