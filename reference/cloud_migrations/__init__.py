"""Database migrations whose source is a directory in S3: read them as yoyo's, apply them to many databases.

The document keeps migrations as SQL files in S3, in a directory per service and environment; a small package reads them
into yoyo's list of migrations, and yoyo applies them, database by database. It leaves open what happens when a
migration fails, when two runners meet, and when a file is edited after it was applied.

**What holds.** The directory as the source, yoyo's own list, the same migrations for many databases, a directory per
environment; and that an empty database is set up by applying everything.

**What is corrected.**

- A public bucket is read without credentials. Keys come from wherever the SDK finds them, with their session token; an
  S3 that is not AWS is named by an argument. (The published package takes two environment variables and nothing else.)
- Dependencies between migrations work, and are looked up among those that were read together.
- A file that two directories hold under one name with the same content is one migration; with other content the error
  names both.
- Nothing is cached: a later upload is seen by the same process. An object that changes or vanishes between the listing
  and its reading makes the directory be listed again.
- Migrations in Python are read, too.
- "Idempotent" is only that a known name is passed over. Here the hash of each applied file is recorded, and one that
  was edited since, that is missing, or that sorts before the last applied one makes the runner refuse the database.
- The steps of a migration and its record are one transaction on PostgreSQL. On MySQL and MariaDB, whose DDL commits by
  itself, and outside a transaction, the report says which steps stay.
- The lock ends with the session of its holder: a runner that was killed blocks nobody. yoyo's own lock is held, too.

**What is added.** A runner for many databases, with a dry run, bounded parallelism, some databases first, a stop after
so many failures, a report, and a resume; time limits for locks and statements; a manifest that pins the files by their
hashes, and in a bucket that keeps versions by these: then an object that was edited or deleted since is read as it was.

Reading, and applying with yoyo alone, as the document does::

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
