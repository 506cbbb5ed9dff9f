"""Connection pools with a bounded number of connections to each database, and a circuit breaker for each.

A database that hangs blocks no more threads than its pool has connections, each for `answer_timeout` at most; a request
waits for a free connection for `wait` at most. After a failure to connect, a missing answer, or a wait in which no
connection became free, the breaker opens: requests to that database are refused at once, and every `retry_after`
seconds one request tries it. The other pools are unaffected, as long as the server has more threads than the pools of
the hanging databases have connections.
"""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import peewee
import psycopg
from playhouse.pool import PooledMySQLDatabase, PooledPostgresqlDatabase

from reference.customer_sharding.credentials import Credentials, Flavor
from reference.customer_sharding.errors import CustomerMoving, DatabaseUnavailable
from reference.customer_sharding.forking import renew_after_fork
from reference.customer_sharding.guard import is_refusal
from reference.customer_sharding.postgres import TimedConnection
from reference.customer_sharding.settings import PoolLimits

RESET_CONNECTION = 0x1F
RECENTLY_SILENT = "it did not answer a moment ago"


class _ErrorTranslation:
    """A mixin that raises this library's errors instead of the driver's.

    Attributes:
        place: Description of the database in messages.
        distrusted: Time of the last failure: connections that were idle then are not used again.
    """

    place = ""
    distrusted = float("-inf")

    def confirm(self) -> None:
        """Check that the customer is still placed here; `Pool` replaces this method."""

    def reset(self) -> None:
        """Reset the state of this thread's database session; close the connection where that fails."""
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
        """Execute a statement, with errors translated."""
        if not self.in_transaction():  # type: ignore[attr-defined] # a mixin for peewee's databases
            self.confirm()
        with self._translating_errors():
            return super().execute_sql(sql, params)  # type: ignore[misc] # a mixin for peewee's databases

    def ask(self, sql: str, params: Any) -> Any:
        """Return the single row of one of this library's own queries."""
        with self._translating_errors():
            return super().execute_sql(sql, params).fetchone()  # type: ignore[misc] # a mixin for peewee's databases

    def begin(self, *arguments: Any) -> None:
        """Begin a transaction, with errors translated."""
        with self._translating_errors():
            super().begin(*arguments)  # type: ignore[misc] # a mixin for peewee's databases

    def commit(self) -> None:
        """Commit, with errors translated."""
        self.confirm()
        with self._translating_errors():
            super().commit()  # type: ignore[misc] # a mixin for peewee's databases

    def rollback(self) -> None:
        """Roll back, with errors translated: `atomic` calls it when the connection was lost."""
        with self._translating_errors():
            super().rollback()  # type: ignore[misc] # a mixin for peewee's databases

    @contextmanager
    def _translating_errors(self) -> Generator[None]:
        try:
            yield
        except peewee.PeeweeException as error:
            cause = getattr(error, "orig", None)  # the driver's
            if is_refusal(cause):
                raise CustomerMoving(
                    f"the customer is not, or not only, in {self.place}: nothing was written"
                ) from error
            if isinstance(cause, BaseException) and self._is_lost(cause):
                self.lost()
                raise DatabaseUnavailable(
                    f"{self.place} does not answer: what was under way may be done or not"
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
    # Bytes that arrive unasked mean that the server has closed the connection; looking for them costs no round trip.
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def _database(credentials: Credentials, limits: PoolLimits) -> Any:
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


class Pool:
    """The connections of this process to one database.

    Args:
        credentials: Address and login of the database.
        limits: Number of connections and timeouts.

    Attributes:
        database: The peewee database. It is connected between `take` and `give_back`, in the thread that took it.
    """

    def __init__(self, credentials: Credentials, limits: PoolLimits) -> None:
        self.credentials = credentials
        self._limits = limits
        self._begin()
        renew_after_fork(self)

    def _begin(self) -> None:
        credentials = self.credentials
        self.database = _database(credentials, self._limits)
        self.database.place = f"database {credentials.database} at {credentials.host}:{credentials.port}"
        self.database.lost = self._trip
        self.database.gate = self._gate
        self.database.confirm = self._confirm
        self._places = threading.BoundedSemaphore(self._limits.size)
        self._lock = threading.Lock()
        self._session = threading.local()
        self._tripped = False
        self._trying = False
        self._next_try = 0.0
        self._last_return = time.monotonic()

    def renew(self) -> list[object]:
        """Replace connections and lock after a fork; see `forking`."""
        old = [self.database, self._lock, self._places]
        self._begin()
        return old

    def on_statement(self, confirm: Callable[[], None] | None) -> None:
        """Set a function to call before each statement and each commit of this thread, while it is connected."""
        self._session.confirm = confirm

    def _confirm(self) -> None:
        confirm = getattr(self._session, "confirm", None)
        if confirm is not None:
            confirm()

    def take(self) -> bool:
        """Connect the database in this thread; return False where it was connected already.

        Raises:
            DatabaseUnavailable: It does not answer, its circuit breaker is open, or no connection became free in
                time.
        """
        if not self.database.is_closed():
            return False
        trying = self._may_try()
        try:
            if not self._places.acquire(timeout=self._limits.wait):
                if time.monotonic() - self._last_return >= self._limits.wait:
                    self._trip()
                raise self._unavailable(f"all its {self._limits.size} connections are in use")
            try:
                self.database.connect()
            except DatabaseUnavailable:
                self._places.release()
                raise
            except (peewee.PeeweeException, OSError) as error:
                self._places.release()
                self._trip()
                raise self._unavailable("it cannot be connected to") from error
            except BaseException:
                self._places.release()
                raise
            self._tripped = False
        finally:
            if trying:
                self._trying = False
        return True

    def give_back(self) -> None:
        """Return this thread's connection to the pool; an open transaction is rolled back."""
        try:
            self.on_statement(None)
            while self.database.in_transaction():
                self.database.pop_transaction()
            self.database.reset()
            self.database.close()
        finally:
            self._last_return = time.monotonic()
            self._places.release()

    def close(self) -> None:
        """Close the connections that are not in use."""
        self.database.close_idle()

    def _may_try(self) -> bool:
        """Raise while the breaker is open, but admit one request each `retry_after` seconds; True marks that trial."""
        if not self._tripped:
            return False
        with self._lock:
            now = time.monotonic()
            if self._trying or now < self._next_try:
                raise self._unavailable(RECENTLY_SILENT)
            self._trying = True
            return True

    def _trip(self) -> None:
        with self._lock:
            self._tripped = True
            self._next_try = time.monotonic() + self._limits.retry_after
        # The next connection is a new one, and proves that the database answers.
        self.database.distrusted = time.monotonic()

    def _gate(self) -> None:
        if self._tripped and not self._trying:
            raise self._unavailable(RECENTLY_SILENT)

    def _unavailable(self, reason: str) -> DatabaseUnavailable:
        return DatabaseUnavailable(
            f"{self.database.place} is not available: {reason}", retry_after=self._limits.retry_after
        )


class Pools:
    """The pools of all databases; each is created when it is first needed."""

    def __init__(self, limits: PoolLimits) -> None:
        self._limits = limits
        self._pools: dict[Credentials, Pool] = {}
        self._lock = threading.Lock()
        renew_after_fork(self)

    def renew(self) -> list[object]:
        """Replace the lock after a fork; each pool renews itself. See `forking`."""
        old, self._lock = self._lock, threading.Lock()
        return [old]

    def of(self, credentials: Credentials) -> Pool:
        """Return the pool of a database."""
        pool = self._pools.get(credentials)
        if pool is None:
            with self._lock:
                pool = self._pools.get(credentials)
                if pool is None:
                    for other in [each for each in self._pools if str(each) == str(credentials)]:
                        self._pools.pop(other).close()  # its password has changed
                    pool = self._pools[credentials] = Pool(credentials, self._limits)
        return pool

    def close(self) -> None:
        """Close all connections that are not in use."""
        with self._lock:
            for pool in self._pools.values():
                pool.close()
