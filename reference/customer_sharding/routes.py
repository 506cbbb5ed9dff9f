"""Routes: which database is whose, remembered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .credentials import Credentials


@dataclass(frozen=True)
class Route:
    """Where a customer is.

    Attributes:
        customer: Who.
        credentials: How to enter the database.
        epoch: Counts the customer's moves, from 1; None where the answer says nothing of it (standalone mode, a
            service like the published one): then no move is expected.
    """

    customer: str
    credentials: Credentials
    epoch: int | None = None


class Routes:
    """Routes with an expiry; one lookup at a time per customer; known routes go on while the service is down.

    Args:
        lookup: Asks for a route. Raises `UnknownCustomer`, or `ServiceUnavailable`.
        expiry: Seconds a route is used before it is asked for again.
        stale: Seconds for which an expired route goes on while `lookup` finds the service unavailable.
        retry_after: Seconds for which a service that did not answer is not asked again.
        capacity: Routes that are kept at most; the oldest go first.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        lookup: Callable[[str], Route],
        *,
        expiry: float = 30.0,
        stale: float = 3600.0,
        retry_after: float = 1.0,
        capacity: int = 1_000_000,
        clock: Callable[[], float],
    ) -> None: ...

    def of(self, customer: str) -> Route:
        """Return a customer's route.

        Raises:
            UnknownCustomer: There is no such customer.
            ServiceUnavailable: It is not known, or too old, and the service does not answer.
        """
        raise NotImplementedError

    def forget(self, route: Route) -> None:
        """Ask again next time: the database refused this route."""
        raise NotImplementedError
