"""The migration lock of a database: one runner at a time, and a runner that was killed blocks nobody.

Two locks are taken. One belongs to a session of the server (an advisory lock on PostgreSQL, GET_LOCK on MySQL and
MariaDB): the server releases it when the session ends for any reason. The other is the row that yoyo itself inserts, so
that yoyo's own command does not run at the same time. A row of a killed runner of this library is recognized by its
negative number; the next runner, which holds the session's lock, deletes it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from reference.cloud_migrations.errors import Locked, MigrationFailed

from .addresses import Database
from .connecting import Backend, Settings, alive, connected, is_postgres

_KEY = 0x6D6967726174696F  # "migratio"
_POLL = 0.1


class Lock:
    """The locks that are held on a database."""

    def __init__(self, backend: Backend) -> None:
        """Remember the session that holds the lock."""
        self._backend = backend

    def check(self) -> None:
        """Check that the locks are still held.

        Raises:
            MigrationFailed: The session that held them is gone.
        """
        if not alive(self._backend):
            raise MigrationFailed("the session that held the migration lock was ended: another runner may have begun")


@contextmanager
def locked(database: Database, settings: Settings) -> Iterator[Lock]:
    """Hold the migration lock of a database.

    The lock has a session of its own, so that no migration can release it.

    Raises:
        Locked: Another runner, or yoyo itself, still holds a lock after `settings.wait_for_runner` seconds.
        DatabaseUnreachable: The database does not answer.
    """
    with connected(database, settings) as backend:
        deadline = time.monotonic() + settings.wait_for_runner
        _lock_session(backend, settings.wait_for_runner)
        number = _insert_row(backend, deadline)
        try:
            yield Lock(backend)
        finally:
            # If the session has ended, its lock is released, and the next runner deletes the row.
            with suppress(backend.DatabaseError, backend.driver.InterfaceError):
                _delete_row(backend, number)


def _lock_session(backend: Backend, seconds: float) -> None:
    if is_postgres(backend):
        # Polling, since a session that waits in pg_advisory_lock holds a snapshot, and CREATE INDEX CONCURRENTLY of the
        # lock's holder would wait until that snapshot ends.
        deadline = time.monotonic() + seconds
        while not backend.execute(f"SELECT pg_try_advisory_lock({_KEY})").fetchone()[0]:
            if time.monotonic() > deadline:
                raise Locked(f"another runner has held the migration lock for {seconds:g} s: wait for its end")
            time.sleep(_POLL)
        return
    # The name of such a lock is shared by all databases of the server, and has at most 64 characters.
    name = "migrations " + hashlib.sha256(str(backend.uri.database).encode()).hexdigest()[:40]
    (got,) = backend.execute("SELECT GET_LOCK(:name, :seconds)", {"name": name, "seconds": seconds}).fetchone()
    if got != 1:
        raise Locked(f"another runner has held the migration lock for {seconds:g} s: wait for its end")
    backend.rollback()


def _delete_row(backend: Backend, number: int) -> None:
    with backend.transaction():
        backend.execute(
            f"DELETE FROM {backend.lock_table_quoted} WHERE {backend.quote_identifier('pid')} = :number",
            {"number": number},
        )


def _insert_row(backend: Backend, deadline: float) -> int:
    """Insert yoyo's row and return its number, the negative id of this session."""
    if backend.lock_table not in backend.list_tables():
        backend.create_lock_table()
    session = "pg_backend_pid()" if is_postgres(backend) else "connection_id()"
    number = -int(backend.execute(f"SELECT {session}").fetchone()[0] % 2**31)
    quoted = backend.quote_identifier
    table = backend.lock_table_quoted
    while True:
        backend.rollback()
        rows = backend.execute(f"SELECT {quoted('pid')}, {quoted('ctime')} FROM {table}").fetchall()
        for holder, since in rows:
            if holder < 0:
                # The row is of a killed runner of this library, since this session holds the session's lock.
                _delete_row(backend, holder)
            elif time.monotonic() > deadline:
                raise Locked(
                    f"yoyo's process {holder} has held its lock since {since} UTC: wait for its end, or release it by "
                    "`yoyo break-lock` if that process was killed"
                )
        if not rows or all(holder < 0 for holder, _ in rows):
            with suppress(backend.DatabaseError), backend.transaction():
                backend.execute(
                    f"INSERT INTO {table} ({quoted('locked')}, {quoted('ctime')}, {quoted('pid')}) "
                    "VALUES (1, :moment, :number)",
                    {"moment": datetime.now(UTC).replace(tzinfo=None), "number": number},
                )
                return number
        time.sleep(_POLL)
