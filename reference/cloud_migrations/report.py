"""The report of a run: a table for a person, JSON for a pipeline, and the state from which `--resume` continues."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from .databases.addresses import Database, distinct
from .errors import BadInput
from .outcomes import Outcome, State

_FIELDS = ("database", "state", "done", "pending", "problem", "left", "notes", "seconds")


@dataclass(frozen=True)
class Report:
    """The outcomes of a run for all databases.

    Attributes:
        command: The command that was run: `plan`, `apply`, `rollback` or `status`.
        digest: One hash over all files of the sources.
        outcomes: The outcome for each database.
    """

    command: str
    digest: str
    outcomes: Sequence[Outcome]

    @property
    def good(self) -> bool:
        """Whether nothing failed and nothing was skipped."""
        return all(each.good for each in self.outcomes)

    def to_json(self) -> str:
        """Return the report as JSON, without addresses and passwords."""
        return json.dumps(
            {"command": self.command, "digest": self.digest, "databases": [asdict(each) for each in self.outcomes]},
            indent=2,
        )

    @classmethod
    def from_json(cls, text: str) -> Report:
        """Return the report of a text that `to_json` returned.

        Raises:
            BadInput: The text was not written by `to_json`.
        """
        try:
            read = json.loads(text)
            outcomes = [
                Outcome(**{name: each[name] for name in _FIELDS if name != "state"}, state=State(each["state"]))
                for each in read["databases"]
            ]
            return cls(str(read["command"]), str(read["digest"]), outcomes)
        except (ValueError, TypeError, KeyError):
            raise BadInput("this is not a report of cloud-migrations: --report FILE writes one") from None

    def remaining(self, databases: Sequence[Database], digest: str) -> list[Database]:
        """Return the databases that are not done according to this report, in their order.

        Args:
            databases: All databases.
            digest: The hash over all files of the sources now.

        Raises:
            BadInput: The report is not of `apply`, or of other migrations; or there is no database, or one is named
                twice.
        """
        if self.command != "apply":
            raise BadInput(f"this is the report of {self.command}; only that of apply can be resumed")
        if self.digest != digest:
            raise BadInput("the migrations are not those of the report: apply without --resume")
        done = {each.database for each in self.outcomes if each.good}
        return [each for each in distinct(databases) if each.name not in done]

    def completed_by(self, later: Report) -> Report:
        """Return the report of both runs together: all outcomes of the later run, and the good ones of this run."""
        names = {each.database for each in later.outcomes}
        before = [replace(each, notes="by an earlier run") for each in self.outcomes if each.good]
        return replace(later, outcomes=[*(each for each in before if each.database not in names), *later.outcomes])

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Return database, state, migrations and remarks of each line of the table."""
        return [
            (
                each.database,
                str(each.state),
                ", ".join(each.done or each.pending),
                "; ".join(filter(None, (each.problem, each.left and f"what stays: {each.left}", each.notes))),
            )
            for each in self.outcomes
        ]
