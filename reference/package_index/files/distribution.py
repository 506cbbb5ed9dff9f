"""A distribution to publish: a wheel or a source distribution that was read and checked.

Read this to see what a file's name and metadata are checked for before it is published.
"""

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass
from pathlib import Path

from packaging.metadata import parse_email
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from reference.package_index.errors import BadInput
from reference.package_index.names import parse_file, project_name

from .archives import sdist_metadata, wheel_metadata

LARGEST = 1 << 30
"""Limit on the bytes of a file."""


@dataclass(frozen=True)
class Distribution:
    """A wheel or a source distribution, checked.

    Attributes:
        filename: The file's name.
        project: The project's normalised name.
        version: The version of the project.
        body: The file's content.
        metadata: The core metadata: METADATA of a wheel, PKG-INFO of a source distribution.
        requires_python: Specifier of the Python versions that it supports; None if the metadata have none.
        summary: One line about the project; empty if the metadata have none.
    """

    filename: str
    project: str
    version: Version
    body: bytes
    metadata: bytes
    requires_python: str | None
    summary: str

    @property
    def is_wheel(self) -> bool:
        """Whether it is a wheel."""
        return self.filename.endswith(".whl")

    @property
    def sha256(self) -> str:
        """The hash of the file's content."""
        return hashlib.sha256(self.body).hexdigest()

    @classmethod
    def from_path(cls, path: Path) -> Distribution:
        """Read and check a file.

        Raises:
            BadInput: The file is missing, too large, or not a distribution.
        """
        parse_file(path.name)
        try:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):
                raise BadInput(f"{path} is no file")
            if found.st_size > LARGEST:
                raise BadInput(f"{path.name} has more than {LARGEST >> 20} MiB")
            body = path.read_bytes()
        except OSError as error:
            raise BadInput(f"{path} cannot be read: {error.strerror}") from error
        return cls.from_bytes(path.name, body)

    @classmethod
    def from_bytes(cls, filename: str, body: bytes) -> Distribution:
        """Check the content of a file against its name.

        Raises:
            BadInput: Name, archive or metadata are refused, or the metadata name another project or version.
        """
        project, version = parse_file(filename)
        if len(body) > LARGEST:
            raise BadInput(f"{filename} has more than {LARGEST >> 20} MiB")
        metadata = wheel_metadata(filename, body) if filename.endswith(".whl") else sdist_metadata(filename, body)
        try:
            raw, unparsed = parse_email(metadata)
        except (UnicodeError, ValueError) as error:
            raise BadInput(f"{filename} has unreadable metadata") from error
        for field in ("name", "version", "requires-python", "metadata-version"):
            if field in unparsed:
                raise BadInput(f"{filename} has metadata that name the field {field!r} twice, or not in UTF-8")
        if "name" not in raw:
            raise BadInput(f"{filename} has metadata without a name: are they UTF-8, and without a byte order mark?")
        if project_name(raw["name"]) != project or _version(filename, raw.get("version", "")) != version:
            named = f"{raw['name'][:100]} {raw.get('version', '')[:100]}"
            raise BadInput(f"{filename} holds the metadata of {named!r}, which do not match its name")
        return cls(
            filename=filename,
            project=project,
            version=version,
            body=body,
            metadata=metadata,
            requires_python=_requires_python(filename, raw.get("requires_python")),
            summary=" ".join(raw.get("summary", "").split())[:200],
        )


def _version(filename: str, version: str) -> Version:
    try:
        return Version(version)
    except InvalidVersion as error:
        raise BadInput(f"{filename} has metadata with an invalid version: {version[:100]!r}") from error


def _requires_python(filename: str, specifier: str | None) -> str | None:
    if specifier is None:
        return None
    try:
        SpecifierSet(specifier)
    except InvalidSpecifier as error:
        raise BadInput(f"{filename} has an invalid requires-python: {specifier[:100]!r}") from error
    return " ".join(specifier.split())
