"""The command `sphinx-documentation`: check documentation, list routes, write OpenAPI, begin a project."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reference.command_line import BAD_INPUT, Command

from .errors import BadInput, DocumentationError, NotImportable

if TYPE_CHECKING:
    from flask import Flask

FAULTS = 1
CODES: Mapping[type[Exception], int] = {BadInput: BAD_INPUT, NotImportable: FAULTS, DocumentationError: FAULTS}

command = Command("sphinx-documentation", extra="sphinx-documentation")
app = command.application(
    no_args_is_help=True,
    help="Document a Flask service with Sphinx, and check that nothing is missing.",
    epilog="Exit code: 1 when the documentation has faults or the service cannot be imported, 2 on bad input. "
    "Examples:  sphinx-documentation new shop  ·  sphinx-documentation check docs/source --package shop "
    "--app 'shop:create_app()'  ·  sphinx-documentation routes 'shop:create_app()'",
)

Application = Annotated[str, typer.Argument(metavar="APP", help="MODULE:ATTRIBUTE or MODULE:FACTORY().")]
Where = Annotated[Path, typer.Option("--path", help="Folder that the service is imported from.")]


@app.command()
def new(folder: Annotated[Path, typer.Argument(help="A folder that does not exist yet, or an empty one.")]) -> None:
    """Begin a project: a documented service, its pages, and a script that builds them."""
    from .scaffold import create

    with command.errors(CODES):
        for path in create(folder):
            typer.echo(str(folder / path))


@app.command()
def check(
    source: Annotated[Path, typer.Argument(help="Folder of conf.py.")] = Path("docs/source"),
    application: Annotated[
        str | None, typer.Option("--app", help="MODULE:ATTRIBUTE or MODULE:FACTORY(); by default conf.py's.")
    ] = None,
    packages: Annotated[
        list[str] | None, typer.Option("--package", help="A package whose public names must be on the pages.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes that read pages.")] = 1,
) -> None:
    """Read all pages and report each warning and fault; nothing is written, and conf.py needs no change."""
    with command.errors(CODES):
        from .checking import check as faults

        found = faults(source, application=application, packages=packages, jobs=jobs)
        if found:
            command.end(FAULTS, f"{found} fault{'s' if found > 1 else ''} in the documentation of {source}")
        typer.echo("nothing is missing")


@app.command("routes")
def list_routes(application: Application, path: Where = Path()) -> None:
    """List the routes of a service: methods, path, endpoint, and the first line of the docstring."""
    with command.errors(CODES):
        from .routes import routes

        for route in routes(_load(application, path)):
            typer.echo(f"{route}\t{route.endpoint}\t{route.summary}")


@app.command("openapi")
def write_openapi(
    application: Application,
    path: Where = Path(),
    title: Annotated[str, typer.Option(help="Name of the service; by default that of its module.")] = "",
    version: Annotated[str, typer.Option(help="Version of the service.")] = "0",
) -> None:
    """Print the OpenAPI description of a service, as JSON."""
    with command.errors(CODES):
        from .openapi import openapi

        service = _load(application, path)
        typer.echo(json.dumps(openapi(service, title=title or service.import_name, version=version), indent=2))


def _load(application: str, path: Path) -> Flask:
    from .application import load

    if not path.is_dir():
        raise BadInput(f"{path} is no folder to import from")
    sys.path.insert(0, str(path.resolve()))
    return load(application)
