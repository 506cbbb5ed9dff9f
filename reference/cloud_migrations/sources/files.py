"""The files of a migration directory, and which names are migrations.

Every kind of source returns a `Directory`: read this before you add one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from reference.cloud_migrations.errors import BadInput

ROLLBACK = ".rollback.sql"
LARGEST = 16 * 2**20
"""Limit on the bytes of a file; a larger file is refused."""

_KINDS = {".py", ".sql"}
_UNFINISHED = "_tmp_yoyonew"
_SHOWN = 3


@dataclass(frozen=True)
class File:
    """A file of a source.

    Attributes:
        name: The file's name in the directory.
        path: The file's address, for messages.
        content: The file's bytes.
        version: Id of the version that was read, if a bucket keeps versions of its objects.
    """

    name: str
    path: str
    content: bytes
    version: str | None = None

    def __post_init__(self) -> None:
        if not self.name.isprintable():
            raise BadInput(f"the name of {self.path!r} has a character that cannot be printed: rename the file")


@dataclass(frozen=True)
class Directory:
    """The files that were read from a source.

    Attributes:
        source: The source as the caller gave it.
        files: Migrations, hooks and rollback files, sorted by name.
        unsigned: Whether they were read without credentials, from a store that anyone can read.
    """

    source: str
    files: Sequence[File]
    unsigned: bool = False


def is_migration(name: str) -> bool:
    """Return whether yoyo would read a file of this name: migrations, hooks, and their rollback files.

    Raises:
        BadInput: The name would be that of a migration but for capital letters; yoyo would silently ignore the file.
    """
    ending = PurePosixPath(name).suffix
    if ending not in _KINDS and ending.lower() in _KINDS:
        raise BadInput(f"{name!r} is a migration only if its name ends in {ending.lower()}: rename it")
    return ending in _KINDS and not name.startswith(_UNFINISHED)


def check_size(path: str, size: int) -> None:
    """Check that a file is not too large for a migration.

    Raises:
        BadInput: The file has more than `LARGEST` bytes.
    """
    if size > LARGEST:
        raise BadInput(f"{path} has {size:,} bytes, more than {LARGEST:,}: load large data in another way")


def no_migrations(source: str, directories: Sequence[str] = ()) -> BadInput:
    """Return the error for a source without migrations.

    It is an error because with an empty list every database would seem to be up to date.

    Args:
        source: The source as the caller gave it.
        directories: Names of the directories in the source.
    """
    if not directories:
        return BadInput(f"{source} holds no migration (.sql or .py): is the path right?")
    more = ", ..." if len(directories) > _SHOWN else ""
    names = ", ".join(sorted(directories)[:_SHOWN])
    return BadInput(f"{source} holds no migration, but directories ({names}{more}): name one of them")
