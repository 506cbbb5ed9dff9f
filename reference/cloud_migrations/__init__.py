"""Database migrations from a directory in S3: read them as yoyo's own, and apply them to many databases.

The document keeps migrations as SQL files in S3, in a directory per service and environment; a small package reads them
into yoyo's list of migrations, and yoyo applies them, database by database. It leaves open what happens when a
migration fails, when two runners work on one database, and when a file is edited after it was applied.

**What holds.** A directory in S3 works as the source; the result is yoyo's own list; many databases can share the
migrations; each environment has its directory; and applying everything sets up an empty database.

**What is corrected.**

- A public bucket is read without credentials. The SDK finds keys, with their session token, in its usual places, and an
  argument names an S3 server other than AWS. (The published package reads two environment variables and nothing else.)
- Dependencies between migrations work, and are looked up among the migrations that were read together.
- If two directories have a file of the same name with the same content, it is one migration; with different contents
  the error names both files.
- Nothing is cached: the same process sees a later upload. If an object changes or vanishes between the listing and its
  reading, the directory is listed again.
- Migrations in Python are read, too.
- The document's "idempotent" only means that a known name is skipped. Here the hash of each applied file is recorded,
  and the runner refuses a database if an applied file was edited or is missing, or if a file that is not applied sorts
  before the last applied one.
- On PostgreSQL the steps of a migration and its record are one transaction. On MySQL and MariaDB, whose DDL commits by
  itself, and for migrations outside a transaction, the report says which steps remain after a failure.
- The lock ends with the session of its holder: a runner that was killed blocks nobody. yoyo's own lock is held, too.

**What is added.** A runner for many databases, with a dry run, bounded parallelism, some databases first, a stop after
a number of failures, a report, and a resume; time limits for locks and statements; a manifest that pins files by their
hashes. For a bucket that keeps versions, a manifest can also pin these: an object that was edited or deleted afterwards
is then read in its pinned version.

Read migrations, and apply them by yoyo itself, as the document does::

    from yoyo import get_backend
    from reference.cloud_migrations import read_migrations

    migrations = read_migrations("s3://yoyo-migrations/")
    backend = get_backend("postgresql+psycopg://postgres:my-secret-pw@localhost:5432/postgres")
    with backend.lock():
        backend.apply_migrations(backend.to_apply(migrations))

With the runner::

    from reference.cloud_migrations import Database, Migrations, Runner, read_migrations

    runner = Runner(Migrations(read_migrations("s3://migrations/order_service/prod")))
    outcomes = runner.apply([Database.of("postgresql://..."), ...], first=["first"])

On the command line::

    cloud-migrations manifest -s s3://migrations/order_service/prod > prod.sha256
    cloud-migrations manifest -s s3://migrations/order_service/prod --versions > prod.sha256
    cloud-migrations plan -s s3://migrations/order_service/prod --manifest prod.sha256 -d databases.toml
    cloud-migrations apply -s s3://migrations/order_service/prod -d databases.toml --first canary --report report.json
    cloud-migrations apply -s s3://migrations/order_service/prod -d databases.toml --resume report.json
    cloud-migrations status -s s3://migrations/order_service/prod -d databases.toml
    cloud-migrations rollback -s s3://migrations/order_service/prod -d databases.toml --last 1
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from .databases.addresses import Database, from_sharding_service
    from .databases.connecting import Settings
    from .databases.planning import Contradiction, Migrations
    from .errors import (
        BadInput,
        BadMigrationFile,
        CloudMigrationsError,
        DatabaseUnreachable,
        Locked,
        ManifestMismatch,
        MigrationFailed,
        Refused,
        SourceUnavailable,
    )
    from .outcomes import Outcome, State
    from .report import Report
    from .running import Runner
    from .sources.manifest import Manifest
    from .sources.reading import ConflictingNames, read_migrations

# Module by exported name: imported at first use, so that the command can report a missing library in one sentence.
_MODULES = {
    "BadInput": "errors",
    "BadMigrationFile": "errors",
    "CloudMigrationsError": "errors",
    "ConflictingNames": "sources.reading",
    "Contradiction": "databases.planning",
    "Database": "databases.addresses",
    "DatabaseUnreachable": "errors",
    "Locked": "errors",
    "Manifest": "sources.manifest",
    "ManifestMismatch": "errors",
    "MigrationFailed": "errors",
    "Migrations": "databases.planning",
    "Outcome": "outcomes",
    "Refused": "errors",
    "Report": "report",
    "Runner": "running",
    "Settings": "databases.connecting",
    "SourceUnavailable": "errors",
    "State": "outcomes",
    "from_sharding_service": "databases.addresses",
    "read_migrations": "sources.reading",
}

__all__ = [
    "BadInput",
    "BadMigrationFile",
    "CloudMigrationsError",
    "ConflictingNames",
    "Contradiction",
    "Database",
    "DatabaseUnreachable",
    "Locked",
    "Manifest",
    "ManifestMismatch",
    "MigrationFailed",
    "Migrations",
    "Outcome",
    "Refused",
    "Report",
    "Runner",
    "Settings",
    "SourceUnavailable",
    "State",
    "from_sharding_service",
    "read_migrations",
]


__getattr__ = import_at_first_use(__name__, _MODULES)
