"""What an index asks of a store: objects by key, and conditional writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Final, NamedTuple, Protocol

ABSENT: Final = ""
"""The version of an object that does not exist."""


class Stored(NamedTuple):
    """An object's content and version, as one read returned them.

    Attributes:
        body: The content; empty where there is no object.
        version: Opaque; an S3 store's ETag. `ABSENT` where there is no object.
    """

    body: bytes
    version: str


class Store(Protocol):
    """Objects by key. Keys are relative: a store adds its own prefix."""

    def get(self, key: str) -> Stored:
        """Return an object, `Stored(b"", ABSENT)` where there is none.

        Raises:
            StoreError: The store does not answer, or refuses.
        """

    def version(self, key: str) -> str:
        """Return an object's version without its content; `ABSENT` where there is none."""

    def put(self, key: str, body: bytes, content_type: str, *, expected: str | None = None) -> str:
        """Write an object, and return its version.

        Args:
            key: Key of the object.
            body: Its content.
            content_type: Media type that web servers return with it.
            expected: The version to replace, `ABSENT` to create it only; None replaces whatever is there.

        Raises:
            Changed: The object has not the expected version; nothing was written.
            StoreError: The store does not answer, or refuses.
        """

    def keys(self, prefix: str) -> Iterator[str]:
        """Iterate over the keys that begin with a prefix, in order."""

    def delete(self, key: str) -> None:
        """Delete an object, if it is there."""

    def writing(self) -> AbstractContextManager[object]:
        """Return a context in which an index is changed: a lock, where the store has no conditional writes."""
