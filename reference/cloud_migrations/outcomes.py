"""The outcome of a run for each database: the rows of the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """The state of a database after a run."""

    UP_TO_DATE = "up to date"
    APPLIED = "applied"
    ROLLED_BACK = "rolled back"
    PENDING = "pending"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Outcome:
    """The outcome of a run for one database.

    Attributes:
        database: Name of the database.
        state: State of the database after the run.
        done: Ids of the migrations that were applied or rolled back, in order.
        pending: Ids of the migrations that are still to be applied.
        problem: Why the database failed or was skipped.
        left: Changes of a failed migration that remain in the database.
        notes: Remarks for the owner of the database about what is unusual but no failure.
        seconds: Duration in seconds.
    """

    database: str
    state: State
    done: Sequence[str] = ()
    pending: Sequence[str] = ()
    problem: str = ""
    left: str = ""
    notes: str = ""
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        """Whether the database neither failed nor was skipped."""
        return self.state not in {State.FAILED, State.SKIPPED}
