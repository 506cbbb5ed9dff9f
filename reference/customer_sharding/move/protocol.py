"""What a mover and the databases exchange: claims, states, batches of rows, and the interfaces of both sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Key = tuple[str, ...]
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Claim:
    """A mover's right to a customer.

    Attributes:
        customer: Whom it moves.
        epoch: Of the place it moves it to.
        attempt: Counts the movers that took the customer over; a lower one is refused everywhere.
    """

    customer: str
    epoch: int
    attempt: int


@dataclass(frozen=True)
class CustomerState:
    """In what state a customer is in a database: see `guard`.

    Attributes:
        state: `open`, `copying`, `fenced`, `incoming` or `gone`.
        epoch: Since which place of the customer.
        attempt: Of the last mover.
        left: Seconds until a fence, or the right to read at the target, runs out; none or less when it has.
    """

    state: str
    epoch: int
    attempt: int
    left: float = 0.0


@dataclass(frozen=True)
class Inspection:
    """What a preflight reads from a database's catalog: see `preflight`.

    Attributes:
        problems: What no mover can carry, a sentence each, with its remedy.
        columns: By customers' table, the type of each column.
        encoding: Of the database.
    """

    problems: Sequence[str] = ()
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    encoding: str = ""


@dataclass(frozen=True)
class Copied:
    """How far a table's rows are copied.

    Attributes:
        last: The last key, or None at the beginning.
        done: Whether all are.
    """

    last: Key | None = None
    done: bool = False


@dataclass(frozen=True)
class Batch:
    """What was read at the source, in one snapshot.

    Attributes:
        changes: Numbers of the noted changes that are in it.
        changed: By table, keys that were noted as changed: their rows are in `rows`, or gone.
        rows: By table, changed rows and the next ones to be copied.
        copied: How far copying is with them.
        columns: By table, what the values of a row are.
        complete: Whether all tables had been copied before.
    """

    changes: Sequence[int] = ()
    changed: Mapping[str, Sequence[Key]] = field(default_factory=dict)
    rows: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    copied: Mapping[str, Copied] = field(default_factory=dict)
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    complete: bool = False


@dataclass(frozen=True)
class Move:
    """A move, as the meta database knows it.

    Attributes:
        customer: Who moves.
        source: The database it leaves.
        target: The database it comes to.
        epoch: Of the new place.
        attempt: Of the last mover.
        phase: `copying`, `switched` or `aborting`.
    """

    customer: str
    source: str
    target: str
    epoch: int
    attempt: int
    phase: str


class End(Protocol):
    """A database at an end of a move, as `side.Side` is one; each call is one transaction."""

    def customer_state(self, customer: str) -> CustomerState | None:
        """Return in what state a customer is."""

    def copied(self, customer: str) -> Mapping[str, Copied]:
        """Return how far copying has come."""

    def summary(self, customer: str) -> Mapping[str, object]:
        """Return what tells the customer's rows from others."""

    def read(self, customer: str, copied: Mapping[str, Copied], limit: int) -> Batch:
        """Read noted changes and the next rows."""

    def acknowledge(self, claim: Claim, changes: Sequence[int]) -> None:
        """Forget changes."""

    def take_over(self, claim: Claim) -> None:
        """Take the customer over from earlier movers."""

    def inspect(self) -> Inspection:
        """Read what may stand in a move's way."""

    def change_state(self, claim: Claim, before: Sequence[str], after: str, limit: float | None = None) -> None:
        """Change the customer's state, for `limit` seconds where it is one that runs out."""

    def purge(self, claim: Claim, limit: int, tables: Sequence[str]) -> int:
        """Delete some rows of a customer that is gone, from tables that were compared."""

    def receive(self, claim: Claim) -> None:
        """Make ready for a customer."""

    def apply(self, claim: Claim, batch: Batch) -> None:
        """Take over what was read."""

    def discard(self, claim: Claim) -> None:
        """Give up receiving a customer."""

    def close(self) -> None:
        """Let go of the database."""


class Directory(Protocol):
    """What a mover needs of the meta database, as `service.store.Store` offers it; each call is one transaction."""

    def move(self, customer: str) -> Move | None:
        """Return the customer's move under way."""

    def claim_move(self, customer: str) -> Move:
        """Take the move over: its attempt is one higher."""

    def switch(self, move: Move, tables: Sequence[str]) -> None:
        """Send the customer to the target from now on, with the tables compared: the point of no return."""

    def compared(self, move: Move) -> Sequence[str]:
        """Return the tables that were compared before the switch."""

    def since_switch(self, move: Move) -> float:
        """Return the seconds since."""

    def finish_move(self, move: Move) -> None:
        """Forget the move."""

    def end(self, name: str) -> End:
        """Return a database."""
