"""The exceptions of this library; every one is a `ShardingError`.

Open it to find which exception to catch. `problems` assigns an HTTP status to each, and `cli` an exit code.
"""

from __future__ import annotations

import peewee


class ShardingError(Exception):
    """Base class of this library's exceptions."""


class BadInput(ShardingError, ValueError):
    """A setting, a name or an argument is invalid; the message says what to write."""


class BadIdentifier(BadInput):
    """The value given as a customer identifier is not a valid identifier."""


class WrongCustomer(ShardingError, PermissionError):
    """A row, a path or a body names no customer, or a customer other than the request's."""


class UnknownCustomer(ShardingError, LookupError):
    """The sharding service knows no such customer."""


class UnknownDatabase(ShardingError, LookupError):
    """No database is registered by this name."""


class NotAllowed(ShardingError, PermissionError):
    """The bearer token is missing, unknown, or lacks the permission for this request."""


class Unbound(ShardingError, peewee.InterfaceError):
    """A query was made in a context in which no customer's database is bound."""


class Conflict(ShardingError):
    """The request conflicts with the present state; the message says how to resolve it."""


class Unavailable(ShardingError, ConnectionError):
    """A service or database does not answer; a retry may succeed.

    Attributes:
        retry_after: Seconds after which to retry.
    """

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ServiceUnavailable(Unavailable):
    """The sharding service does not answer, and no route is cached, or the cached one is too old."""


class DatabaseUnavailable(Unavailable, peewee.OperationalError):
    """A customer's database does not answer, or the connection was lost: a pending statement may have taken effect."""


class CustomerMoving(Unavailable, peewee.OperationalError):
    """The customer is being moved to another database: this one refused the write, and nothing was changed."""


class Busy(Unavailable):
    """A customer's state cannot be changed: one of its transactions stayed open for longer than the lock timeout."""


class Superseded(ShardingError):
    """Another mover has taken over the move of this customer."""
