"""Read a migration directory from a local path, a Python package, or any store that fsspec has a file system for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from glob import has_magic
from importlib import resources
from typing import Any

import fsspec

from reference.cloud_migrations.errors import BadInput, SourceUnavailable

from .files import Directory, File, check_size, is_migration, no_migrations

LISTINGS = 3

_PACKAGE = re.compile(r"package:([^\s/:]+):(.*)")
# The facts by which a changed file is recognized, under the names that various file systems give them.
_VERSION = ("ETag", "etag", "generation", "md5Hash", "size", "mtime", "ino", "LastModified", "last_modified", "created")


def read_directories(source: str, storage_options: Mapping[str, Any]) -> Iterator[Directory]:
    """Yield the directories of a source: one, or all that match a local pattern.

    Args:
        source: A local path or pattern, `package:NAME:DIRECTORY`, or a URL of fsspec.
        storage_options: Arguments of the file system.

    Raises:
        BadInput: There is no such directory or file system, or the directory has no migration.
        SourceUnavailable: The directory cannot be read, or it keeps changing.
    """
    if match := _PACKAGE.fullmatch(source):
        yield _of_package(source, *match.groups())
        return
    try:
        files, path = fsspec.core.url_to_fs(source, **storage_options)
    except (ImportError, ValueError, TypeError) as error:
        raise BadInput(f"{source} cannot be read: {error}") from None
    local = "file" in (files.protocol if isinstance(files.protocol, tuple) else (files.protocol,))
    paths = sorted(files.glob(path)) if local and has_magic(path) else [path]
    if not paths:
        raise BadInput(f"{source} matches no directory")
    for each in paths:
        yield _of_file_system(source if len(paths) == 1 else each, files, each)


def _of_package(source: str, package: str, folder: str) -> Directory:
    try:
        place = resources.files(package).joinpath(folder)
        found = [each for each in place.iterdir() if each.is_file() and is_migration(each.name)]
    except (ImportError, OSError) as error:
        raise BadInput(f"{source} cannot be read: {error}") from None
    if not found:
        raise no_migrations(source)
    read = [File(each.name, f"{source}/{each.name}", each.read_bytes()) for each in found]
    return Directory(source, sorted(read, key=lambda file: file.name))


def _of_file_system(source: str, files: Any, path: str) -> Directory:
    try:
        for _ in range(LISTINGS):
            listed = _list(source, files, path)
            try:
                read = [File(name, address, files.cat_file(address)) for name, (address, _) in sorted(listed.items())]
            except FileNotFoundError:
                continue
            if _list(source, files, path) == listed:
                return Directory(source, read)
    except (FileNotFoundError, NotADirectoryError):
        raise BadInput(f"{source} is not a directory") from None
    except OSError as error:
        raise SourceUnavailable(f"{source} cannot be read: {error}") from None
    raise SourceUnavailable(
        f"{source} changed while it was read, {LISTINGS} times in a row: wait until its upload has ended"
    )


def _followed(files: Any, entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an entry of a listing, or the target of a link: the files of a Kubernetes ConfigMap are links."""
    if not entry.get("islink") or not is_migration(str(entry["name"])):
        return entry
    try:
        return {**files.info(entry["name"]), "name": entry["name"]}
    except FileNotFoundError:
        raise BadInput(f"{entry['name']} is a link to a file that does not exist") from None


def _list(source: str, files: Any, path: str) -> dict[str, tuple[str, tuple[Any, ...]]]:
    """Return the address of each migration file and the facts that identify its version, by name."""
    files.invalidate_cache()
    if files.isfile(path):
        raise NotADirectoryError
    entries = files.ls(path, detail=True)
    named = {str(each["name"]).rstrip("/").rpartition("/")[2]: _followed(files, each) for each in entries}
    found = {
        name: (str(each["name"]), tuple(each.get(fact) for fact in _VERSION))
        for name, each in named.items()
        if each["type"] == "file" and is_migration(name)
    }
    if not found:
        raise no_migrations(source, [name for name, each in named.items() if each["type"] == "directory"])
    for name, (address, _) in found.items():
        check_size(address, named[name]["size"] or 0)
    return found
