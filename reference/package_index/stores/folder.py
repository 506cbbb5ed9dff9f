"""An index in a folder, which any web server can serve; all writers must share the file system, on which they lock."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from reference.package_index.errors import BadInput, Changed, StoreError

from .store import ABSENT, Stored


@contextmanager
def exclusive(path: Path) -> Generator[None]:
    """Hold a lock on a file, which is created if necessary; when a process ends, its lock is released.

    Raises:
        StoreError: The file cannot be created.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    except OSError as error:
        raise StoreError(f"the lock {path} cannot be created: {error.strerror}") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class FolderStore:
    """Objects as files below a folder.

    Each file is replaced by an atomic rename. The condition of a write is checked, and the file replaced, while the
    file `.lock` of the folder is locked: no update is lost if all processes share the file system.

    Args:
        folder: Folder of the index; it is created by the first write.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __str__(self) -> str:
        return str(self._folder)

    def get(self, key: str) -> Stored:
        """Return a file's content, with its hash as version."""
        try:
            body = self._path(key).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return Stored(b"", ABSENT)
        except OSError as error:
            raise StoreError(f"{self._path(key)} cannot be read: {error.strerror}") from error
        return Stored(body, _version(body))

    def version(self, key: str) -> str:
        """Return the hash of a file."""
        return self.get(key).version

    def put(self, key: str, body: bytes, content_type: str, *, expected: str | None = None) -> str:
        """Replace a file. The content type is not stored, since a web server derives it from the file's name."""
        with exclusive(self._folder / ".lock"):
            if expected is not None and self.version(key) != expected:
                raise Changed(key)
            self._replace(self._path(key), body)
        return _version(body)

    def keys(self, prefix: str) -> Iterator[str]:
        """Iterate over the files whose path begins with a prefix."""
        start = self._path(prefix.rpartition("/")[0]) if "/" in prefix else self._folder
        for path in sorted(start.rglob("*")):
            key = path.relative_to(self._folder).as_posix()
            if key.startswith(prefix) and path.is_file() and not path.name.startswith("."):
                yield key

    def delete(self, key: str) -> None:
        """Delete a file."""
        try:
            self._path(key).unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{self._path(key)} cannot be deleted: {error.strerror}") from error

    @contextmanager
    def writing(self) -> Generator[None]:
        """Return a context that does nothing, since `put` takes the lock."""
        yield

    def _path(self, key: str) -> Path:
        if key.startswith("/") or ".." in key.split("/"):
            raise BadInput(f"{key!r} is not a valid key of an index: it leads out of the folder")
        return self._folder / key

    def _replace(self, path: Path, body: bytes) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            Path(file.name).chmod(0o644)
            Path(file.name).replace(path)
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror}") from error


def _version(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
