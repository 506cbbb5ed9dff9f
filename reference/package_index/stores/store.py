"""The interface that an index needs of a store: objects by key, and conditional writes.

Implement `Store` to keep an index in another kind of store.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Final, NamedTuple, Protocol

ABSENT: Final = ""
"""The version of an object that does not exist."""


class Stored(NamedTuple):
    """An object's content and version, as one read returned them.

    Attributes:
        body: The content; empty if there is no object.
        version: An opaque text that identifies the content, such as the ETag in S3; `ABSENT` if there is no object.
    """

    body: bytes
    version: str


class Store(Protocol):
    """Objects by key. Keys are relative: a store adds its own prefix."""

    def get(self, key: str) -> Stored:
        """Return an object, or `Stored(b"", ABSENT)` if there is none.

        Raises:
            StoreError: The store does not answer, or refuses.
        """

    def version(self, key: str) -> str:
        """Return an object's version without its content; `ABSENT` if there is no object."""

    def put(self, key: str, body: bytes, content_type: str, *, expected: str | None = None) -> str:
        """Write an object, and return its version.

        Args:
            key: Key of the object.
            body: The object's content.
            content_type: Media type that web servers return with the object.
            expected: The version that is replaced, or `ABSENT` to only create the object; None replaces any version.

        Raises:
            Changed: The object does not have the expected version; nothing was written.
            StoreError: The store does not answer, or refuses.
        """

    def keys(self, prefix: str) -> Iterator[str]:
        """Iterate over the keys that begin with a prefix, in order."""

    def delete(self, key: str) -> None:
        """Delete an object, if it exists."""

    def writing(self) -> AbstractContextManager[object]:
        """Return a context in which an index may be changed; it holds a lock if the store has no conditional writes."""
