"""The runner: plan, apply or roll back on many databases, a limited number in parallel, until too many have failed.

Read this to see in which order databases are migrated, and what happens after a failure or Ctrl-C.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace

from .databases.addresses import Database, distinct
from .databases.applying import apply_one, roll_back_one
from .databases.connecting import Settings, connected
from .databases.history import create_tables, read_history
from .databases.locking import locked
from .databases.planning import Contradiction, Migrations, Plan, plan
from .errors import BadInput, DatabaseError, MigrationFailed
from .outcomes import Outcome, State


@dataclass
class _Progress:
    """The progress on a database so far, for the report if it fails."""

    done: list[str] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)


Work = Callable[[Database, _Progress], Outcome]


@dataclass(frozen=True)
class Runner:
    """Migrates databases.

    Attributes:
        migrations: The migrations, which all databases share.
        settings: Time limits, and whether a pooler is allowed.
        allowed: Contradictions between a database's history and the migrations that are ignored.
        parallel: How many databases are migrated at the same time.
        stop_after: Number of failures after which the remaining databases are skipped.
        always_hooks: Run post-apply hooks even if nothing was pending, for instance after a hook has failed.
        trust_public: Run migrations that were read without credentials even if no manifest pins them.
    """

    migrations: Migrations
    settings: Settings = field(default_factory=Settings)
    allowed: Collection[Contradiction] = ()
    parallel: int = 4
    stop_after: int = 1
    always_hooks: bool = False
    trust_public: bool = False

    def __post_init__(self) -> None:
        for name in ("parallel", "stop_after"):
            if getattr(self, name) < 1:
                raise BadInput(f"{name} is a number of 1 or more, not {getattr(self, name)}")

    def plan(self, databases: Iterable[Database], progress: Callable[[Outcome], None] | None = None) -> list[Outcome]:
        """Return what `apply` would do; nothing is written anywhere.

        Args:
            databases: The databases.
            progress: Called with each outcome as it becomes known.

        Raises:
            BadInput: A migration cannot be parsed, or a database is named twice.
        """
        self.migrations.load(trust_public=self.trust_public)
        everyone = list(databases)
        # A plan must show the problems of all databases, so that it never stops after failures.
        return self._run(everyone, self._plan, (), len(everyone) + 1, progress)

    def apply(
        self,
        databases: Iterable[Database],
        *,
        first: Sequence[str] = (),
        progress: Callable[[Outcome], None] | None = None,
    ) -> list[Outcome]:
        """Apply all pending migrations.

        A failed migration ends the work on its database; on PostgreSQL none of its changes remain.

        Args:
            databases: The databases.
            first: Names of databases to migrate before all others, one by one; if one fails, all others are skipped.
            progress: Called with each outcome as it becomes known.

        Returns:
            An outcome for each database, in the given order.

        Raises:
            BadInput: A migration cannot be parsed, `first` has the name of no database, or a database is named twice.
        """
        self.migrations.load(trust_public=self.trust_public)
        return self._run(list(databases), self._apply, first, self.stop_after, progress)

    def roll_back(
        self,
        databases: Iterable[Database],
        number: int,
        *,
        first: Sequence[str] = (),
        progress: Callable[[Outcome], None] | None = None,
    ) -> list[Outcome]:
        """Undo the last applied migrations.

        Args:
            databases: The databases.
            number: How many of the applied migrations to undo, the last one first.
            first: As in `apply`.
            progress: As in `apply`.

        Raises:
            BadInput: As in `apply`, or the number is less than one.
        """
        if number < 1:
            raise BadInput(f"the number of migrations to undo is 1 or more, not {number}")
        self.migrations.load(trust_public=self.trust_public)

        def work(database: Database, so_far: _Progress) -> Outcome:
            return self._roll_back(database, so_far, number)

        return self._run(list(databases), work, first, self.stop_after, progress)

    # One database

    def _plan(self, database: Database, _: _Progress) -> Outcome:
        with connected(database, self.settings) as backend:
            due = plan(self.migrations, read_history(backend))
        due.check(self.allowed)
        pending = [each.id for each in due.pending]
        return Outcome(
            database.name, State.PENDING if pending else State.UP_TO_DATE, pending=pending, notes=self._notes(due)
        )

    def _apply(self, database: Database, so_far: _Progress) -> Outcome:
        with locked(database, self.settings) as lock, connected(database, self.settings) as backend:
            due = plan(self.migrations, read_history(backend))
            so_far.pending += [each.id for each in due.pending]
            due.check(self.allowed)
            if due.pending:
                create_tables(backend)
            for migration in due.pending:
                apply_one(backend, lock, migration, self.settings)
                so_far.done.append(migration.id)
                so_far.pending.remove(migration.id)
            if due.pending or self.always_hooks:
                for hook in self.migrations.hooks:
                    apply_one(backend, lock, hook, self.settings)
        state = State.APPLIED if so_far.done else State.UP_TO_DATE
        return Outcome(database.name, state, done=so_far.done, notes=self._notes(due))

    def _roll_back(self, database: Database, so_far: _Progress, number: int) -> Outcome:
        with locked(database, self.settings) as lock, connected(database, self.settings) as backend:
            due = plan(self.migrations, read_history(backend))
            due.check({*self.allowed, Contradiction.OUT_OF_ORDER})
            undo = list(reversed(due.applied))[:number]
            if undo:
                create_tables(backend)
            for migration in undo:
                roll_back_one(backend, lock, migration, self.settings)
                so_far.done.append(migration.id)
        return Outcome(database.name, State.ROLLED_BACK if undo else State.UP_TO_DATE, done=so_far.done)

    def _notes(self, due: Plan) -> str:
        notes = []
        if passed := due.described():
            notes.append(f"allowed: {passed}")
        if due.unrecorded:
            notes.append(f"{len(due.unrecorded)} were applied by yoyo itself, without a checksum")
        return "; ".join(notes)

    # Many databases

    def _run(
        self,
        databases: Sequence[Database],
        work: Work,
        first: Sequence[str],
        stop_after: int,
        progress: Callable[[Outcome], None] | None,
    ) -> list[Outcome]:
        databases = distinct(databases)
        by_name = {each.name: each for each in databases}
        if unknown := [name for name in first if name not in by_name]:
            raise BadInput(f"--first {unknown[0]} is not the name of a database: {', '.join(by_name)}")
        canaries = [by_name[name] for name in dict.fromkeys(first)]
        others = [each for each in databases if each not in canaries]
        found: dict[str, Outcome] = {}

        def keep(outcome: Outcome) -> None:
            found[outcome.database] = outcome
            if progress is not None:
                progress(outcome)

        for each in canaries:
            keep(self._one(each, work))
            if not found[each.name].good:
                why = f"{each.name}, which was first, failed"
                break
        else:
            why = self._in_parallel(others, work, stop_after, keep)
        for each in databases:
            if each.name not in found:
                keep(Outcome(each.name, State.SKIPPED, problem=f"not begun: {why}"))
        return [found[each.name] for each in databases]

    def _in_parallel(
        self, databases: Sequence[Database], work: Work, stop_after: int, keep: Callable[[Outcome], None]
    ) -> str:
        """Work until all databases are done or too many have failed; return why the remaining ones were skipped."""
        waiting = iter(databases)
        failures = 0
        why = ""
        running: set[Future[Outcome]] = set()
        with ThreadPoolExecutor(self.parallel, "migrate") as pool:
            try:
                while True:
                    while not why and len(running) < self.parallel and (each := next(waiting, None)) is not None:
                        running.add(pool.submit(self._one, each, work))
                    if not running:
                        return why
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        keep(future.result())
                        failures += not future.result().good
                    if failures >= stop_after:
                        why = f"{failures} failed (--stop-after {stop_after})"
            except KeyboardInterrupt:
                # Databases that have begun are finished, since an interrupted migration would leave more to repair.
                for future in wait(running).done:
                    keep(future.result())
                return "the run was interrupted"

    def _one(self, database: Database, work: Work) -> Outcome:
        start = time.monotonic()
        so_far = _Progress()
        try:
            outcome = work(database, so_far)
        except DatabaseError as error:
            left = error.left if isinstance(error, MigrationFailed) else ""
            outcome = Outcome(database.name, State.FAILED, so_far.done, so_far.pending, str(error), left)
        except Exception as error:  # noqa: BLE001 - a driver's error on one database must not end the others
            problem = f"{type(error).__name__}: {' '.join(str(error).split())}"
            outcome = Outcome(database.name, State.FAILED, so_far.done, so_far.pending, problem)
        return replace(outcome, seconds=round(time.monotonic() - start, 3))
