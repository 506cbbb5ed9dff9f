"""The files of a migration directory, and which names are migrations; read here what every kind of source returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from reference.cloud_migrations.errors import BadInput

ROLLBACK = ".rollback.sql"
LARGEST = 16 * 2**20
"""Bytes that one file may have; a larger one is no migration."""

_KINDS = {".py", ".sql"}
_UNFINISHED = "_tmp_yoyonew"
_SHOWN = 3


@dataclass(frozen=True)
class File:
    """A file of a source.

    Attributes:
        name: Its name in the directory.
        path: Its address, as messages show it.
        content: Its bytes.
        version: Id of this version of it, where a bucket keeps all versions of its objects.
    """

    name: str
    path: str
    content: bytes
    version: str | None = None

    def __post_init__(self) -> None:
        if not self.name.isprintable():
            raise BadInput(f"{self.path!r} has a character in its name that cannot be printed: rename it")


@dataclass(frozen=True)
class Directory:
    """What was read from a source.

    Attributes:
        source: The source as it was given.
        files: Migrations, hooks and rollback files, sorted by name.
        unsigned: Whether it was read without credentials from a store that anyone can read.
    """

    source: str
    files: Sequence[File]
    unsigned: bool = False


def is_migration(name: str) -> bool:
    """Return whether yoyo would read a file of this name: migrations, hooks, and their rollback files.

    Raises:
        BadInput: It is named like one but for capital letters; yoyo would pass over it in silence.
    """
    ending = PurePosixPath(name).suffix
    if ending not in _KINDS and ending.lower() in _KINDS:
        raise BadInput(f"{name!r} is no migration unless its name ends in {ending.lower()}: rename it")
    return ending in _KINDS and not name.startswith(_UNFINISHED)


def check_size(path: str, size: int) -> None:
    """Refuse a file that is too large to be a migration.

    Raises:
        BadInput: It has more than `LARGEST` bytes.
    """
    if size > LARGEST:
        raise BadInput(f"{path} has {size:,} bytes, a migration at most {LARGEST:,}: load data in another way")


def no_migrations(source: str, directories: Sequence[str] = ()) -> BadInput:
    """Return the error for a source without migrations.

    An empty result would look like a database that is up to date.

    Args:
        source: The source as it was given.
        directories: Names of the directories in it.
    """
    if not directories:
        return BadInput(f"{source} holds no migration (.sql or .py): is the path right?")
    more = ", ..." if len(directories) > _SHOWN else ""
    names = ", ".join(sorted(directories)[:_SHOWN])
    return BadInput(f"{source} holds no migration, but directories ({names}{more}): name one of them")
