"""Connection pools with a bounded number of connections to each database, and a circuit breaker for each.

A database that hangs blocks no more threads than its pool has connections, each for `answer_timeout` at most; a request
waits for a free connection for `wait` at most. After a failure to connect, a missing answer, or a wait in which no
connection became free, the breaker opens: requests to that database are refused at once, and every `retry_after`
seconds one request tries it. The other pools are unaffected, as long as the server has more threads than the pools of
the hanging databases have connections.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import peewee

from reference.customer_sharding.credentials import Credentials
from reference.customer_sharding.errors import DatabaseUnavailable
from reference.customer_sharding.forking import renew_after_fork
from reference.customer_sharding.move.row_security import SET
from reference.customer_sharding.settings import PoolLimits

from .connections import pooled_database

RECENTLY_SILENT = "it did not answer a moment ago"


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
        self.database: Any = pooled_database(credentials, self._limits)
        self.database.place = f"database {credentials.database} at {credentials.host}:{credentials.port}"
        self.database.lost = self._trip
        self.database.gate = self._gate
        self.database.confirm = self._confirm
        self.database.restriction = self._restriction
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

    def on_statement(self, confirm: Callable[[], None] | None) -> Callable[[], None] | None:
        """Set a function to call before each statement and commit of this thread, and return the previous one."""
        before: Callable[[], None] | None = getattr(self._session, "confirm", None)
        self._session.confirm = confirm
        return before

    def restrict(self, identifier_field: str | None) -> str | None:
        """Refuse this thread's unrestricted statements (None: accept them), and return the previous restriction."""
        before = self._restriction()
        self._session.identifier_field = identifier_field
        return before

    def restrict_rows(self, customer: str | None) -> str | None:
        """Let PostgreSQL show this thread's session only a customer's rows, and return the previous customer."""
        before: str | None = getattr(self._session, "customer", None)
        if customer != before:
            self.database.ask(SET, (customer or "",))
            self._session.customer = customer
        return before

    def _restriction(self) -> str | None:
        return getattr(self._session, "identifier_field", None)

    def _confirm(self) -> None:
        confirm = getattr(self._session, "confirm", None)
        if confirm is not None:
            confirm()

    def take(self) -> bool:
        """Connect the database in this thread; return False if it was connected already.

        Raises:
            DatabaseUnavailable: The database does not answer, its circuit breaker is open, or no connection became
                free in time.
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
            self.restrict(None)
            self._session.customer = None
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
        """Return whether this request is the one that tries a database whose breaker is open.

        Raises:
            DatabaseUnavailable: The breaker is open, and `retry_after` seconds have not passed since the last attempt.
        """
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
        # The next request makes a new connection, which shows whether the database answers.
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
