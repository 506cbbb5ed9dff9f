"""The common part of all commands: an error is one sentence on standard error and an exit code, never a traceback.

Read this before you write a document's `cli.py`, which creates a `Command` and its application, and maps the errors of
its library to exit codes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

import typer

from .extras import install

BAD_INPUT = 2

ExitCodes = Mapping[type[Exception], int]


class Command:
    """A console command and the extra that it needs.

    Args:
        name: Name of the command; each error message begins with it.
        extra: The extra that installs its dependencies.
    """

    def __init__(self, name: str, extra: str) -> None:
        self.name = name
        self.extra = extra

    def application(self, **options: Any) -> typer.Typer:
        """Return an empty application with the settings that all commands share.

        Args:
            options: Further arguments of `typer.Typer`.
        """
        # Local variables may hold passwords: should a traceback be printed after all, it is without them.
        return typer.Typer(add_completion=False, pretty_exceptions_show_locals=False, **options)

    @contextmanager
    def errors(self, exit_codes: ExitCodes | Callable[[], ExitCodes]) -> Iterator[None]:
        """End the command with one sentence and an exit code where the block raises one of the given errors.

        A module of the extra that is not installed is such an error too: the sentence says how to install it.

        Args:
            exit_codes: Exit code by class of error; of several that match the first counts. Or a function that returns
                them, for classes whose module needs the extra.
        """
        try:
            codes = exit_codes() if callable(exit_codes) else exit_codes
            try:
                yield
            except tuple(codes) as error:
                self.end(next(code for kind, code in codes.items() if isinstance(error, kind)), str(error))
        except ModuleNotFoundError as missing:
            package = str(missing.name).partition(".")[0]
            if package == __name__.partition(".")[0]:
                raise  # a module of this project is missing, which no extra installs
            self.end(BAD_INPUT, f"{package} is missing: {install(self.extra)}")

    def confirm(self, question: str, *, agreed: bool) -> None:
        """Ask before something is deleted, unless the user has agreed already; end the command where they do not.

        Args:
            question: The question.
            agreed: Whether the option `--yes` was given, without which a command without a terminal ends here.
        """
        if agreed:
            return
        if not sys.stdin.isatty():
            self.end(BAD_INPUT, f"{question} Without a terminal, agree by --yes; nothing was changed")
        if not typer.confirm(question):
            self.end(BAD_INPUT, "nothing was changed")

    def end(self, exit_code: int, sentence: str) -> NoReturn:
        """Print `NAME: SENTENCE` on standard error and end the command."""
        typer.echo(f"{self.name}: {sentence}", err=True)
        raise typer.Exit(exit_code)
