"""Read the metadata of a wheel or a source distribution without unpacking it, and refuse harmful archives.

An uploaded archive is not trusted: it may unpack to a thousand times its size, name files outside its folder, or
contain the metadata of another project. Nothing here writes to disk, and memory is bounded. Read this to see why an
archive is refused.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterable

from reference.package_index.errors import BadInput

METADATA_LIMIT = 1 << 20
ALWAYS_ALLOWED = 64 << 20
"""An archive may always unpack to this many bytes; above that, `RATIO` applies."""
RATIO = 50
"""How many times its size an archive may unpack to; the public index has the same limits."""
MOST_MEMBERS = 100_000


def wheel_metadata(filename: str, body: bytes) -> bytes:
    """Return a wheel's METADATA.

    Raises:
        BadInput: The file is not a wheel, or is harmful.
    """
    with _zip(filename, body) as archive:
        folder = "-".join(filename.split("-")[:2]).lower()
        names = [name for name in archive.namelist() if name.count("/") == 1 and name.endswith(".dist-info/METADATA")]
        if len(names) != 1:
            raise BadInput(f"{filename} is no wheel: it has {len(names)} files *.dist-info/METADATA instead of one")
        if _plain(names[0].removesuffix(".dist-info/METADATA")) != _plain(folder):
            raise BadInput(f"{filename} holds the metadata of another project: {names[0][:200]!r}")
        for needed in ("WHEEL", "RECORD"):
            if names[0].removesuffix("METADATA") + needed not in archive.namelist():
                raise BadInput(f"{filename} is no wheel: it has no {needed}")
        return _read(filename, archive, names[0])


def sdist_metadata(filename: str, body: bytes) -> bytes:
    """Return a source distribution's PKG-INFO.

    Raises:
        BadInput: The file is not a source distribution, or is harmful.
    """
    if filename.endswith(".zip"):
        with _zip(filename, body) as archive:
            inside = _pkg_info(filename, archive.namelist())
            return _read(filename, archive, inside)
    found: dict[str, bytes] = {}
    try:
        with (
            gzip.GzipFile(fileobj=io.BytesIO(body)) as unpacked,
            tarfile.open(fileobj=_Bounded(unpacked, _most(body)), mode="r|") as archive,
        ):
            for number, member in enumerate(archive):
                if number >= MOST_MEMBERS:
                    raise BadInput(f"{filename} has more than {MOST_MEMBERS} members")
                _check_path(filename, member.name)
                if member.ischr() or member.isblk() or member.isfifo():
                    raise BadInput(f"{filename} holds a device, {member.name[:200]!r}")
                if member.isfile() and member.name.count("/") == 1 and member.name.endswith("/PKG-INFO"):
                    content = archive.extractfile(member)
                    assert content is not None
                    found[member.name] = _limited(filename, content.read(METADATA_LIMIT + 1))
    except _TooLarge:
        raise BadInput(f"{filename} unpacks to more than {RATIO} times its size") from None
    except (tarfile.TarError, EOFError, OSError, zlib.error, ValueError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"{filename} is no archive of the kind that its name says") from error
    return found[_pkg_info(filename, found)]


def _pkg_info(filename: str, names: Iterable[str]) -> str:
    found = [name for name in names if name.count("/") == 1 and name.endswith("/PKG-INFO")]
    if len(found) != 1:
        raise BadInput(f"{filename} is no source distribution: it has {len(found)} files PKG-INFO instead of one")
    return found[0]


def _zip(filename: str, body: bytes) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(io.BytesIO(body))
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise BadInput(f"{filename} is no archive of the kind that its name says") from error
    members = archive.infolist()
    names = [member.filename for member in members]
    if len(names) > MOST_MEMBERS:
        raise BadInput(f"{filename} has more than {MOST_MEMBERS} members")
    if len(set(names)) != len(names):
        raise BadInput(f"{filename} holds a member twice: which one is used depends on the program that unpacks it")
    for name in names:
        _check_path(filename, name)
    if sum(member.file_size for member in members) > _most(body):
        raise BadInput(f"{filename} unpacks to more than {RATIO} times its size")
    return archive


def _read(filename: str, archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        with archive.open(name) as file:
            return _limited(filename, file.read(METADATA_LIMIT + 1))
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError) as error:
        raise BadInput(f"{filename} is damaged: {name} cannot be read") from error


def _limited(filename: str, metadata: bytes) -> bytes:
    if len(metadata) > METADATA_LIMIT:
        raise BadInput(f"{filename} has more than {METADATA_LIMIT} bytes of metadata")
    return metadata


def _check_path(filename: str, path: str) -> None:
    if path.startswith("/") or "\\" in path or "\0" in path or ".." in path.split("/") or path[1:2] == ":":
        raise BadInput(f"{filename} holds a path that leaves its folder: {path[:200]!r}")


def _plain(name: str) -> str:
    return name.lower().replace("-", "_").replace(".", "_")


def _most(body: bytes) -> int:
    return max(ALWAYS_ALLOWED, RATIO * len(body))


class _TooLarge(Exception):
    """More bytes were unpacked than are allowed."""


class _Bounded(io.RawIOBase):
    """A stream that raises an error when more bytes than a limit were read; a tar header can demand any number."""

    def __init__(self, stream: gzip.GzipFile, most: int) -> None:
        self._stream = stream
        self._left = most

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = self._left + 1 if size is None or size < 0 else min(size, self._left + 1)
        chunk = self._stream.read(wanted)
        self._left -= len(chunk)
        if self._left < 0:
            raise _TooLarge
        return chunk
