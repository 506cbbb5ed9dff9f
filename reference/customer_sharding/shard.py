"""A shard: the right database for each customer, with its connection, for as long as a block lasts."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager

import peewee

from .settings import Settings


class Session:
    """A customer's database, connected and bound to this thread or context; `close` gives the connection back.

    Attributes:
        customer: Whose it is.
        database: The peewee database; it is connected in the thread that opened it and in no other.
    """

    customer: str
    database: peewee.Database

    def close(self) -> None:
        """Roll back what is open, unbind, and give the connection back; twice does no harm."""
        raise NotImplementedError


class Shard:
    """Finds and connects the database of a customer; safe to share between threads.

    Args:
        settings: As `settings.from_environment` reads them.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Shard:
        """Make the one that the environment describes.

        Raises:
            BadInput: A variable is missing or wrong.
        """
        raise NotImplementedError

    def open(self, identifier: object) -> Session:
        """Connect a customer's database and bind all sharded models of this context to it.

        Raises:
            BadIdentifier: It cannot name a customer.
            UnknownCustomer: There is none of this name.
            Unavailable: The service or the database does not answer.
        """
        raise NotImplementedError

    @contextmanager
    def session(self, identifier: object) -> Generator[Session]:
        """Open a session for a block. Raises what `open` raises."""
        raise NotImplementedError

    def close(self) -> None:
        """Close all connections that are not in use."""
        raise NotImplementedError
