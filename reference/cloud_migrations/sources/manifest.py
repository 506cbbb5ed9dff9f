"""A manifest pins the files of a source by their hashes, in the format of `sha256sum`.

Whoever may write to a bucket can replace its content. With a manifest under version control, which is reviewed with the
code, the runner refuses any other content. For a bucket that keeps versions, a manifest can also name these, in lines
that `sha256sum` reads as comments: the pinned versions are then read, even after later uploads.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from reference.cloud_migrations.errors import BadInput, ManifestMismatch

if TYPE_CHECKING:
    from yoyo.migrations import MigrationList

    from .migration import SourceMigration

_LINE = re.compile(r"([0-9a-f]{64}) [ *](\S.*)")
_VERSION = re.compile(r"# (s3://\S.*)\?versionId=(\S+)")
_SHOWN = 5


@dataclass(frozen=True)
class Manifest:
    """The files of a source.

    Attributes:
        hashes: SHA-256 by file name.
        versions: Version ids of objects in S3, by address; empty if files are pinned by their hashes alone.
    """

    hashes: Mapping[str, str]
    versions: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, migrations: MigrationList, *, versions: bool = False) -> Manifest:
        """Return the manifest of migrations and hooks that were read, with their rollback files.

        Args:
            migrations: The list from `read_migrations`.
            versions: Whether to pin the versions that were read, too.

        Raises:
            BadInput: Versions are to be pinned, and a file has none.
        """
        read = list(chain(migrations, migrations.post_apply))
        hashes = {name: digest for each in read for name, digest in each.files.items()}
        return cls(hashes, _versions(read) if versions else {})

    @classmethod
    def parse(cls, text: str) -> Manifest:
        """Return the manifest of a text.

        Args:
            text: A line `HASH  NAME` for each file, as sha256sum prints it, and a line `# s3://BUCKET/KEY?versionId=ID`
                for each pinned version. Other lines that begin with `#` are comments.

        Raises:
            BadInput: A line has another form, or a name occurs twice.
        """
        hashes: dict[str, str] = {}
        versions: dict[str, str] = {}
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip():
                continue
            if line.startswith("#"):
                if version := _VERSION.fullmatch(line.rstrip()):
                    versions[version[1]] = version[2]
                continue
            match = _LINE.fullmatch(line)
            if match is None or match[2] in hashes:
                raise BadInput(f"line {number} of the manifest: a line is HASH  NAME, and each name occurs once")
            hashes[match[2]] = match[1]
        if not hashes:
            raise BadInput("the manifest is empty: cloud-migrations manifest writes one")
        return cls(hashes, versions)

    def __str__(self) -> str:
        versions = (f"# {address}?versionId={version}\n" for address, version in sorted(self.versions.items()))
        return "".join((*self._lines(), *versions))

    def digest(self) -> str:
        """Return one hash over the content of all files."""
        return hashlib.sha256("".join(self._lines()).encode()).hexdigest()

    def _lines(self) -> list[str]:
        return [f"{digest}  {name}\n" for name, digest in sorted(self.hashes.items())]

    def check(self, migrations: MigrationList) -> None:
        """Check that migrations consist of exactly the pinned files.

        Raises:
            ManifestMismatch: A file is missing, has other content, or is not in the manifest.
        """
        found = Manifest.of(migrations).hashes
        differing = {
            "changed": sorted(name for name in found.keys() & self.hashes.keys() if found[name] != self.hashes[name]),
            "missing": sorted(self.hashes.keys() - found.keys()),
            "not in the manifest": sorted(found.keys() - self.hashes.keys()),
        }
        if any(differing.values()):
            said = "; ".join(f"{what}: {_some(names)}" for what, names in differing.items() if names)
            raise ManifestMismatch(f"the source is not what the manifest pins ({said}); nothing was run")


def _versions(migrations: Iterable[SourceMigration]) -> dict[str, str]:
    found: dict[str, str] = {}
    for address, version in chain.from_iterable(each.versions.items() for each in migrations):
        # The version of an object that was uploaded while the bucket kept none is "null"; an upload may replace it.
        if version is None or version == "null":
            raise BadInput(
                f"{address} has no version: turn on the versioning of its bucket and upload it again, or pin it by its "
                "hash alone (without --versions)"
            )
        found[address] = version
    return found


def _some(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
