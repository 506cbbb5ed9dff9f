"""Load the Flask application that is documented, by its module and its attribute or factory."""

from __future__ import annotations

import importlib

import click
from flask import Flask
from flask.cli import locate_app

from .errors import BadInput, NotImportable


def load(name: str) -> Flask:
    """Import a module and return its Flask application.

    Nothing is added to `sys.path`, so what is imported does not depend on the current folder.

    Args:
        name: `MODULE`, `MODULE:ATTRIBUTE`, `MODULE:FACTORY()` or `MODULE:FACTORY('argument')`, as `flask --app`
            takes it. Without an attribute, `app`, `application`, `create_app` and `make_app` are tried.

    Raises:
        BadInput: It is not such a name, or the module has no such application.
        NotImportable: The module cannot be imported, or its factory raises; the message has the reason.
    """
    module, _, attribute = name.partition(":")
    if not all(part.isidentifier() for part in module.split(".")):
        raise BadInput(f"{name!r} names no application: write MODULE:ATTRIBUTE or MODULE:FACTORY()")
    import_module(module)
    try:
        return locate_app(module, attribute or None)
    except click.UsageError as error:
        raise BadInput(" ".join(error.format_message().split())) from error
    except (Exception, SystemExit) as error:
        raise NotImportable(f"{name} cannot be made: {_reason(error)}") from error


def import_module(name: str) -> object:
    """Import a module by its name.

    Raises:
        NotImportable: It cannot be imported; the message has the reason.
    """
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise NotImportable(f"{name} cannot be imported: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")
