"""The exceptions of this library; every one is a `CloudMigrationsError`.

Open this to choose what to catch: an error concerns the input, a source, or one database while others continue.
"""

from __future__ import annotations


class CloudMigrationsError(Exception):
    """The base class of every error that this library raises itself."""


class BadInput(CloudMigrationsError, ValueError):
    """An argument, a source, a migration or a list of databases is wrong; the message says what to write."""


class BadMigrationFile(BadInput):
    """A migration cannot be read, because of its encoding, a directive, its dependencies, or its Python code."""


class ManifestMismatch(BadInput):
    """The files of a source are not those that the manifest pins; nothing was run."""


class SourceUnavailable(CloudMigrationsError, ConnectionError):
    """A source does not answer, refuses the credentials, or changes while it is read."""


class DatabaseError(CloudMigrationsError):
    """The base class of errors of one database, after which others continue."""


class DatabaseUnreachable(DatabaseError, ConnectionError):
    """A database does not answer, or refuses the login."""


class Locked(DatabaseError):
    """Another runner holds the migration lock of the database."""


class Refused(DatabaseError):
    """The state of the database contradicts the migrations; nothing was changed."""


class MigrationFailed(DatabaseError):
    """A migration failed.

    Args:
        message: A sentence that says what failed, and why.
        left: Changes of the migration that remain in the database; empty if the server undid all of them.
    """

    def __init__(self, message: str, left: str = "") -> None:
        super().__init__(message)
        self.left = left
