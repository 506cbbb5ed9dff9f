"""A shard: opens sessions, each of which connects and binds one customer's database.

Open it to use sharding without Flask, or to see what happens at the beginning and end of a request: `extension` calls
`Shard.open` and `Session.close`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

import peewee

from reference.customer_sharding.credentials import Flavor
from reference.customer_sharding.errors import BadInput, CustomerMoving
from reference.customer_sharding.guard import WHERE_IS, is_here
from reference.customer_sharding.identifiers import customer_id
from reference.customer_sharding.move.row_security import UNRESTRICTED
from reference.customer_sharding.settings import Settings, Standalone, from_environment

from . import greenlets
from .client import Client
from .models import Bound, set_bound
from .pools import Pool, Pools
from .routes import Route, Routes


class Session:
    """A customer's database, connected and bound to this thread and context; `close` returns the connection.

    Attributes:
        customer: Identifier of the customer.
        database: The peewee database; it is connected in the thread that opened it and in no other.
        route: The route that was used.
    """

    def __init__(
        self,
        route: Route,
        pool: Pool,
        taken: bool,
        identifier_field: str,
        confirm: Callable[[], None],
        row_security: bool = False,
    ) -> None:
        self.customer = route.customer
        self.database: peewee.Database = pool.database
        self.route = route
        self._pool = pool
        self._taken = taken
        self._open = True
        self._process = os.getpid()
        # A session may be opened within another session, on the same connection.
        self._rows_before = pool.restrict_rows(route.customer if row_security else None)
        self._confirm_before = pool.on_statement(confirm)
        self._restriction_before = pool.restrict(None if row_security else identifier_field)
        self._before = set_bound(Bound(self.database, route.customer, identifier_field))

    @contextmanager
    def unrestricted(self) -> Generator[None]:
        """Accept raw statements in a block; its author must make sure that they reach the customer's rows only."""
        before = self._pool.restrict(None)
        try:
            yield
        finally:
            self._pool.restrict(before)

    def close(self) -> None:
        """Roll back an open transaction, unbind, and return the connection; idempotent."""
        if self._open:
            self._open = False
            set_bound(self._before)
            if self._process != os.getpid():
                return
            if self._taken:
                self._pool.give_back()
                return
            self._pool.restrict(self._restriction_before)
            self._pool.on_statement(self._confirm_before)
            self._pool.restrict_rows(self._rows_before)


class Shard:
    """Finds and connects the database of a customer; safe to share between threads.

    Connections are opened when first needed, so an application may be created before its server forks.

    Args:
        settings: As `settings.from_environment` reads them.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._pools = Pools(settings.limits)
        self._client: Client | None = None
        self._leases: dict[str, tuple[Route, float]] = {}
        self._restricted: set[Pool] = set()
        greenlets.refuse()
        mode = settings.mode
        if not isinstance(mode, Standalone):
            self._client = Client(mode)
            self._routes = Routes(
                self._client.route,
                expiry=mode.expiry,
                stale=mode.stale,
                retry_after=settings.limits.retry_after,
                patience=mode.timeout * 2,
            )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Shard:
        """Create a shard configured by the environment.

        Raises:
            BadInput: A variable is missing or wrong.
        """
        return cls(from_environment(environ))

    def route(self, identifier: object) -> Route:
        """Return a customer's route, without connecting.

        Raises:
            BadIdentifier: The identifier is invalid.
            UnknownCustomer: There is no such customer.
            ServiceUnavailable: The sharding service does not answer, and the route is not known.
        """
        customer = customer_id(identifier)
        mode = self.settings.mode
        return Route(customer, mode.credentials) if isinstance(mode, Standalone) else self._routes.of(customer)

    def open(self, identifier: object) -> Session:
        """Connect a customer's database and bind all sharded models of this context to it.

        Raises:
            BadIdentifier: The identifier is invalid.
            UnknownCustomer: There is no such customer.
            Unavailable: The service or the database does not answer, or the customer moves.
            BadInput: `SHARDING_ROW_SECURITY` is set, and the database does not restrict the session; or the process
                uses greenlets.
        """
        greenlets.refuse()  # a server may have patched the process since the application was created
        route = self.route(identifier)
        session = self._enter(route)
        if session is None:
            self.forget(route)
            route = self.route(identifier)
            session = self._enter(route)
        if session is None:
            self.forget(route)
            raise CustomerMoving(f"customer {route.customer} is moving", retry_after=self.settings.limits.retry_after)
        return session

    @contextmanager
    def session(self, identifier: object) -> Generator[Session]:
        """Open a session for a `with` block. Raises the exceptions of `open`."""
        session = self.open(identifier)
        try:
            yield session
        except CustomerMoving:
            self.forget(session.route)
            raise
        finally:
            session.close()

    def forget(self, route: Route) -> None:
        """Evict a customer's route that the database refused, so that it is looked up again."""
        self._leases.pop(route.customer, None)
        if self._client is not None:
            self._routes.forget(route)

    def close(self) -> None:
        """Close all connections that are not in use."""
        self._pools.close()
        if self._client is not None:
            self._client.close()

    def _enter(self, route: Route) -> Session | None:
        pool = self._pools.of(route.credentials)
        taken = pool.take()
        try:
            if self._is_customer_present(route, pool.database):
                return Session(
                    route,
                    pool,
                    taken,
                    self.settings.identifier_field,
                    lambda: self._confirm(route, pool.database),
                    self._has_row_security(route, pool),
                )
        except BaseException:
            if taken:
                pool.give_back()
            raise
        if taken:
            pool.give_back()
        return None

    def _has_row_security(self, route: Route, pool: Pool) -> bool:
        """Return whether the database restricts a session to its customer's rows, so that the library need not.

        Raises:
            BadInput: `SHARDING_ROW_SECURITY` is set, and the database does not restrict this user.
        """
        if not self.settings.row_security or route.credentials.flavor is not Flavor.POSTGRES:
            return False
        if pool not in self._restricted:
            found = pool.database.ask(UNRESTRICTED, (self.settings.identifier_field,))
            if found is not None:
                raise BadInput(
                    f"SHARDING_ROW_SECURITY is set, and table {found[0]} in {pool.database.place} does not restrict "
                    f"user {route.credentials.user}: run `customer-sharding prepare NAME --row-security`, and let "
                    "applications connect as a user who does not own the tables"
                )
            self._restricted.add(pool)
        return True

    def _confirm(self, route: Route, database: Any) -> None:
        """Check that the customer is still here: during a request longer than the lease, it may have moved.

        Raises:
            CustomerMoving: The customer has moved.
        """
        if not self._is_customer_present(route, database):
            self.forget(route)
            raise CustomerMoving(
                f"customer {route.customer} has moved during the request", retry_after=self.settings.limits.retry_after
            )

    def _is_customer_present(self, route: Route, database: Any) -> bool:
        """Return whether the customer is in this database; ask the database if its last answer is past the lease."""
        if route.epoch is None:
            return True
        now = time.monotonic()  # the lease begins before the query is sent
        held = self._leases.get(route.customer)
        if held is not None and held[0] == route and now - held[1] < self.settings.lease:
            return True
        row = database.ask(WHERE_IS[route.credentials.flavor], (route.customer,))
        here, lasting = is_here(row, route.epoch)
        if lasting:
            self._leases[route.customer] = (route, now)
        else:
            self._leases.pop(route.customer, None)
        return here
