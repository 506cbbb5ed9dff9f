"""The exceptions of this library; every one that a caller can see is a `PackageIndexError`.

Open this to choose what to catch: the class says whether the input, an earlier publication or the store was the cause.
"""

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
    """The build backend failed, or reported a file that does not exist; nothing was published."""


class StoreError(PackageIndexError, ConnectionError):
    """The object store or another index does not answer, refuses a request, or returned an unreadable answer."""


class NotAllowed(StoreError, PermissionError):
    """The store refuses a request, because credentials are missing or do not allow it."""


class Changed(Exception):
    """A conditional write was not made, because the object has changed since the writer read it.

    The library then reads it again and repeats the change; a caller never sees this exception.
    """
