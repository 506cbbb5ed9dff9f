"""The operations on a whole deployment: `plan`, `apply` and `verify`, over connections to all servers.

Open it to see in which order servers are changed, and what is locked meanwhile.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any, Self

import psycopg
from psycopg import sql

from reference.foreign_partitions.connecting import connect
from reference.foreign_partitions.description import Description
from reference.foreign_partitions.errors import Conflict

from .catalog import ServerState, inspect_server
from .compatibility import inspect_types
from .partitions import partitions_of, rebalance_under_way
from .planning import BASE, Plan, plan
from .verification import Report, verify

# Key of the advisory lock by which only one `apply` at a time changes a database.
LOCK = 0x66647730


class Deployment:
    """Connections to the base and to every server of a description, which are open while a `with` block lasts.

    Args:
        description: The description.
        connect_timeout: Seconds to wait for each connection.
        lock_timeout: Seconds that `apply` waits for another `apply` to end.
    """

    def __init__(self, description: Description, *, connect_timeout: int = 5, lock_timeout: int = 60) -> None:
        self.description = description
        self.lock_timeout = lock_timeout
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

    def connection(self, host: str) -> psycopg.Connection[Any]:
        """Return the connection to the base (`base`) or to a server; the caller ends its transactions."""
        return self._connections[host]

    def states(self) -> tuple[ServerState, dict[str, ServerState]]:
        """Return the state of the base and those of the servers, by name."""
        table = self.description.table
        names = [table.name, *(partition.name for partition in self.description.partitions)]
        hosts = {name: self._inspected(name, connection, names) for name, connection in self._connections.items()}
        for connection in self._connections.values():
            connection.rollback()
        return hosts.pop(BASE), hosts

    def plan(self) -> Plan:
        """Return what `apply` would do. If the base has other partitions, the plan has this conflict and no changes."""
        table, base = self.description.table, self._connections[BASE]
        attached = partitions_of(base, table)
        under_way = rebalance_under_way(base, table)
        base.rollback()
        if under_way is not None:
            return Plan((), [f"a rebalance of {table.name} is under way ({under_way}): continue it by rebalance"])
        described = {partition.name for partition in self.description.partitions}
        if other := [each.name for each in attached if each.name not in described]:
            reason = f"base: {table.name} has the partition {other[0]}, which is not described"
            return Plan((), [f"{reason}: describe it, or change the partitions by rebalance"])
        return plan(self.description, *self.states())

    def _inspected(self, name: str, connection: psycopg.Connection[Any], names: Sequence[str]) -> ServerState:
        table = self.description.table
        state = inspect_server(connection, table, names, name)
        if None in state.spelled.values():  # an unknown type is a conflict by itself
            return state
        return replace(state, types=inspect_types(connection, table))

    def apply(self) -> Plan:
        """Change the servers until they match the description, and return the changes; a second call has none.

        Each server is changed in one transaction, and the base in the last one. If a transaction fails, the servers
        before it keep their changes, which nothing uses yet, and the next call continues from there. Concurrent calls
        wait for each other.

        Raises:
            Conflict: The state contradicts the description, a statement was refused, or another call did not end.
        """
        with self.locked():
            return self._apply()

    @contextmanager
    def locked(self) -> Generator[None]:
        """Hold a lock on the base, which every `apply` takes, for as long as the block lasts.

        Raises:
            Conflict: Another `apply` holds it for longer than `lock_timeout`.
        """
        base = self._connections[BASE]
        with base.transaction():
            base.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(self.lock_timeout * 1000)))
            try:
                base.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            except psycopg.errors.LockNotAvailable:
                raise Conflict(
                    f"another apply or rebalance has been under way for {self.lock_timeout} s: wait for its end"
                ) from None
        try:
            yield
        finally:
            try:
                if not base.closed:
                    base.rollback()
                    base.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
                    base.commit()
            except psycopg.Error:
                if not base.closed:
                    raise
                # A lost connection holds no lock, and the error that lost it is the caller's.

    def _apply(self) -> Plan:
        due = self.plan()
        self.execute(due)
        return due

    def execute(self, due: Plan) -> None:
        """Execute the statements of a plan, in one transaction for each host, while the caller holds the lock.

        Raises:
            Conflict: The plan has conflicts, or a statement was refused.
        """
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

    def verify(self) -> Report:
        """Compare the state with the description, and look for misplaced and duplicate rows."""
        due = self.plan()
        try:
            return verify(self._connections[BASE], self.description, due)
        finally:
            self._connections[BASE].rollback()

    def _keep_out_of_logs(self, connection: psycopg.Connection[Any]) -> None:
        """Turn off statement logging for this transaction: some statements contain passwords."""
        for setting, value in (
            ("log_statement", "none"),
            ("log_min_error_statement", "panic"),
            ("log_min_duration_statement", "-1"),
        ):
            connection.execute(
                """SELECT set_config(%s, %s, true) WHERE has_parameter_privilege(%s, 'SET')""",
                [setting, value, setting],
            )
