"""What became of each database in a run: the rows of its report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """What became of a database."""

    UP_TO_DATE = "up to date"
    APPLIED = "applied"
    ROLLED_BACK = "rolled back"
    PENDING = "pending"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Outcome:
    """What became of a database.

    Attributes:
        database: Its name.
        state: What became of it.
        done: Ids of the migrations that were applied or rolled back, in order.
        pending: Ids of those that remain to be applied.
        problem: Why it failed or was skipped.
        left: What a failed migration changed and the server kept.
        notes: What its owner should know, though nothing failed.
        seconds: How long it took.
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
        """Whether nothing failed and nothing was skipped."""
        return self.state not in {State.FAILED, State.SKIPPED}
