"""What can go wrong, by name."""

from __future__ import annotations


class ForeignPartitionsError(Exception):
    """Anything this library raises on its own account."""


class BadDescription(ForeignPartitionsError, ValueError):
    """A description is not what it must be; the message says what to write."""


class Conflict(ForeignPartitionsError):
    """What is there contradicts the description in a way that only its owner can settle: nothing was changed."""


class Unreachable(ForeignPartitionsError, ConnectionError):
    """A server does not answer those who set the table up."""


class PartitionUnavailable(ForeignPartitionsError, ConnectionError):
    """The base table answers, the server of the partition that was asked for does not; the others go on."""


class WithoutPartitionKey(ForeignPartitionsError, ValueError):
    """A row was asked for without its partition key: every partition on every server would be visited."""
