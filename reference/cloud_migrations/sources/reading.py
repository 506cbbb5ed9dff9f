"""`read_migrations`: yoyo's function of that name, for S3 and every other place that migrations are kept in."""

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
    """Two migrations have one name and not the same content."""


def read_migrations(
    *sources: str | os.PathLike[str],
    endpoint_url: str | None = None,
    anonymous: bool | None = None,
    timeout: float = 10.0,
    manifest: Manifest | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> MigrationList:
    """Read migrations from directories, as yoyo's `read_migrations` does.

    Sources are merged in their order. A file that several sources hold under one name with the same content is one
    migration. Nothing is cached: each call reads what is there now.

    Args:
        sources: `s3://BUCKET/DIRECTORY`, a local path or pattern, `package:NAME:DIRECTORY`, or another URL of fsspec.
        endpoint_url: Address of an S3 that is not AWS; by default `AWS_ENDPOINT_URL`.
        anonymous: Whether requests to S3 are not signed; None: where the SDK finds no credentials.
        timeout: Seconds to connect to S3, and to wait for the next bytes of an answer.
        manifest: The files and hashes that are expected; where it names versions of S3 objects, these are read.
        storage_options: Arguments of fsspec's file system, for sources other than S3.

    Returns:
        yoyo's list, in order, with the post-apply hooks beside it. Its migrations are parsed, and those in Python
        executed, when yoyo or the runner first needs their steps or dependencies.

    Raises:
        BadInput: A source is wrong or holds no migration.
        ConflictingNames: Two migrations have one name and not the same content.
        ManifestMismatch: The files are not those of the manifest.
        SourceUnavailable: A source does not answer, refuses, or changes while it is read.
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
        from . import s3  # its SDK takes longer to import than all the rest

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
            raise ConflictingNames(f"{found[name].path} and {file.path} have one name: rename one of them")
        found[name] = file
    if orphans := sorted(rollbacks.keys() - found.keys()):
        raise BadInput(f"{rollbacks[orphans[0]].path} is the rollback file of a migration that is not there")
    for name, file in found.items():
        kind = SourceHook if name.startswith(_HOOK) else SourceMigration
        yield kind(directory.source, file, rollbacks.get(name), peers, untrusted)


def _add(known: dict[str, SourceMigration], migration: SourceMigration) -> None:
    before = known.setdefault(migration.id, migration)
    if before.files != migration.files:
        raise ConflictingNames(
            f"{before.path} and {migration.path} have one name and not the same content: rename one of them, or read "
            "them into different databases"
        )
