"""Apply or roll back one migration, and report which changes remain if the server cannot undo them.

On PostgreSQL the steps of a migration and its record are one transaction: a runner that is killed at any moment leaves
either both or neither. (yoyo itself writes the record later, on another connection.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from reference.cloud_migrations.errors import DatabaseError, MigrationFailed, Refused
from reference.cloud_migrations.sources.migration import SourceHook, SourceMigration

from .connecting import Backend, Settings, is_mariadb, is_postgres, restore
from .history import forget, record
from .locking import Lock

Direction = Literal["apply", "rollback"]


def apply_one(backend: Backend, lock: Lock, migration: SourceMigration, settings: Settings) -> None:
    """Apply a migration and record it; a hook is run but not recorded.

    Raises:
        MigrationFailed: The migration failed; `left` says which of its changes remain.
    """
    _run(backend, lock, migration, "apply", settings)


def roll_back_one(backend: Backend, lock: Lock, migration: SourceMigration, settings: Settings) -> None:
    """Undo a migration by its rollback steps, and record that.

    Raises:
        Refused: A step has no rollback; nothing was changed. (yoyo itself would record the migration as undone.)
        MigrationFailed: A rollback step failed; `left` says which changes remain.
    """
    migration.load()
    without = [number for number, step in enumerate(migration.steps, 1) if not _undoes(step)]
    if not migration.steps or without:
        which = f"step {without[0]} of " if without else ""
        raise Refused(
            f"{which}{migration.id} has no rollback: write {migration.id}.rollback.sql, or undo it by a new migration"
        )
    _run(backend, lock, migration, "rollback", settings)


def _run(backend: Backend, lock: Lock, migration: SourceMigration, direction: Direction, settings: Settings) -> None:
    def remember(backend: Backend, migration: SourceMigration) -> None:
        restore(backend, settings)
        if not isinstance(migration, SourceHook):  # a hook runs each time
            (record if direction == "apply" else forget)(backend, migration)

    migration.load()
    steps = list(migration.steps if direction == "apply" else reversed(migration.steps))
    run = _atomically if backend.has_transactional_ddl and migration.use_transactions else _step_by_step
    lock.check()
    run(backend, migration, steps, direction, remember)


def _atomically(
    backend: Backend, migration: SourceMigration, steps: Sequence[Any], direction: Direction, remember: Any
) -> None:
    number = 0
    try:
        with backend.transaction():
            for step in steps:
                number += 1
                getattr(step, direction)(backend)
                if not _in_transaction(backend):
                    raise MigrationFailed(
                        f"step {number} of {migration.id} ended the transaction: remove COMMIT and ROLLBACK from it",
                        f"the changes of {migration.id} up to step {number} may have been committed, but not recorded",
                    )
            remember(backend, migration)
    except MigrationFailed:
        raise
    except Exception as error:
        raise MigrationFailed(_message(backend, migration, number, len(steps), error)) from error


def _step_by_step(
    backend: Backend, migration: SourceMigration, steps: Sequence[Any], direction: Direction, remember: Any
) -> None:
    """Run steps, each of which is committed by itself; after a failure, undo the earlier steps as far as possible."""
    number = 0
    done: list[Any] = []
    backend.rollback()
    try:
        for step in steps:
            number += 1
            with _own_transaction(backend):
                getattr(step, direction)(backend)
            done.append(step)
        with backend.transaction():
            remember(backend, migration)
    except Exception as error:
        message = _message(backend, migration, number, len(steps), error)
        raise MigrationFailed(message, _undone(backend, migration, done, direction, number)) from error


@contextmanager
def _own_transaction(backend: Backend) -> Iterator[None]:
    """Commit a step's changes of rows on MySQL and MariaDB; the server commits DDL by itself."""
    backend.rollback()
    yield
    if not is_postgres(backend):
        backend.commit()


def _undone(backend: Backend, migration: SourceMigration, done: Sequence[Any], direction: Direction, at: int) -> str:
    """Undo the steps before the failed one; return a sentence about the changes that remain, or an empty text."""
    backwards = "rollback" if direction == "apply" else "apply"
    stays: list[int] = []
    for number, step in reversed(list(enumerate(done, 1))):
        try:
            if backwards == "rollback" and not _undoes(step):
                stays.append(number)
            else:
                with _own_transaction(backend):
                    getattr(step, backwards)(backend)
        except Exception:  # noqa: BLE001 - a step that cannot be undone is reported, and must not hide the failure
            stays.append(number)
    why = _why(backend)
    said = [f"{why}: of {migration.id} {_numbers(sorted(stays))} done"] if stays else []
    said += _invalid_indexes(backend)
    if said and not stays:
        said.insert(0, why)
    if stays:
        said.append(f"undo that by hand, then repair step {at} and apply it again")
    return "; ".join(said)


def _numbers(stays: Sequence[int]) -> str:
    return f"step{'s' if len(stays) > 1 else ''} {', '.join(map(str, stays))} {'are' if len(stays) > 1 else 'is'}"


def _why(backend: Backend) -> str:
    if is_postgres(backend):
        return "it runs outside a transaction"
    try:
        server = "MariaDB" if is_mariadb(backend) else "MySQL"
    except backend.DatabaseError:
        server = "MySQL or MariaDB"
    return f"{server} commits each DDL statement by itself"


def _invalid_indexes(backend: Backend) -> list[str]:
    """Return a sentence about invalid indexes, which a failed CREATE INDEX CONCURRENTLY leaves behind."""
    if not is_postgres(backend):
        return []
    try:
        rows = backend.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid").fetchall()
    except backend.DatabaseError:
        return []
    return [f"these indexes are invalid, drop them: {', '.join(name for (name,) in rows)}"] if rows else []


def _undoes(step: Any) -> bool:
    """Return whether a step has a rollback; one without an action has nothing to undo."""
    inner = getattr(step, "step", step)
    if hasattr(inner, "steps"):
        return all(_undoes(each) for each in inner.steps)
    return bool(inner._rollback) or not inner._apply  # noqa: SLF001 - yoyo has no other name for them


def _in_transaction(backend: Backend) -> bool:
    return bool(backend.connection.info.transaction_status == 2)  # psycopg.pq.TransactionStatus.INTRANS


def _message(backend: Backend, migration: SourceMigration, number: int, of: int, error: BaseException) -> str:
    if isinstance(error, DatabaseError):
        return str(error)
    # The rollback may fail, too, which would hide the first error: on MySQL, savepoints end with DDL.
    while isinstance(error.__context__, backend.DatabaseError):
        error = error.__context__
    code = getattr(error, "sqlstate", None)
    reason = " ".join(str(error).split()) or type(error).__name__
    if code == "55P03":
        reason += " (it did not get its lock in time: try again when the table is less busy, or raise --lock-timeout)"
    if "COPY cannot be used" in reason:
        reason = "COPY from or to the client is not possible in a migration: write INSERT, or a migration in Python"
    return f"step {number} of {of} of {migration.id} failed: {f'{code}: ' if code else ''}{reason}"
