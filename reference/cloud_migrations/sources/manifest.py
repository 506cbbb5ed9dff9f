"""A manifest pins the files of a source by their hashes, in the format of `sha256sum`.

A bucket's content can be replaced by whoever may write to it. A manifest that lies in version control, reviewed with
the code, makes the runner refuse anything else. Where the bucket keeps versions, a manifest may name these as well, in
lines that `sha256sum` takes for comments: the pinned files are then read as they were, whatever was uploaded since.
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
        versions: Version id of objects in S3, by address; empty where files are pinned by their hashes alone.
    """

    hashes: Mapping[str, str]
    versions: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, migrations: MigrationList, *, versions: bool = False) -> Manifest:
        """Return the manifest of migrations and hooks that were read, with their rollback files.

        Args:
            migrations: What `read_migrations` returned.
            versions: Whether to name the versions that were read.

        Raises:
            BadInput: A file has no version.
        """
        read = list(chain(migrations, migrations.post_apply))
        hashes = {name: digest for each in read for name, digest in each.files.items()}
        return cls(hashes, _versions(read) if versions else {})

    @classmethod
    def parse(cls, text: str) -> Manifest:
        """Return the manifest of a text.

        Args:
            text: A line `HASH  NAME` a file, as sha256sum prints it; `# s3://BUCKET/KEY?versionId=ID` where a version
                is pinned as well. Other lines that begin with `#` are comments.

        Raises:
            BadInput: A line is not written so, or a name occurs twice.
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
        """Compare with what was read.

        Raises:
            ManifestMismatch: A file is missing, has another content, or is not in the manifest.
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
        # "null" is the version of an object that was uploaded while none were kept: a later upload may replace it.
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
