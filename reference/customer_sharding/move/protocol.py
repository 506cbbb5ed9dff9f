"""The data that a mover exchanges with databases (claims, states, batches of rows), and the interfaces that it calls.

`End` is the interface of the source and the target, `Directory` that of the meta database: open this module before
`moving` to learn the terms, or to put something else in the place of a database in a test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Key = tuple[str, ...]
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Claim:
    """A mover's right to move a customer: a fencing token.

    Attributes:
        customer: Identifier of the customer.
        epoch: Epoch of the customer's new placement.
        attempt: Number of movers that have taken this customer over; databases refuse lower numbers.
    """

    customer: str
    epoch: int
    attempt: int


@dataclass(frozen=True)
class CustomerState:
    """The state of a customer in a database: see `guard`.

    Attributes:
        state: `open`, `copying`, `fenced`, `incoming` or `gone`.
        epoch: Epoch of the placement that the state belongs to.
        attempt: Attempt number of the last mover.
        left: Seconds until a fence, or the right to read at the target, expires; zero or negative afterwards.
    """

    state: str
    epoch: int
    attempt: int
    left: float = 0.0


@dataclass(frozen=True)
class Inspection:
    """The result of reading a database's catalog for the preflight: see `preflight`.

    Attributes:
        problems: Reasons why rows cannot be moved, a sentence each, with the remedy.
        columns: The type of each column, by table and column.
        encoding: Encoding of the database.
        protected: Tables on which row-level security restricts each session to its customer's rows.
    """

    problems: Sequence[str] = ()
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    encoding: str = ""
    protected: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Copied:
    """Progress of copying a table.

    Attributes:
        last: Key of the last row copied, or None at the beginning.
        done: Whether all rows are copied.
    """

    last: Key | None = None
    done: bool = False


@dataclass(frozen=True)
class Batch:
    """Rows and changes read at the source, in one snapshot.

    Attributes:
        changes: Ids of the recorded changes that the batch contains.
        changed: By table, the keys recorded as changed. A key without a row in `rows` was deleted.
        rows: By table, the changed rows and the next rows to copy.
        copied: Progress of copying once this batch is applied.
        columns: By table, the column of each value of a row.
        complete: Whether all tables were copied before this batch.
    """

    changes: Sequence[int] = ()
    changed: Mapping[str, Sequence[Key]] = field(default_factory=dict)
    rows: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    copied: Mapping[str, Copied] = field(default_factory=dict)
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    complete: bool = False


@dataclass(frozen=True)
class Move:
    """A move, with the fields that the meta database stores of it.

    Attributes:
        customer: Identifier of the customer.
        source: Name of the database that the customer leaves.
        target: Name of the database that the customer moves to.
        epoch: Epoch of the new placement.
        attempt: Attempt number of the last mover.
        phase: `copying`, `switched` or `aborting`.
        lease: Seconds for which a reader may trust the database's answer.
        drain: Seconds from the switch until the rows at the source are deleted.
    """

    customer: str
    source: str
    target: str
    epoch: int
    attempt: int
    phase: str
    lease: float = 1.0
    drain: float = 30.0


class End(Protocol):
    """The source or target database of a move, implemented by `side.Side`; each call is one transaction."""

    def customer_state(self, customer: str) -> CustomerState | None:
        """Return the state of a customer, or None if the database has no record of the customer."""

    def copied(self, customer: str) -> Mapping[str, Copied]:
        """Return the progress of copying, by table."""

    def summary(self, customer: str) -> Mapping[str, object]:
        """Return the number and the digest of the customer's rows, by table."""

    def read(self, customer: str, copied: Mapping[str, Copied], limit: int) -> Batch:
        """Read recorded changes and the next rows to copy."""

    def acknowledge(self, claim: Claim, changes: Sequence[int]) -> None:
        """Delete recorded changes that the target has applied."""

    def take_over(self, claim: Claim) -> None:
        """Take the customer over from earlier movers."""

    def inspect(self) -> Inspection:
        """Read the catalog for the preflight."""

    def change_state(self, claim: Claim, before: Sequence[str], after: str, limit: float | None = None) -> None:
        """Change the customer's state; with `limit`, the new state expires after this number of seconds."""

    def purge(self, claim: Claim, limit: int, tables: Sequence[str]) -> int:
        """Delete up to `limit` rows of a customer that has moved away, from tables that were compared."""

    def receive(self, claim: Claim) -> None:
        """Prepare to receive a customer's rows."""

    def apply(self, claim: Claim, batch: Batch) -> None:
        """Write a batch that was read at the source."""

    def discard(self, claim: Claim) -> None:
        """Delete the rows that were received of a customer."""

    def close(self) -> None:
        """Close the connection."""


class Directory(Protocol):
    """The meta database of a move, implemented by `service.store.Store`; each call is one transaction."""

    def move(self, customer: str) -> Move | None:
        """Return the customer's move under way, or None."""

    def claim_move(self, customer: str) -> Move:
        """Take the move over: increment its attempt number."""

    def switch(self, move: Move, tables: Sequence[str]) -> None:
        """Route the customer to the target from now on, and store the names of the compared tables.

        This is the point of no return.
        """

    def compared(self, move: Move) -> Sequence[str]:
        """Return the tables that were compared before the switch."""

    def since_switch(self, move: Move) -> float:
        """Return the seconds since the switch."""

    def finish_move(self, move: Move) -> None:
        """Delete the record of the move."""

    def end(self, name: str) -> End:
        """Return the registered database of this name."""
