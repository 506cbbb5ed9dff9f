"""The stores that can keep an index: a bucket of an S3 object store, or a folder.

A store must be able to read, write, list and delete objects, and to write an object only if it has not changed since it
was read. Open this package to keep an index elsewhere: implement `Store`.
"""

from __future__ import annotations

from .opening import open_store
from .store import ABSENT, Store, Stored

__all__ = ["ABSENT", "Store", "Stored", "open_store"]
