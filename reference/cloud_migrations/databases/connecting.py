"""Connections to databases by yoyo's backends, with time limits; poolers that break session locks are noticed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from yoyo.backends import get_backend_class
from yoyo.connections import parse_uri

from reference.cloud_migrations.errors import BadInput, DatabaseUnreachable, Refused

from .addresses import Database

MIGRATIONS_TABLE = "_yoyo_migration"

Backend = Any
"""A backend of yoyo, which comes without types: `yoyo.backends.DatabaseBackend`."""


@dataclass(frozen=True)
class Settings:
    """Time limits, in seconds.

    Attributes:
        connect_timeout: Until a connection is there.
        wait_for_runner: Until another runner has released the migration lock of the database.
        lock_timeout: Until a statement has the locks it needs; None for no limit. A statement that waits for a lock
            makes everything wait that comes after it: a busy table would be out of service.
        statement_timeout: Until a statement has ended; None for no limit.
        pooler: Whether connections may go through a pooler. It must give each connection a server session of its own
            (PgBouncer: `pool_mode = session`).
    """

    connect_timeout: float = 10.0
    wait_for_runner: float = 10.0
    lock_timeout: float | None = 5.0
    statement_timeout: float | None = None
    pooler: bool = False

    def __post_init__(self) -> None:
        for name in ("connect_timeout", "wait_for_runner", "lock_timeout", "statement_timeout"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise BadInput(f"{name} is a number of seconds, 0 or more, not {value:g}")


def is_postgres(backend: Backend) -> bool:
    """Return whether a backend is connected to PostgreSQL, else it is MySQL or MariaDB."""
    return bool(backend.driver_module == "psycopg")


@contextmanager
def connected(database: Database, settings: Settings) -> Iterator[Backend]:
    """Connect to a database; nothing is created in it.

    Raises:
        DatabaseUnreachable: It does not answer, or refuses the login.
        Refused: A pooler stands between, and `settings` do not allow it.
    """
    uri = parse_uri(database.url)
    name = unquote(uri.database or "")  # yoyo decodes user and password alone
    arguments = {name: int(value) if value.isdigit() else value for name, value in uri.args.items()}
    arguments.setdefault("connect_timeout", max(1, math.ceil(settings.connect_timeout)))
    backend_class = get_backend_class(uri.scheme)
    try:
        backend = backend_class(uri._replace(database=name, args=arguments), MIGRATIONS_TABLE)
    except Exception as error:  # noqa: BLE001 - a wrong option is a TypeError of a driver
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DatabaseUnreachable(f"no connection: {reason}") from None
    try:
        backend.has_transactional_ddl = is_postgres(backend)
        if is_postgres(backend) and not settings.pooler:
            _refuse_pooler(backend)
        if is_postgres(backend):
            # Else a statement that waits for a lock goes on when its runner was killed. From PostgreSQL 14.
            with suppress(backend.DatabaseError):
                backend.execute("SET SESSION client_connection_check_interval = '1s'")
        _limit(backend, settings)
        backend.rollback()
        yield backend
    finally:
        with suppress(Exception):
            backend.connection.close()


def alive(backend: Backend) -> bool:
    """Return whether the session still exists."""
    try:
        backend.execute("SELECT 1").fetchone()
    except (backend.DatabaseError, backend.driver.InterfaceError):
        return False
    return True


def is_mariadb(backend: Backend) -> bool:
    """Return whether the server is MariaDB and not MySQL."""
    return "mariadb" in str(backend.execute("SELECT version()").fetchone()[0]).lower()


def _refuse_pooler(backend: Backend) -> None:
    # A pooler gives its clients a process id of its own making, for their cancel requests.
    (process,) = backend.execute("SELECT pg_backend_pid()").fetchone()
    if process != backend.connection.info.backend_pid:
        raise Refused(
            "a pooler such as PgBouncer stands between, which in transaction mode loses locks and limits of a session. "
            "Name the server itself, or allow a pooler that is in session mode (--pooler)"
        )


def restore(backend: Backend, settings: Settings) -> None:
    """Undo what a migration has set for its session, so that its record and the next one do not depend on that.

    The output of pg_dump empties the search path and lifts the time limits; a migration may act in another role. On
    MySQL and MariaDB nothing is undone.
    """
    if is_postgres(backend):
        for name in ("SESSION AUTHORIZATION", "ROLE", "search_path"):
            backend.execute(f"RESET {name}")
        backend.init_connection(backend.connection)  # yoyo's own search path, from ?schema=
        _limit(backend, settings)


def _limit(backend: Backend, settings: Settings) -> None:
    """Set the session's time limits."""
    limits: dict[str, str | int | float] = {}
    if is_postgres(backend):
        for name in ("lock_timeout", "statement_timeout"):
            seconds = getattr(settings, name)
            if seconds is not None:
                limits[name] = f"'{_at_least_one(1000 * seconds)}ms'"
    else:
        if settings.lock_timeout is not None:
            limits["lock_wait_timeout"] = limits["innodb_lock_wait_timeout"] = _at_least_one(settings.lock_timeout)
        if settings.statement_timeout is not None:
            if not is_mariadb(backend):
                raise Refused("MySQL has no time limit for statements that change something: leave it out")
            limits["max_statement_time"] = settings.statement_timeout
    for name, value in limits.items():
        backend.execute(f"SET SESSION {name} = {value}")


def _at_least_one(value: float) -> int:
    # Zero would mean no limit.
    return max(1, math.ceil(value))
