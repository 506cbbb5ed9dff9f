"""The plan for a database: which migrations are pending, and what in its history contradicts the migrations.

Read this to see why a database is refused, and what `--allow` permits.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from yoyo.migrations import MigrationList, topological_sort
from yoyo.topologicalsort import CycleError

from reference.cloud_migrations.errors import BadInput, BadMigrationFile, Refused
from reference.cloud_migrations.sources.migration import SourceMigration

from .history import History

_SHOWN = 5


class Contradiction(StrEnum):
    """How a database's history can contradict the migrations; each can be allowed by its name."""

    EDITED = "edited"
    MISSING = "missing"
    OUT_OF_ORDER = "out-of-order"


_SAID = {
    Contradiction.EDITED: "edited after it was applied: undo the edit, and write the change as a new migration",
    Contradiction.MISSING: "applied, but in no source: was a source left out?",
    Contradiction.OUT_OF_ORDER: "not applied, although a later one is: rename it so that it sorts last",
}


class Migrations:
    """Migrations in the order in which they are applied.

    Args:
        read: The list that `read_migrations` returns.
    """

    def __init__(self, read: MigrationList) -> None:
        self.read = read

    @cached_property
    def order(self) -> Sequence[SourceMigration]:
        """The migrations, each after those that it depends on.

        Raises:
            BadMigrationFile: A migration cannot be parsed, or dependencies form a cycle.
        """
        try:
            return list(topological_sort(self.read))
        except CycleError as cycle:
            names = ", ".join(each.id for each in cycle.args[1])
            raise BadMigrationFile(f"{names} depend on each other: remove one of their dependencies") from None

    @property
    def hooks(self) -> Sequence[SourceMigration]:
        """The post-apply hooks."""
        return list(self.read.post_apply)

    def load(self, *, trust_public: bool) -> None:
        """Parse all migrations now, since threads that share them must not parse them at the same time.

        Args:
            trust_public: Whether to run migrations from a public bucket, which anyone may have written.

        Raises:
            BadMigrationFile: A migration cannot be parsed.
            BadInput: Migrations were read without credentials, no manifest pins them, and they are not trusted.
        """
        untrusted = next((each for each in (*self.read, *self.hooks) if each.untrusted), None)
        if untrusted is not None and not trust_public:
            raise BadInput(
                f"{untrusted.source_dir} was read without credentials, and whoever can write to a public bucket could "
                "run code on the databases: pin its files (--manifest FILE), or accept that (--trust-public)"
            )
        for each in (*self.order, *self.hooks):
            each.load()


@dataclass(frozen=True)
class Plan:
    """The plan for a database.

    Attributes:
        pending: Migrations that are not applied, in order.
        applied: Migrations that are applied, in order.
        contradictions: Ids of the migrations that are concerned, by the kind of contradiction.
        unrecorded: Ids of applied migrations without a checksum, which yoyo itself applied.
    """

    pending: Sequence[SourceMigration]
    applied: Sequence[SourceMigration]
    contradictions: dict[Contradiction, Sequence[str]]
    unrecorded: Sequence[str]

    def described(self, allowed: Collection[Contradiction] = ()) -> str:
        """Return a text about the contradictions that are not allowed; it is empty if there are none."""
        return "; ".join(
            f"{', '.join(ids[:_SHOWN])}{' and others' if len(ids) > _SHOWN else ''}: {_SAID[kind]} (--allow {kind})"
            for kind, ids in self.contradictions.items()
            if ids and kind not in allowed
        )

    def check(self, allowed: Collection[Contradiction]) -> None:
        """Check that the history of the database does not contradict the migrations.

        Raises:
            Refused: There is a contradiction that is not allowed.
        """
        if described := self.described(allowed):
            raise Refused(described)


def plan(migrations: Migrations, history: History) -> Plan:
    """Compare migrations with what was applied.

    Raises:
        BadMigrationFile: A migration cannot be parsed.
    """
    order = migrations.order
    known = {each.hash for each in order}
    applied = [each for each in order if each.hash in history.applied]
    pending = [each for each in order if each.hash not in history.applied]
    last = max((index for index, each in enumerate(order) if each.hash in history.applied), default=-1)
    early = _ids(order[: last + 1], lambda each: each.hash not in history.applied)
    edited = _ids(applied, lambda each: history.checksums.get(each.hash, each.sha256) != each.sha256)
    unrecorded = _ids(applied, lambda each: each.hash not in history.checksums)
    missing = sorted(name or "?" for key, name in history.applied.items() if key not in known)
    return Plan(
        pending,
        applied,
        {Contradiction.EDITED: edited, Contradiction.MISSING: missing, Contradiction.OUT_OF_ORDER: early},
        unrecorded,
    )


def _ids(migrations: Sequence[SourceMigration], condition: Callable[[SourceMigration], bool]) -> Sequence[str]:
    return [each.id for each in migrations if condition(each)]
