"""Open a store by its URL: `s3://BUCKET/PREFIX`, `file:///FOLDER`, or a path."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from reference.package_index.errors import BadInput

from .store import Store

CONNECT_TIMEOUT, READ_TIMEOUT, ATTEMPTS = 5.0, 30.0, 4


def open_store(url: str, *, endpoint: str | None = None, lock: Path | None = None) -> Store:
    """Return the store at a URL. boto3 finds credentials and region in its usual places.

    Args:
        url: `s3://BUCKET`, `s3://BUCKET/PREFIX`, `file:///FOLDER`, or the path of a folder.
        endpoint: URL of an S3 server other than AWS'.
        lock: Lock file for an S3 server without conditional writes (`stores.s3.S3Store`).

    Raises:
        BadInput: The URL has another form.
    """
    parts = urlsplit(url)
    if parts.scheme == "s3":
        if not parts.netloc or parts.query or parts.fragment:
            raise BadInput(f"{url!r} names no bucket: write s3://BUCKET or s3://BUCKET/PREFIX")
        return _s3(parts.netloc, parts.path.strip("/"), endpoint, lock)
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
            raise BadInput(f"{url!r} names no folder of this machine: write file:///FOLDER")
        return _folder(unquote(parts.path))
    if not url or "://" in url or Path(url).is_file():
        raise BadInput(f"{url!r} is not a store: write s3://BUCKET/PREFIX, file:///FOLDER or the path of a folder")
    return _folder(url)


def _folder(path: str) -> Store:
    from .folder import FolderStore

    return FolderStore(Path(path))


def _s3(bucket: str, prefix: str, endpoint: str | None, lock: Path | None) -> Store:
    if endpoint is not None and urlsplit(endpoint).scheme not in ("http", "https"):
        raise BadInput("the endpoint of the object store is not a URL: write https://HOST or https://HOST:PORT")
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    from .s3 import S3Store

    # Every server accepts signatures of version 4. A server other than AWS seldom has a host name for each bucket, so
    # that the bucket is given in the path.
    config = Config(
        signature_version="s3v4",
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"max_attempts": ATTEMPTS, "mode": "standard"},
        s3={"addressing_style": "path"} if endpoint else {},
    )
    try:
        session = boto3.session.Session()
        client = session.client(
            "s3", endpoint_url=endpoint, region_name=session.region_name or "us-east-1", config=config
        )
    except (BotoCoreError, ValueError) as error:
        raise BadInput(f"the object store cannot be used: {error}") from error
    return S3Store(client, bucket, prefix, lock=lock, trusted=endpoint is None)
