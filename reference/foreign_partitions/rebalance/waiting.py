"""Limits on waiting for a server that does not answer, and for locks that other transactions hold."""

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
    """Shuts connections down when a server has not answered for some time; a frozen server never closes them itself.

    Args:
        seconds: Seconds that a server may take for an answer, or for the next piece of an answer.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._last = time.monotonic()

    def progress(self) -> None:
        """Record that a server has answered."""
        self._last = time.monotonic()

    @contextmanager
    def over(self, connections: Iterable[psycopg.Connection[Any]]) -> Generator[None]:
        """Watch connections while the block lasts."""
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
    """Shut down the socket of a connection, so that a statement in another thread ends with an error."""
    with suppress(OSError, psycopg.OperationalError), socket.socket(fileno=os.dup(connection.fileno())) as both_ways:
        both_ways.shutdown(socket.SHUT_RDWR)


def limited(setting: str, seconds: float) -> sql.Composed:
    """Return the statement that sets a limit, in seconds, for the current transaction."""
    return sql.SQL("SET LOCAL {} = {}").format(sql.Identifier(setting), sql.Literal(round(seconds * 1000)))


class Busy(Exception):
    """Other transactions use the table: the step is rolled back and tried again later."""


TRY_AGAIN = (Busy, psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)


class Patience:
    """A limit on how long a step is retried while other transactions prevent it.

    Args:
        seconds: The limit, which counts from the creation of this object.
        what: Name of the step in the error message.
    """

    def __init__(self, seconds: float, what: str) -> None:
        self.seconds, self.what = seconds, what
        self._until = time.monotonic() + seconds

    def wait(self, error: Exception, least: float) -> None:
        """Pause before the next attempt, so that other transactions can go first.

        Args:
            error: The error of the last attempt.
            least: The shortest pause, in seconds; the longest is twice that.

        Raises:
            Conflict: The limit has passed.
        """
        self.end(error)
        time.sleep(least * (1 + random.random()))  # noqa: S311 not for secrecy

    def end(self, error: Exception) -> None:
        """Give up if the limit has passed.

        Raises:
            Conflict: The limit has passed.
        """
        if time.monotonic() > self._until:
            reason = " ".join(str(error).split())
            raise Conflict(
                f"{self.what} was tried for {self.seconds:g} s: {reason}: end the long transactions on the table, and "
                f"run the same command again to continue"
            ) from None

    def until_free(self, attempt: Callable[[], Result], least: float) -> Result:
        """Return the result of an attempt, which is repeated while other transactions hold the locks that it needs."""
        while True:
            try:
                return attempt()
            except TRY_AGAIN as error:
                self.wait(error, least)
