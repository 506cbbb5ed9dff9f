"""The exceptions of this library; every one is a `ForeignPartitionsError`. Open it to find which one to catch."""

from __future__ import annotations


class ForeignPartitionsError(Exception):
    """The base class of every error that this library raises itself."""


class BadDescription(ForeignPartitionsError, ValueError):
    """A description contradicts itself or PostgreSQL; the message says what to write."""


class Conflict(ForeignPartitionsError):
    """The state of a server contradicts the description in a way that only its owner can settle; nothing is changed."""


class Unreachable(ForeignPartitionsError, ConnectionError):
    """A server does not answer an operator's connection, or refuses it."""


class PartitionUnavailable(ForeignPartitionsError, ConnectionError):
    """The base answers, but the server of a partition does not; the other partitions can still be used."""


class WithoutPartitionKey(ForeignPartitionsError, ValueError):
    """A lookup lacks the partition key, so that it would visit every partition on every server."""


class KeyTaken(ForeignPartitionsError):
    """Another row with the same key and different content exists; nothing is changed."""


class BadRow(ForeignPartitionsError, ValueError):
    """A row cannot be written as it is given; the message says why."""


class InTransaction(ForeignPartitionsError, RuntimeError):
    """The connection is in a transaction, and the operation commits transactions of its own."""
