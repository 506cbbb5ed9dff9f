"""Connections to databases by yoyo's backends, with time limits; connection poolers are detected and refused.

Read this to see which settings a session gets, and why a pooler is refused.
"""

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
    """Time limits in seconds, and whether a pooler is allowed.

    Attributes:
        connect_timeout: Limit for opening a connection.
        wait_for_runner: Limit for waiting until another runner releases the migration lock of the database.
        lock_timeout: Limit for a statement's wait for locks; None for no limit. While a statement waits for a lock on a
            table, all later statements on that table wait, too: without a limit, a busy table would be out of service.
        statement_timeout: Limit for the duration of a statement; None for no limit.
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
    """Return whether a backend is connected to PostgreSQL, and not to MySQL or MariaDB."""
    return bool(backend.driver_module == "psycopg")


@contextmanager
def connected(database: Database, settings: Settings) -> Iterator[Backend]:
    """Connect to a database; nothing is created in it.

    Raises:
        DatabaseUnreachable: The database does not answer, or refuses the login.
        Refused: The connection goes through a pooler, which `settings` do not allow.
    """
    uri = parse_uri(database.url)
    name = unquote(uri.database or "")  # yoyo decodes only user and password
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
            # Without this, a statement that waits for a lock outlives its killed runner. PostgreSQL has it since 14.
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
    # For cancel requests, a pooler gives its clients a process id that it has invented.
    (process,) = backend.execute("SELECT pg_backend_pid()").fetchone()
    if process != backend.connection.info.backend_pid:
        raise Refused(
            "the connection goes through a pooler such as PgBouncer, which in transaction mode loses a session's locks "
            "and limits. Connect to the server itself, or allow a pooler in session mode by --pooler"
        )


def restore(backend: Backend, settings: Settings) -> None:
    """Undo the session settings of a migration, so that they do not affect its record and the next migration.

    For example, the output of pg_dump empties the search path and lifts the time limits, and a migration may set
    another role. On MySQL and MariaDB nothing is undone.
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
                raise Refused("MySQL has no time limit for statements that change data: leave out --statement-timeout")
            limits["max_statement_time"] = settings.statement_timeout
    for name, value in limits.items():
        backend.execute(f"SET SESSION {name} = {value}")


def _at_least_one(value: float) -> int:
    # Zero would mean no limit.
    return max(1, math.ceil(value))
