"""Connections to customers' databases, made of peewee's pooled databases.

They translate drivers' errors to this library's, reset a session when its connection returns to the pool, and check
the statements of a restricted session. Open this module to see when a connection counts as lost. `pools` creates
these databases, and replaces their methods `confirm`, `restriction`, `lost` and `gate` by its own.
"""

from __future__ import annotations

import select
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import peewee
import psycopg
from playhouse.pool import PooledMySQLDatabase, PooledPostgresqlDatabase

from reference.customer_sharding.credentials import Credentials, Flavor
from reference.customer_sharding.errors import CustomerMoving, DatabaseUnavailable
from reference.customer_sharding.guard import is_refusal
from reference.customer_sharding.postgres import TimedConnection
from reference.customer_sharding.settings import PoolLimits

from .restriction import RestrictedContext, check_statement

RESET_CONNECTION = 0x1F


class _ErrorTranslation:
    """A mixin that raises this library's errors instead of the driver's.

    Attributes:
        place: Description of the database in messages.
        distrusted: Time of the last failure. Connections that were idle at that time are not used again.
    """

    place = ""
    distrusted = float("-inf")

    def confirm(self) -> None:
        """Check that the customer is still placed here; `Pool` replaces this method."""

    def restriction(self) -> str | None:
        """Return the identifier field that this thread's statements must be restricted by; `Pool` replaces it."""

    def get_sql_context(self, **context_options: Any) -> Any:
        """Return the generator of a query's SQL; in a restricted thread, one that also checks the query."""
        identifier_field = self.restriction()
        if identifier_field is None:
            return super().get_sql_context(**context_options)  # type: ignore[misc] # a mixin for peewee's databases
        options = self.get_context_options()  # type: ignore[attr-defined] # likewise
        return RestrictedContext(identifier_field, **{**options, **context_options})

    def execute(self, query: Any, **context_options: Any) -> Any:
        """Execute a query, which is checked while its SQL is generated."""
        sql, values = self.get_sql_context(**context_options).sql(query).query()
        return self._run(sql, values)

    def reset(self) -> None:
        """Reset the state of this thread's database session; if that fails, close the connection."""
        if self.is_closed():  # type: ignore[attr-defined] # a mixin for peewee's databases
            return
        try:
            self._reset(self.connection())  # type: ignore[attr-defined] # likewise
        except Exception:  # noqa: BLE001 whatever it is, the connection is not used again
            self.connection().close()  # type: ignore[attr-defined] # likewise

    def _reset(self, conn: Any) -> None:
        """Let the server reset the session, and wait for the answer."""

    def lost(self) -> None:
        """Record that a connection was lost; `Pool` replaces this method."""

    def gate(self) -> None:
        """Refuse a request that waited while another failed to connect; `Pool` replaces this method."""

    def _connect(self) -> Any:
        self.gate()
        return super()._connect()  # type: ignore[misc] # a mixin for peewee's databases

    def _can_reuse(self, conn: Any) -> bool:
        conn.returned = time.monotonic()
        return bool(super()._can_reuse(conn))  # type: ignore[misc] # a mixin for playhouse's pools

    def execute_sql(self, sql: str, params: Any = None) -> Any:
        """Execute a statement, and translate its errors.

        Raises:
            BadInput: The thread is restricted to a customer's rows, and this is a raw statement, which is not.
        """
        if self.restriction() is not None:
            check_statement(sql)
        return self._run(sql, params)

    def _run(self, sql: str, params: Any) -> Any:
        if not self.in_transaction():  # type: ignore[attr-defined] # a mixin for peewee's databases
            self.confirm()
        with self._translating_errors():
            return super().execute_sql(sql, params)  # type: ignore[misc] # a mixin for peewee's databases

    def ask(self, sql: str, params: Any) -> Any:
        """Return the single row of one of this library's own queries."""
        with self._translating_errors():
            return super().execute_sql(sql, params).fetchone()  # type: ignore[misc] # a mixin for peewee's databases

    def begin(self, *arguments: Any) -> None:
        """Begin a transaction, and translate its errors."""
        with self._translating_errors():
            super().begin(*arguments)  # type: ignore[misc] # a mixin for peewee's databases

    def commit(self) -> None:
        """Commit, and translate its errors."""
        self.confirm()
        with self._translating_errors():
            super().commit()  # type: ignore[misc] # a mixin for peewee's databases

    def rollback(self) -> None:
        """Roll back, and translate the errors: `atomic` calls this even after the connection was lost."""
        with self._translating_errors():
            super().rollback()  # type: ignore[misc] # a mixin for peewee's databases

    @contextmanager
    def _translating_errors(self) -> Generator[None]:
        try:
            yield
        except peewee.PeeweeException as error:
            cause = getattr(error, "orig", None)  # the driver's
            if is_refusal(cause):
                raise CustomerMoving(f"the customer is moving, or not in {self.place}: nothing was written") from error
            if isinstance(cause, BaseException) and self._is_lost(cause):
                self.lost()
                raise DatabaseUnavailable(
                    f"{self.place} does not answer: the transaction under way may or may not be committed"
                ) from error
            raise

    def _is_lost(self, cause: BaseException) -> bool:
        raise NotImplementedError


class _Adapter(peewee.PostgresqlDatabase.psycopg3_adapter):  # type: ignore[misc] # peewee's stubs lack it
    def connect(self, db: peewee.PostgresqlDatabase, **params: Any) -> TimedConnection:
        timeout = params.pop("answer_timeout")
        connection: TimedConnection = TimedConnection.connect(dbname=db.database, prepare_threshold=None, **params)
        connection.answer_timeout = timeout
        return connection


class _Postgres(_ErrorTranslation, PooledPostgresqlDatabase):  # type: ignore[misc] # playhouse is not typed
    psycopg3_adapter = _Adapter

    def _can_reuse(self, conn: TimedConnection) -> bool:
        if not super()._can_reuse(conn):
            return False
        try:
            # Settings, locks and temporary tables of one request must not reach the next.
            conn.send_reset()
        except psycopg.Error:
            return False
        return True

    def _is_closed(self, conn: TimedConnection) -> bool:
        if self._is_usable(conn):
            return False
        conn.close()  # the pool forgets it without closing it
        return True

    def _is_usable(self, conn: TimedConnection) -> bool:
        if conn.closed or conn.returned < self.distrusted:
            return False
        if not conn.is_reset():
            # Do not wait on each idle connection of a server that does not answer.
            self.distrusted = time.monotonic()
            return False
        return not _has_unread_bytes(conn.fileno())

    def _is_lost(self, cause: BaseException) -> bool:
        return isinstance(cause, psycopg.OperationalError) and (self.is_closed() or self.connection().closed)


class _MySQL(_ErrorTranslation, PooledMySQLDatabase):  # type: ignore[misc] # playhouse is not typed
    def _reset(self, conn: Any) -> None:
        # pymysql has no public name for COM_RESET_CONNECTION.
        conn._execute_command(RESET_CONNECTION, b"")  # noqa: SLF001
        conn._read_ok_packet()  # noqa: SLF001
        conn.set_character_set(conn.charset, conn.collation)
        conn.autocommit(conn.autocommit_mode or False)
        if conn.sql_mode is not None:
            conn.query(f"SET sql_mode = '{conn.sql_mode}'")

    def _is_closed(self, conn: Any) -> bool:
        return not conn.open or conn.returned < self.distrusted or _has_unread_bytes(conn._sock.fileno())  # noqa: SLF001 # pymysql has no public way to it

    def _is_lost(self, cause: BaseException) -> bool:
        return not self.is_closed() and not self.connection().open


def _has_unread_bytes(descriptor: int) -> bool:
    # A server sends bytes without a request only when it closes the connection; to look for them takes no round trip.
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def pooled_database(credentials: Credentials, limits: PoolLimits) -> Any:
    """Return a peewee database for these credentials, which is not connected yet."""
    pooled = {"max_connections": limits.size, "stale_timeout": limits.idle, "autoconnect": False}
    entry: dict[str, Any] = {
        "host": credentials.host,
        "port": credentials.port,
        "user": credentials.user,
        "password": credentials.password,
        "connect_timeout": limits.connect_timeout,
    }
    if credentials.flavor is Flavor.POSTGRES:
        waits = {"answer_timeout": limits.answer_timeout, "application_name": "customer-sharding"}
        return _Postgres(credentials.database, prefer_psycopg3=True, **pooled, **entry, **waits)
    entry["password"] = credentials.password.encode()  # as a text, pymysql would send it in latin-1
    waits = {"read_timeout": limits.answer_timeout, "write_timeout": limits.answer_timeout}
    return _MySQL(credentials.database, **pooled, **entry, **waits)
