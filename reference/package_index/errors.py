"""The exceptions of this library; every one is a `PackageIndexError`."""

from __future__ import annotations


class PackageIndexError(Exception):
    """Base class of this library's exceptions."""


class BadInput(PackageIndexError, ValueError):
    """A name, a file, its metadata or a setting is refused; the message says why. Nothing was changed."""


class Conflict(PackageIndexError):
    """A file of this name was published with other content, or was deleted: publish a new version."""


class NotFound(PackageIndexError, LookupError):
    """The index has no such project, version or file."""


class BuildFailed(PackageIndexError):
    """The build backend failed, or reported a file that is not there; nothing was published."""


class StoreError(PackageIndexError, ConnectionError):
    """The object store, or another index, does not answer, refuses, or returned something unreadable."""


class NotAllowed(StoreError, PermissionError):
    """The store answers, and refuses: credentials are missing, or they do not allow it."""


class Changed(Exception):
    """A conditional write was not made, because the object is not what the writer has read.

    The library reads again and repeats the change; a caller never sees this exception.
    """
