"""`read_migrations`: yoyo's function of the same name, for S3, local paths, Python packages and fsspec's file systems.

Read this to see how several sources are merged, and which files conflict.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from yoyo.exceptions import MigrationConflict
from yoyo.migrations import MigrationList

from reference.cloud_migrations.errors import BadInput

from . import filesystems
from .files import ROLLBACK, Directory, File
from .manifest import Manifest
from .migration import SourceHook, SourceMigration

_HOOK = "post-apply"


class ConflictingNames(BadInput, MigrationConflict):  # type: ignore[misc]
    """Two migrations have the same name and different contents."""


def read_migrations(
    *sources: str | os.PathLike[str],
    endpoint_url: str | None = None,
    anonymous: bool | None = None,
    timeout: float = 10.0,
    manifest: Manifest | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> MigrationList:
    """Read migrations from directories, as yoyo's `read_migrations` does.

    Sources are merged in the given order. If several sources have a file of the same name with the same content, it is
    one migration. Nothing is cached: each call reads the present files.

    Args:
        sources: `s3://BUCKET/DIRECTORY`, a local path or pattern, `package:NAME:DIRECTORY`, or another URL of fsspec.
        endpoint_url: URL of an S3 server other than AWS; by default `AWS_ENDPOINT_URL`.
        anonymous: Whether requests to S3 are unsigned; None leaves them unsigned only if the SDK finds no credentials.
        timeout: Timeout in seconds for connecting to S3, and for the next bytes of an answer.
        manifest: The files and hashes that are expected; if it pins versions of S3 objects, these versions are read.
        storage_options: Arguments of fsspec's file system, for sources other than S3.

    Returns:
        yoyo's list of migrations, in order, which also has the post-apply hooks. A migration is parsed, and one in
        Python executed, when yoyo or the runner first needs its steps or dependencies.

    Raises:
        BadInput: A source is wrong or has no migration.
        ConflictingNames: Two migrations have the same name and different contents.
        ManifestMismatch: The files are not those of the manifest.
        SourceUnavailable: A source does not answer, refuses the request, or keeps changing while it is read.
    """
    if not sources:
        raise BadInput("name at least one source of migrations")
    peers: dict[str, SourceMigration] = {}
    hooks: dict[str, SourceMigration] = {}
    options = {"endpoint_url": endpoint_url, "anonymous": anonymous, "timeout": timeout}
    for each in sources:
        for directory in _directories(os.fspath(each), options, manifest, storage_options or {}):
            untrusted = directory.unsigned and manifest is None
            for migration in _migrations(directory, peers, untrusted):
                _add(hooks if isinstance(migration, SourceHook) else peers, migration)
    migrations = MigrationList(peers.values(), hooks.values())
    if manifest is not None:
        manifest.check(migrations)
    return migrations


def _directories(
    source: str, s3_options: Mapping[str, Any], manifest: Manifest | None, storage_options: Mapping[str, Any]
) -> Iterator[Directory]:
    if source.startswith("s3://"):
        from . import s3  # imported only here, since its SDK takes longer to import than everything else

        pinned = {} if manifest is None else manifest.versions
        yield s3.read_directory(source, s3.S3Options(**s3_options), pinned)
    else:
        yield from filesystems.read_directories(source, storage_options)


def _migrations(
    directory: Directory, peers: Mapping[str, SourceMigration], untrusted: bool
) -> Iterator[SourceMigration]:
    rollbacks = {file.name.removesuffix(ROLLBACK): file for file in directory.files if file.name.endswith(ROLLBACK)}
    found: dict[str, File] = {}
    for file in directory.files:
        if file.name.endswith(ROLLBACK):
            continue
        name = file.name.rpartition(".")[0]
        if name in found:
            raise ConflictingNames(f"{found[name].path} and {file.path} have the same name: rename one of them")
        found[name] = file
    if orphans := sorted(rollbacks.keys() - found.keys()):
        raise BadInput(f"{rollbacks[orphans[0]].path} is the rollback file of a migration that does not exist")
    for name, file in found.items():
        kind = SourceHook if name.startswith(_HOOK) else SourceMigration
        yield kind(directory.source, file, rollbacks.get(name), peers, untrusted)


def _add(known: dict[str, SourceMigration], migration: SourceMigration) -> None:
    before = known.setdefault(migration.id, migration)
    if before.files != migration.files:
        raise ConflictingNames(
            f"{before.path} and {migration.path} have the same name and different contents: rename one of them, or "
            "apply them to different databases"
        )
