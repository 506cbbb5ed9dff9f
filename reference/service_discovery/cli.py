"""The command `service-discovery`: shows registered services, and registers services that cannot do so themselves."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from reference.command_line import BAD_INPUT, Command

from .errors import BadInput, DiscoveryError, NoInstance, NotAllowed, Unreachable

if TYPE_CHECKING:
    from .lookup.discovery import Discovery
    from .zookeeper.connection import Connection

# Addresses by service; None while ZooKeeper does not answer.
Look = Callable[[], Mapping[str, Sequence[str]] | None]

NOT_FOUND, NO_ANSWER = 1, 3

command = Command("service-discovery", extra="service-discovery")
app = command.application(
    no_args_is_help=True,
    help="Show which services are registered in ZooKeeper, and register one.",
    epilog="Exit code: 1 when nothing was found, 2 on bad input, 3 when ZooKeeper does not answer or refuses. "
    "Examples:  service-discovery list  ·  service-discovery --hosts zoo1:2181,zoo2:2181 find users  ·  "
    "service-discovery watch users  ·  service-discovery register legacy db.example 5432",
)


@app.callback()
def options(
    context: typer.Context,
    hosts: Annotated[
        str, typer.Option(envvar="ZOOKEEPER", help="Where ZooKeeper is: HOST:PORT,HOST:PORT and optionally a /PATH.")
    ] = "127.0.0.1:2181",
    timeout: Annotated[float, typer.Option(help="Seconds to wait for a connection or an answer.")] = 5.0,
    session_timeout: Annotated[
        float, typer.Option(help="Seconds without a sign of life until ZooKeeper takes a registration back.")
    ] = 10.0,
    credential: Annotated[
        str | None,
        typer.Option(
            envvar="ZOOKEEPER_CREDENTIAL",
            show_envvar=True,
            help="USER:PASSWORD to register with; better set in the environment, where no process list shows it.",
        ),
    ] = None,
) -> None:
    """Options of all commands: the address of ZooKeeper, timeouts and the credential."""

    def connect() -> Connection:
        from .zookeeper.connection import Connection
        from .zookeeper.credential import Credential

        # kazoo logs each attempt to connect; the command reports the failure itself, in one sentence.
        logging.getLogger("kazoo").addHandler(logging.NullHandler())
        return Connection(
            hosts,
            session_timeout=session_timeout,
            connect_timeout=timeout,
            credential=Credential.from_text(credential) if credential else None,
        )

    context.obj = connect


@app.command("list")
def list_services(context: typer.Context) -> None:
    """List all services that ever had an instance, with the number of those they have now."""
    with _discovery(context) as discovery:
        services = discovery.services()
        for service in services:
            try:
                typer.echo(f"{service}\t{len(discovery.instances(service))}")
            except NotAllowed as error:
                typer.echo(f"service-discovery: {error}", err=True)
        if not services:
            command.end(NOT_FOUND, "no service was ever registered")


@app.command()
def find(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the service.")],
    every: Annotated[bool, typer.Option("--all", help="Print all instances instead of a random one.")] = False,
) -> None:
    """Print the address of an instance of a service, HOST:PORT."""
    with _discovery(context) as discovery:
        found = discovery.instances(name) if every else [discovery.require(name)]
        for instance in found:
            typer.echo(str(instance))
        if not found:
            raise NoInstance(f"no instance of {name!r} is registered")


@app.command()
def watch(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="Names of services; all by default.")] = None,
    every: Annotated[float, typer.Option(min=0.05, help="Seconds between two looks.")] = 0.5,
) -> None:
    """Show which instances come and go until Ctrl-C: a live table, or plain lines where the output is no terminal."""
    with _discovery(context) as discovery:

        def addresses(name: str) -> list[str]:
            try:
                return list(map(str, discovery.instances(name)))
            except NotAllowed:
                return []

        # A bad name, an unreadable service or an absent ZooKeeper is reported before anything is shown.
        for name in names or ():
            discovery.instances(name)
        discovery.services()

        def look() -> dict[str, list[str]] | None:
            try:
                return {name: addresses(name) for name in names or discovery.services()}
            except Unreachable:
                return None

        stop = _until_interrupted()
        if sys.stdout.isatty():
            _table(look, stop, every)
        else:
            _lines(look, stop, every)


@app.command()
def register(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the service.")],
    host: Annotated[str, typer.Argument(help="Host that its callers reach it at.")],
    port: Annotated[int, typer.Argument(help="Port that it listens on.")],
    wait: Annotated[bool, typer.Option("--wait", help="Wait for ZooKeeper where it does not answer yet.")] = False,
    check_every: Annotated[
        float | None,
        typer.Option(help="Seconds between two checks that it still listens; it is deregistered while it does not."),
    ] = None,
) -> None:
    """Register an instance that cannot register itself, from when it listens until Ctrl-C."""
    with _connection(context) as connection:
        from .instance import Instance
        from .register.health import HealthCheck
        from .register.registration import Registration, accepts

        instance = Instance(host, port)
        health = None if check_every is None else HealthCheck(lambda: accepts(instance), every=check_every)
        registration = Registration(connection, name, instance, health=health, at_start="wait" if wait else "fail")
        stop = _until_interrupted()
        with registration:
            while not registration.wait(0.1) and not stop.is_set():
                pass
            if not stop.is_set():
                typer.echo(f"{name} is registered at {registration.instance}; Ctrl-C ends it")
            stop.wait()


@contextmanager
def _connection(context: typer.Context) -> Generator[Connection]:
    with (
        command.errors({BadInput: BAD_INPUT, NoInstance: NOT_FOUND, DiscoveryError: NO_ANSWER}),
        context.obj() as connection,
    ):
        yield connection


@contextmanager
def _discovery(context: typer.Context) -> Generator[Discovery]:
    with _connection(context) as connection:
        from .lookup.discovery import Discovery

        yield Discovery(connection)


def _until_interrupted() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _lines(look: Look, stop: threading.Event, every: float) -> None:
    before: set[tuple[str, str]] = set()
    while not stop.is_set():
        seen = look()
        if seen is not None:
            now = {(name, each) for name, instances in seen.items() for each in instances}
            for sign, some in (("-", before - now), ("+", now - before)):
                for name, instance in sorted(some):
                    moment = datetime.now().astimezone().isoformat(timespec="milliseconds")
                    typer.echo(f"{moment} {sign} {name} {instance}")
            before = now
        stop.wait(every)


def _table(look: Look, stop: threading.Event, every: float) -> None:
    from rich.live import Live
    from rich.table import Table

    with Live(auto_refresh=False) as live:
        while not stop.is_set():
            seen = look()
            table = Table(
                "service", "instances", "addresses", caption="ZooKeeper does not answer" if seen is None else ""
            )
            for name, instances in (seen or {}).items():
                shown = ", ".join(instances[:8]) + (", ..." if len(instances) > 8 else "")
                table.add_row(name, str(len(instances)), shown)
            live.update(table, refresh=True)
            stop.wait(every)
