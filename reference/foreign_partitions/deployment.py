"""A description carried out: connections to all its servers, and `plan`, `apply` and `verify` over them."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, Self

import psycopg

from .catalog import inspect_server
from .connecting import connect
from .description import Description
from .errors import Conflict
from .planning import BASE, Plan, plan
from .verification import Report, verify


class Deployment:
    """Connections to the base and to every server of a description, as long as the block lasts.

    Args:
        description: What is wanted.
        connect_timeout: Seconds to wait for each connection.
    """

    def __init__(self, description: Description, *, connect_timeout: int = 5) -> None:
        self.description = description
        self.connect_timeout = connect_timeout
        self._stack = ExitStack()
        self._connections: dict[str, psycopg.Connection[Any]] = {}

    def __enter__(self) -> Self:
        """Connect.

        Raises:
            Unreachable: A server does not answer, or refuses the connection.
        """
        with ExitStack() as stack:
            for server in self.description.servers:
                connection = connect(server.name, server.admin_endpoint, timeout=self.connect_timeout)
                self._connections[server.name] = stack.enter_context(connection)
            connection = connect(BASE, self.description.base, timeout=self.connect_timeout)
            self._connections[BASE] = stack.enter_context(connection)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def plan(self) -> Plan:
        """Return what `apply` would do."""
        table = self.description.table
        names = [table.name, *(partition.name for partition in self.description.partitions)]
        hosts = {
            name: inspect_server(connection, table.schema, names, table.columns, name)
            for name, connection in self._connections.items()
        }
        for connection in self._connections.values():
            connection.rollback()
        base = hosts.pop(BASE)
        return plan(self.description, base, hosts)

    def apply(self) -> Plan:
        """Carry the description out and return what was done; done again, nothing is.

        Each server's part is one transaction; the base's is last. When one fails the servers before it keep theirs,
        which nothing uses yet, and the next call goes on from there.

        Raises:
            Conflict: What is there contradicts the description, or a statement was refused.
        """
        due = self.plan()
        if due.conflicts:
            raise Conflict("; ".join(due.conflicts))
        for host, connection in self._connections.items():
            with connection.transaction():
                self._keep_out_of_logs(connection)
                for change in (each for each in due.changes if each.host == host):
                    try:
                        connection.execute(change.statement)
                    except psycopg.Error as error:
                        # Not the error itself: its traceback holds the statement.
                        raise Conflict(f"{change}: {error.diag.message_primary or error.sqlstate}") from None
        return due

    def verify(self) -> Report:
        """Compare what is there with the description, row by row where rows could be wrong."""
        due = self.plan()
        try:
            return verify(self._connections[BASE], self.description, due)
        finally:
            self._connections[BASE].rollback()

    def _keep_out_of_logs(self, connection: psycopg.Connection[Any]) -> None:
        """Have the server log no statement of this transaction: some carry passwords."""
        for setting, value in (
            ("log_statement", "none"),
            ("log_min_error_statement", "panic"),
            ("log_min_duration_statement", "-1"),
        ):
            connection.execute(
                """SELECT set_config(%s, %s, true) WHERE has_parameter_privilege(%s, 'SET')""",
                [setting, value, setting],
            )
