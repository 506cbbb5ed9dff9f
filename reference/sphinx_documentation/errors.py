"""The errors of this library; each message is a sentence that says what to do."""

from __future__ import annotations


class DocumentationError(Exception):
    """Any error of this library."""


class BadInput(DocumentationError, ValueError):
    """An argument or a setting cannot be used; nothing was changed."""


class NotImportable(DocumentationError):
    """The code of the service cannot be imported, or its application cannot be made."""
