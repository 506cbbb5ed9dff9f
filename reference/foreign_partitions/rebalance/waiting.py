"""Bounds for waiting: for a server that has stopped answering, and for locks that others hold."""

from __future__ import annotations

import os
import random
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import psycopg
from psycopg import sql

from reference.foreign_partitions.errors import Conflict

Result = TypeVar("Result")


class Watch:
    """Shuts connections down when a server has not answered for some time: a frozen one keeps its connections open.

    Args:
        seconds: How long a server may take for an answer, or for the next piece of one.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._last = time.monotonic()

    def progress(self) -> None:
        """Say that a server has answered."""
        self._last = time.monotonic()

    @contextmanager
    def over(self, connections: Iterable[psycopg.Connection[Any]]) -> Generator[None]:
        """Watch connections for as long as the block lasts."""
        ended = threading.Event()
        self.progress()

        def watch() -> None:
            while not ended.wait(max(self._last + self.seconds - time.monotonic(), 0.05)):
                if time.monotonic() > self._last + self.seconds:
                    for connection in connections:
                        shut_down(connection)
                    return

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def shut_down(connection: psycopg.Connection[Any]) -> None:
    """Shut the socket of a connection down, so that a statement in another thread ends with an error."""
    with suppress(OSError, psycopg.OperationalError), socket.socket(fileno=os.dup(connection.fileno())) as both_ways:
        both_ways.shutdown(socket.SHUT_RDWR)


def limited(setting: str, seconds: float) -> sql.Composed:
    """Return the statement that sets a limit in seconds for the present transaction."""
    return sql.SQL("SET LOCAL {} = {}").format(sql.Identifier(setting), sql.Literal(round(seconds * 1000)))


class Busy(Exception):
    """Others use the table: what was begun is rolled back and tried again later."""


TRY_AGAIN = (Busy, psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)


class Patience:
    """How long something is tried again that others keep from happening.

    Args:
        seconds: From now on.
        what: What is tried, for the error.
    """

    def __init__(self, seconds: float, what: str) -> None:
        self.seconds, self.what = seconds, what
        self._until = time.monotonic() + seconds

    def wait(self, error: Exception, least: float) -> None:
        """Pause before the next attempt, so that others come first.

        Raises:
            Conflict: It has been tried for long enough.
        """
        self.end(error)
        time.sleep(least * (1 + random.random()))  # noqa: S311 not for secrecy

    def end(self, error: Exception) -> None:
        """Let it be, where it has been tried for long enough.

        Raises:
            Conflict: It has been tried for long enough.
        """
        if time.monotonic() > self._until:
            reason = " ".join(str(error).split())
            raise Conflict(
                f"{self.what} was tried for {self.seconds:g} s: {reason}: end the long transactions on the table, and "
                f"run the same command again to continue"
            ) from None

    def until_free(self, attempt: Callable[[], Result], least: float) -> Result:
        """Return what the attempt returns, tried again while others hold its locks."""
        while True:
            try:
                return attempt()
            except TRY_AGAIN as error:
                self.wait(error, least)
