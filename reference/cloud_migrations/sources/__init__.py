"""The sources of migrations: S3, local paths, Python packages and other stores; and the manifest that pins files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from .manifest import Manifest
    from .migration import SourceMigration
    from .reading import ConflictingNames, read_migrations

_MODULES = {
    "ConflictingNames": "reading",
    "Manifest": "manifest",
    "SourceMigration": "migration",
    "read_migrations": "reading",
}

__all__ = ["ConflictingNames", "Manifest", "SourceMigration", "read_migrations"]

__getattr__ = import_at_first_use(__name__, _MODULES)
