"""What can go wrong, by name."""

from __future__ import annotations

import peewee


class ShardingError(Exception):
    """Anything this library raises on its own account."""


class BadInput(ShardingError, ValueError):
    """A setting, a name or an argument is not what it must be; the message says what to write."""


class BadIdentifier(BadInput):
    """What is said to name a customer cannot name one."""


class WrongCustomer(ShardingError, PermissionError):
    """A row, a path or a body names another customer than the one the request is for, or none."""


class UnknownCustomer(ShardingError, LookupError):
    """The sharding service knows no such customer."""


class UnknownDatabase(ShardingError, LookupError):
    """No database is registered by this name."""


class NotAllowed(ShardingError, PermissionError):
    """The bearer token is missing, unknown, or allows less than is asked for."""


class Unbound(ShardingError, peewee.InterfaceError):
    """A query was made where no customer's database is bound."""


class Conflict(ShardingError):
    """What is asked for contradicts what is there; the message says how to resolve it."""


class Unavailable(ShardingError, ConnectionError):
    """Something that is needed does not answer; it may soon.

    Attributes:
        retry_after: Seconds after which it is worth trying again.
    """

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ServiceUnavailable(Unavailable):
    """The sharding service does not answer, and the route is not known or too old."""


class DatabaseUnavailable(Unavailable, peewee.OperationalError):
    """A customer's database does not answer, or lost the connection: what was under way may be done or not."""


class CustomerMoving(Unavailable, peewee.OperationalError):
    """The customer moves to another database: this one refused the write, nothing was done."""


class Busy(Unavailable):
    """A transaction of the customer is open for longer than a change of its state waits."""


class Superseded(ShardingError):
    """Another mover has taken this customer over."""
