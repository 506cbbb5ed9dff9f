"""A cache of routes: which customer is in which database.

Open it to see when a route is looked up again, and what happens while the sharding service does not answer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from reference.customer_sharding.credentials import Credentials
from reference.customer_sharding.errors import ServiceUnavailable, UnknownCustomer
from reference.customer_sharding.forking import renew_after_fork


@dataclass(frozen=True, slots=True)
class Route:
    """The database of a customer.

    Attributes:
        customer: Identifier of the customer.
        credentials: Address and login of the database.
        epoch: Number of the customer's placements so far, from 1. None if it is not known (standalone mode, or a
            service like the document's): then the customer is assumed not to move.
    """

    customer: str
    credentials: Credentials
    epoch: int | None = None


class _Known:
    """A cached route, the time of its lookup, and whether the database has refused it since."""

    __slots__ = ("learnt", "refused", "route")

    def __init__(self, route: Route, learnt: float) -> None:
        self.route = route
        self.learnt = learnt
        self.refused = False


class Routes:
    """Cache of routes with an expiry: one lookup at a time per customer, stale routes while the service is down.

    One request looks up an expired route again; other requests use the old route meanwhile. While the service does not
    answer, one request in `retry_after` seconds tries it; all others immediately get the old route, or an error.

    Args:
        lookup: Returns a customer's route. Raises `UnknownCustomer`, or `ServiceUnavailable`.
        expiry: Seconds a route is used before it is looked up again.
        stale: Seconds for which an expired route is still used while the service is unavailable.
        retry_after: Seconds between tries of a service that does not answer.
        patience: Seconds that a request waits for another's lookup of the same customer.
        capacity: Maximum number of cached routes; the oldest are evicted first.
        clock: Returns seconds, monotonic.
    """

    def __init__(
        self,
        lookup: Callable[[str], Route],
        *,
        expiry: float = 30.0,
        stale: float = 3600.0,
        retry_after: float = 1.0,
        patience: float = 5.0,
        capacity: int = 1_000_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lookup = lookup
        self._expiry = expiry
        self._stale = stale
        self._retry_after = retry_after
        self._patience = patience
        self._capacity = capacity
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._under_way: dict[str, Future[Route]] = {}
        self._places: dict[Credentials, Credentials] = {}
        self._lock = threading.Lock()
        self._next_question = float("-inf")
        renew_after_fork(self)

    def renew(self) -> list[object]:
        """After a fork, keep the cached routes and replace locks and pending lookups; see `forking`."""
        old = [self._lock, self._under_way]
        self._lock, self._under_way = threading.Lock(), {}
        return old

    def __len__(self) -> int:
        return len(self._known)

    def of(self, customer: str) -> Route:
        """Return a customer's route.

        Raises:
            UnknownCustomer: There is no such customer.
            ServiceUnavailable: The service does not answer, and no route is cached, or the cached one is too old.
        """
        known = self._known.get(customer)  # one operation on a dict: needs no lock
        if known is not None and not known.refused and self._clock() - known.learnt < self._expiry:
            return known.route
        return self._ask(customer)

    def forget(self, route: Route) -> None:
        """Look up this route again at the next request, since the database refused it. A newer route is kept.

        While the service does not answer, a refused route is used like an expired one: the database may accept later
        what it refuses now, such as a write of a customer that is fenced.
        """
        with self._lock:
            known = self._known.get(route.customer)
            if known is not None and known.route == route:
                known.refused = True

    def _ask(self, customer: str) -> Route:
        with self._lock:
            now = self._clock()
            known = self._known.get(customer)
            if known is not None and not known.refused and now - known.learnt < self._expiry:
                return known.route
            old = known.route if known is not None and now - known.learnt < self._expiry + self._stale else None
            if now < self._next_question:
                return self._old_route_or_error(old, customer)
            other = self._under_way.get(customer)
            if other is None:
                mine = self._under_way[customer] = Future()
            elif known is not None and old is not None and not known.refused:
                return old
        if other is not None:
            try:
                return other.result(self._patience)
            except (TimeoutError, ServiceUnavailable):
                return self._old_route_or_error(old, customer)
        try:
            route = self._lookup(customer)
        except BaseException as error:
            with self._lock:
                if isinstance(error, ServiceUnavailable):
                    self._next_question = self._clock() + self._retry_after
                elif isinstance(error, UnknownCustomer):
                    self._known.pop(customer, None)
                del self._under_way[customer]
            mine.set_exception(error)
            if isinstance(error, ServiceUnavailable) and old is not None:
                return old
            raise
        with self._lock:
            # Many customers share a database, whose credentials are stored once.
            route = Route(customer, self._places.setdefault(route.credentials, route.credentials), route.epoch)
            self._known.pop(customer, None)
            self._known[customer] = _Known(route, self._clock())
            if len(self._known) > self._capacity:
                del self._known[next(iter(self._known))]
            del self._under_way[customer]
        mine.set_result(route)
        return route

    def _old_route_or_error(self, old: Route | None, customer: str) -> Route:
        if old is None:
            raise self._not_known(customer)
        return old

    def _not_known(self, customer: str) -> ServiceUnavailable:
        return ServiceUnavailable(
            f"the sharding service does not answer, and no route to customer {customer} is known",
            retry_after=self._retry_after,
        )
