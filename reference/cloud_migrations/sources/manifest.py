"""A manifest pins the files of a source by their hashes, in the format of `sha256sum`.

A bucket's content can be replaced by whoever may write to it. A manifest that lies in version control, reviewed with
the code, makes the runner refuse anything else.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from reference.cloud_migrations.errors import BadInput, ManifestMismatch

if TYPE_CHECKING:
    from yoyo.migrations import MigrationList

_LINE = re.compile(r"([0-9a-f]{64}) [ *](\S.*)")
_SHOWN = 5


@dataclass(frozen=True)
class Manifest:
    """The files of a source.

    Attributes:
        hashes: SHA-256 by file name.
    """

    hashes: Mapping[str, str]

    @classmethod
    def of(cls, migrations: MigrationList) -> Manifest:
        """Return the manifest of migrations and hooks that were read, with their rollback files."""
        files = (each.files for each in chain(migrations, migrations.post_apply))
        return cls({name: digest for each in files for name, digest in each.items()})

    @classmethod
    def parse(cls, text: str) -> Manifest:
        """Return the manifest of a text: a line `HASH  NAME` a file, as sha256sum prints it.

        Raises:
            BadInput: A line is not written so, or a name occurs twice.
        """
        hashes: dict[str, str] = {}
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip():
                continue
            match = _LINE.fullmatch(line)
            if match is None or match[2] in hashes:
                raise BadInput(f"line {number} of the manifest: a line is HASH  NAME, and each name occurs once")
            hashes[match[2]] = match[1]
        if not hashes:
            raise BadInput("the manifest is empty: cloud-migrations manifest writes one")
        return cls(hashes)

    def __str__(self) -> str:
        return "".join(f"{digest}  {name}\n" for name, digest in sorted(self.hashes.items()))

    def digest(self) -> str:
        """Return one hash over all files."""
        return hashlib.sha256(str(self).encode()).hexdigest()

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


def _some(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
