"""The history of a database: yoyo's own table of applied migrations, and a table with the hash of each applied file."""

from __future__ import annotations

import functools
import getpass
import os
import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from yoyo import internalmigrations

from reference.cloud_migrations.errors import Refused
from reference.cloud_migrations.sources.migration import SourceMigration

from .connecting import MIGRATIONS_TABLE, Backend

CHECKSUMS_TABLE = "_cloud_migration_checksum"


@dataclass(frozen=True)
class History:
    """The migrations that were applied to a database.

    Attributes:
        applied: Id of each applied migration, by yoyo's hash of the id.
        checksums: SHA-256 of the applied file, by the same hash; migrations that yoyo itself applied have none.
    """

    applied: Mapping[str, str]
    checksums: Mapping[str, str]


def read_history(backend: Backend) -> History:
    """Read the history of a database; nothing is written, and missing tables are not created.

    Raises:
        Refused: yoyo's table is of a version that only yoyo itself can upgrade.
    """
    backend.rollback()  # an open transaction might not see later commits
    tables = set(backend.list_tables())
    applied: Mapping[str, str] = {}
    checksums: Mapping[str, str] = {}
    quoted = backend.quote_identifier
    if MIGRATIONS_TABLE in tables:
        if internalmigrations.needs_upgrading(backend):
            raise Refused(
                "yoyo's table is of an older version: upgrade it by `yoyo list` of yoyo-migrations 6 or later"
            )
        columns = f"{quoted('migration_hash')}, {quoted('migration_id')}"
        applied = dict(backend.execute(f"SELECT {columns} FROM {quoted(MIGRATIONS_TABLE)}").fetchall())
    if CHECKSUMS_TABLE in tables:
        columns = f"{quoted('migration_hash')}, {quoted('sha256')}"
        checksums = dict(backend.execute(f"SELECT {columns} FROM {quoted(CHECKSUMS_TABLE)}").fetchall())
    backend.rollback()
    return History(applied, checksums)


def create_tables(backend: Backend) -> None:
    """Create yoyo's tables and the table of checksums if they are missing; the caller holds the lock."""
    if internalmigrations.needs_upgrading(backend):
        internalmigrations.upgrade(backend)
    if CHECKSUMS_TABLE not in backend.list_tables():
        quoted = backend.quote_identifier
        with backend.transaction():
            backend.execute(
                f"CREATE TABLE {quoted(CHECKSUMS_TABLE)} ("
                f"{quoted('migration_hash')} VARCHAR(64) PRIMARY KEY, {quoted('sha256')} VARCHAR(64) NOT NULL)"
            )


def record(backend: Backend, migration: SourceMigration) -> None:
    """Record in the open transaction that a migration was applied."""
    _log(backend, migration, "apply")
    values = {"migration_hash": migration.hash, "migration_id": migration.id, "when": _now()}
    backend.execute(backend.format_sql(backend.mark_migration_sql), values)
    table = backend.quote_identifier(CHECKSUMS_TABLE)
    _forget_checksum(backend, migration)
    backend.execute(
        f"INSERT INTO {table} (migration_hash, sha256) VALUES (:migration_hash, :sha256)",
        {"migration_hash": migration.hash, "sha256": migration.sha256},
    )


def forget(backend: Backend, migration: SourceMigration) -> None:
    """Record in the open transaction that a migration was rolled back."""
    _log(backend, migration, "rollback")
    backend.execute(backend.format_sql(backend.unmark_migration_sql), {"migration_hash": migration.hash})
    _forget_checksum(backend, migration)


def _forget_checksum(backend: Backend, migration: SourceMigration) -> None:
    table = backend.quote_identifier(CHECKSUMS_TABLE)
    backend.execute(f"DELETE FROM {table} WHERE migration_hash = :migration_hash", {"migration_hash": migration.hash})


def _log(backend: Backend, migration: SourceMigration, operation: str) -> None:
    """Add a row to yoyo's log."""
    values = {
        "id": str(uuid.uuid4()),
        "migration_hash": migration.hash,
        "migration_id": migration.id,
        "operation": operation,
        "username": _user(),
        "hostname": socket.gethostname(),
        "created_at_utc": _now(),
    }
    backend.execute(backend.format_sql(backend.log_migration_sql), values)


@functools.cache
def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return str(os.getuid())


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)  # yoyo's columns have no time zone
