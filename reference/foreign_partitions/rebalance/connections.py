"""The connections of a rebalance: two to each server, locks against a second process, and limits on waiting.

Open it to see which session settings a rebalance needs, and what ends it when a server is lost.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Self

import psycopg

from reference.foreign_partitions.connecting import connect
from reference.foreign_partitions.deploy.deployment import LOCK, Deployment
from reference.foreign_partitions.deploy.planning import BASE
from reference.foreign_partitions.description import Description, Endpoint
from reference.foreign_partitions.errors import Conflict, PartitionUnavailable, Unreachable

from .waiting import Watch, limited

# Values are written as text and read again: in these spellings nothing is lost. A role's own limits would end a copy.
SETTINGS = {
    "datestyle": "ISO",
    "intervalstyle": "postgres",
    "extra_float_digits": "1",
    "lc_monetary": "C",
    "row_security": "off",
    # A switch that the base forgets in a crash would leave it with an old leaf that is dropped.
    "synchronous_commit": "on",
    "statement_timeout": "0",
    "transaction_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "client_connection_check_interval": "1s",  # the locks of a killed process end with it
}


class Connections:
    """Two connections to each server of a description.

    Args:
        description: The description.
        lock_timeout: Seconds to wait for another process that holds the locks.
        answer_timeout: Seconds after which a server that does not answer counts as unavailable.
        connect_timeout: Seconds to wait for each connection.

    Attributes:
        deployment: The connections that read and lock.
        writers: The connections that write, by `base` or the name of the server.
        watch: Shuts the connections down when no server has answered for `answer_timeout`.
    """

    def __init__(
        self, description: Description, *, lock_timeout: float, answer_timeout: float, connect_timeout: int
    ) -> None:
        self.lock_timeout, self.connect_timeout = max(lock_timeout, 3), connect_timeout
        servers = {each.name: each.admin_endpoint for each in description.servers}
        self._hosts: Mapping[str, Endpoint] = {BASE: description.base, **servers}
        self.deployment = Deployment(
            description, connect_timeout=connect_timeout, lock_timeout=round(self.lock_timeout)
        )
        self.writers: dict[str, psycopg.Connection[Any]] = {}
        self.watch = Watch(answer_timeout)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Connect.

        Raises:
            Unreachable: A server does not answer, or refuses the connection.
        """
        with ExitStack() as stack:
            stack.enter_context(self.deployment)
            for host, endpoint in self._hosts.items():
                connection = connect(host, endpoint, timeout=self.connect_timeout)
                self.writers[host] = stack.enter_context(connection)
                for each in (connection, self.reader(host)):
                    for name, value in SETTINGS.items():
                        each.execute("SELECT set_config(%s, %s, false)", [name, value])
                    each.commit()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self:
            connection.close()  # what is not committed is rolled back, in whatever state it is
        self._stack.close()

    def __iter__(self) -> Iterator[psycopg.Connection[Any]]:
        """Return every connection."""
        return iter([*map(self.reader, self.writers), *self.writers.values()])

    def reader(self, host: str | None) -> psycopg.Connection[Any]:
        """Return the connection that reads and locks on a server; None is the base."""
        return self.deployment.connection(host or BASE)

    def writer(self, host: str | None) -> psycopg.Connection[Any]:
        """Return the connection that writes to a server; None is the base."""
        return self.writers[host or BASE]

    def rollback(self) -> None:
        """Roll every transaction back."""
        for connection in self:
            connection.rollback()

    @contextmanager
    def watched(self) -> Generator[None]:
        """Shut the connections down when a server does not answer while the block lasts.

        Raises:
            PartitionUnavailable: A connection was lost.
        """
        try:
            with self.watch.over(self):
                yield
        except psycopg.Error as error:
            if not any(connection.closed for connection in self):
                raise
            raise PartitionUnavailable(
                f"{self._lost(error)}: what is done stays; run the same command again to continue"
            ) from error

    @contextmanager
    def alone(self) -> Generator[None]:
        """Hold a lock on every server, so that a process that lost one of them cannot still write to the others.

        Raises:
            Conflict: Another process holds such a lock.
        """
        others = {host: writer for host, writer in self.writers.items() if host != BASE}
        with self.deployment.locked():
            try:
                for host, writer in others.items():
                    writer.execute(limited("lock_timeout", self.lock_timeout))
                    try:
                        writer.execute("SELECT pg_advisory_lock(%s)", [LOCK])
                    except psycopg.errors.LockNotAvailable:
                        raise Conflict(
                            f"another apply or rebalance is at work on the database of {host}: wait for its end; "
                            f"two servers that are one database cannot be rebalanced"
                        ) from None
                    writer.commit()
                yield
            finally:
                for writer in others.values():
                    with suppress(psycopg.Error):  # a lost connection has no locks
                        writer.rollback()
                        writer.execute("SELECT pg_advisory_unlock_all()")
                        writer.commit()

    def _lost(self, error: Exception) -> str:
        """Return which server does not answer."""
        for host, endpoint in self._hosts.items():
            try:
                connect(host, endpoint, timeout=2).close()
            except Unreachable as unreachable:
                return str(unreachable)
        return f"a connection was lost ({' '.join(str(error).split())})"
