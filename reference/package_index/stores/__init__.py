"""Where an index is kept: a bucket of an object store that speaks S3, or a folder.

An index needs little of a store: to read, write, list and delete objects, and to write one only if it is unchanged
since it was read. Open this package to keep an index elsewhere: implement `Store`.
"""

from __future__ import annotations

from .opening import open_store
from .store import ABSENT, Store, Stored

__all__ = ["ABSENT", "Store", "Stored", "open_store"]
