"""An index in a bucket: conditional writes by ETag, and errors of boto3 turned into those of this library.

Read this to see how a server without conditional writes is recognized, and what is done then.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError

from reference.package_index.errors import BadInput, Changed, NotAllowed, StoreError

from .folder import exclusive
from .store import ABSENT, Stored

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MISSING = {"404", "NoSuchKey", "NotFound"}
# S3 answers 409 if another write to the same key is under way at the same time.
RACED = {"412", "PreconditionFailed", "409", "ConditionalRequestConflict", "OperationAborted"}
REFUSED = {"401", "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"}


class S3Store:
    """Objects of a bucket below a prefix.

    `put` passes `expected` on as If-Match or If-None-Match, which AWS S3 and most other servers evaluate atomically.
    Before the first change, test writes show whether the server ignores these conditions. If it does, changes are made
    under a lock file, or refused if no lock file is given. Test writes cannot show whether the server also evaluates
    the conditions atomically when two writers come at the same moment (versitygw's POSIX backend does since 1.8).

    Args:
        client: boto3's client.
        bucket: Name of the bucket.
        prefix: Prefix of all keys, without slashes at its ends; empty for the whole bucket.
        lock: Lock file for a server without conditional writes; all writers must share it.
        trusted: Whether the server is known to have conditional writes, so that no test writes are needed.
    """

    def __init__(
        self, client: S3Client, bucket: str, prefix: str = "", *, lock: Path | None = None, trusted: bool = False
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._lock = lock
        self._conditional: bool | None = True if trusted else None
        self._trying = threading.Lock()

    def __str__(self) -> str:
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    def get(self, key: str) -> Stored:
        """Return an object and its ETag."""
        try:
            with self._errors(key):
                answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)
                with answer["Body"] as body:
                    return Stored(body.read(), answer["ETag"])
        except _Missing:
            return Stored(b"", ABSENT)

    def version(self, key: str) -> str:
        """Return an object's ETag."""
        try:
            with self._errors(key):
                return self._client.head_object(Bucket=self._bucket, Key=self._prefix + key)["ETag"]
        except _Missing:
            return ABSENT

    def put(self, key: str, body: bytes, content_type: str, *, expected: str | None = None) -> str:
        """Write an object; if a version is expected, only on that condition."""
        try:
            with self._errors(key):
                if expected is not None and not self._conditional and self.version(key) != expected:
                    raise Changed(key)  # the lock of `writing` prevents changes between this check and the write
                return self._put(key, body, content_type, expected)
        except _Missing:
            raise Changed(key) from None  # the object to be replaced has been deleted

    def keys(self, prefix: str) -> Iterator[str]:
        """Iterate over keys, page by page."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix + prefix
        )
        with self._errors(prefix):
            for page in pages:
                for entry in page.get("Contents", ()):
                    yield entry["Key"].removeprefix(self._prefix)

    def delete(self, key: str) -> None:
        """Delete an object."""
        with self._errors(key):
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key)

    @contextmanager
    def writing(self) -> Generator[None]:
        """Hold the lock if the server has no conditional writes.

        Raises:
            BadInput: The server has no conditional writes, and there is no lock file.
        """
        if self.conditional():
            yield
        elif self._lock is None:
            raise BadInput(
                f"{self} has no conditional writes, so that two publishers at once would lose files: "
                "give all of them the same lock file (--lock FILE)"
            )
        else:
            with exclusive(self._lock):
                yield

    def conditional(self) -> bool:
        """Return whether the server observes the conditions of a write; this is tried once, on an object of its own."""
        with self._trying:
            if self._conditional is None:
                self._conditional = self._tried(f".conditional-writes-{uuid4().hex}")
        return self._conditional

    def _tried(self, key: str) -> bool:
        try:
            with self._errors(key):
                self._put(key, b"1", "text/plain", ABSENT)
                for condition in (ABSENT, '"00000000000000000000000000000000"'):
                    try:
                        self._put(key, b"2", "text/plain", condition)
                    except ClientError as error:
                        if _code(error) not in RACED:
                            raise
                    else:
                        return False
                return True
        except StoreError as error:
            if isinstance(error, NotAllowed) or "NotImplemented" not in str(error):
                raise
            return False
        finally:
            self.delete(key)

    def _put(self, key: str, body: bytes, content_type: str, expected: str | None) -> str:
        name = self._prefix + key
        if expected is None or self._conditional is False:
            answer = self._client.put_object(Bucket=self._bucket, Key=name, Body=body, ContentType=content_type)
        elif expected == ABSENT:
            answer = self._client.put_object(
                Bucket=self._bucket, Key=name, Body=body, ContentType=content_type, IfNoneMatch="*"
            )
        else:
            answer = self._client.put_object(
                Bucket=self._bucket, Key=name, Body=body, ContentType=content_type, IfMatch=expected
            )
        return answer["ETag"]

    @contextmanager
    def _errors(self, key: str) -> Generator[None]:
        try:
            yield
        except ClientError as error:
            code = _code(error)
            if code in MISSING:
                raise _Missing from error
            if code in RACED:
                raise Changed(key) from error
            if code == "NoSuchBucket":
                raise StoreError(f"there is no bucket {self._bucket!r}") from error
            if code in REFUSED:
                raise NotAllowed(f"the store refuses access to {self}/{key}: {code}") from error
            raise StoreError(f"{self}/{key}: {code}: {error.response['Error'].get('Message', '')}") from error
        except NoCredentialsError as error:
            raise NotAllowed(
                "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
            ) from error
        except (BotoCoreError, HTTPClientError) as error:
            raise StoreError(f"the store of {self} does not answer: {error}") from error


class _Missing(Exception):
    """There is no such object."""


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))
