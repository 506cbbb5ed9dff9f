"""Read a migration directory from S3, or from any store that speaks its protocol.

Every object is read in the version that the listing names: one that changes or vanishes in between makes the directory
be listed again. Requests are repeated a bounded number of times, and each waits a bounded time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, ParamValidationError
from botocore.session import Session

from reference.cloud_migrations.errors import BadInput, SourceUnavailable

from .files import Directory, File, check_size, is_migration, no_migrations

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECTIONS = 16
LISTINGS = 3
ATTEMPTS = 3

_REFUSALS = {401, 403}
_DENIED = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "403"}


@dataclass(frozen=True)
class S3Options:
    """How S3 is reached.

    Attributes:
        endpoint_url: Address of a store that is not AWS; by default what the SDK's settings say, `AWS_ENDPOINT_URL`.
        anonymous: True: requests are not signed. False: they are, and credentials must be there. None: they are signed
            where the SDK finds credentials (environment, profile, role), and not signed where it finds none.
        timeout: Seconds to connect, and to wait for the next bytes of an answer.
    """

    endpoint_url: str | None = None
    anonymous: bool | None = None
    timeout: float = 10.0


class _Changed(Exception):
    """An object is not the one that the listing names."""


def read_directory(source: str, options: S3Options) -> Directory:
    """Read all migration files of `s3://BUCKET/PREFIX`.

    Raises:
        BadInput: The source is not written so, or holds no migration.
        SourceUnavailable: The store does not answer, refuses, or the directory changes again and again.
    """
    bucket, prefix = _parts(source)
    with _errors(source, options):
        client, unsigned = _client(options)
        with closing(client), ThreadPoolExecutor(CONNECTIONS, "s3") as pool:
            for _ in range(LISTINGS):
                objects = _list(client, source, bucket, prefix)
                try:
                    read = partial(_read, client, bucket)
                    contents = list(pool.map(read, objects, objects.values()))
                except _Changed:
                    continue
                files = [
                    File(key.removeprefix(prefix), f"s3://{bucket}/{key}", content)
                    for key, content in zip(objects, contents, strict=True)
                ]
                return Directory(source, sorted(files, key=lambda file: file.name), unsigned)
    raise SourceUnavailable(
        f"{source} changed while it was read, {LISTINGS} times in a row: wait until its upload has ended"
    )


def _parts(source: str) -> tuple[str, str]:
    bucket, _, prefix = source.removeprefix("s3://").partition("/")
    if not bucket:
        raise BadInput(f"{source} names no bucket: write s3://BUCKET/DIRECTORY")
    if "?versionId=" in prefix:
        raise BadInput(f"{source}: a directory has no version in S3: pin its files by a manifest (--manifest FILE)")
    prefix = prefix.rstrip("/")
    return bucket, f"{prefix}/" if prefix else ""


def _client(options: S3Options) -> tuple[S3Client, bool]:
    """Return a client, and whether its requests are not signed."""
    if options.endpoint_url is not None and not urlsplit(options.endpoint_url).netloc:
        raise BadInput(f"the endpoint {options.endpoint_url} is no address: write https://HOST or https://HOST:PORT")
    session = Session()  # boto3's own imports would double the start of the command
    unsigned = options.anonymous
    if unsigned is None:
        unsigned = session.get_credentials() is None
    settings: dict[str, Any] = {"signature_version": UNSIGNED} if unsigned else {}
    config = Config(
        connect_timeout=options.timeout,
        read_timeout=options.timeout,
        max_pool_connections=CONNECTIONS,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        **settings,
    )
    # Stores other than AWS have no region, and yet a signature needs one.
    region = session.get_config_variable("region") or "us-east-1"
    client = session.create_client("s3", endpoint_url=options.endpoint_url, region_name=region, config=config)
    return cast("S3Client", client), unsigned


def _list(client: S3Client, source: str, bucket: str, prefix: str) -> dict[str, str]:
    """Return the entity tag of each migration file, by key."""
    found: dict[str, str] = {}
    directories: list[str] = []
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
    for page in pages:
        directories += [each["Prefix"].removeprefix(prefix).rstrip("/") for each in page.get("CommonPrefixes", ())]
        for each in page.get("Contents", ()):
            if is_migration(each["Key"].removeprefix(prefix)):
                check_size(f"s3://{bucket}/{each['Key']}", each["Size"])
                found[each["Key"]] = each["ETag"]
    if not found:
        raise no_migrations(source, directories)
    return found


def _read(client: S3Client, bucket: str, key: str, tag: str) -> bytes:
    """Return the content of an object, if it is still the listed one.

    The SDK repeats a request, but not the reading of an answer that breaks off.
    """
    for attempt in range(ATTEMPTS):
        try:
            answer = client.get_object(Bucket=bucket, Key=key)
            if answer["ETag"] != tag:
                answer["Body"].close()
                raise _Changed
            return answer["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
                raise _Changed from None
            raise
        except HTTPClientError:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


@contextmanager
def _errors(source: str, options: S3Options) -> Iterator[None]:
    where = f" at {options.endpoint_url}" if options.endpoint_url else ""
    try:
        yield
    except ClientError as error:
        raise SourceUnavailable(f"{source}{where} cannot be read: {_reason(error.response)}") from None
    except ParamValidationError as error:
        raise BadInput(f"{source} cannot be read: {' '.join(str(error).split())}") from None
    except (BotoCoreError, ValueError) as error:
        if isinstance(error, BadInput):
            raise
        raise SourceUnavailable(f"{source}{where} cannot be read: {' '.join(str(error).split())}") from None


def _reason(response: Mapping[str, Any]) -> str:
    """Return what a store's refusal means, and what to do."""
    code = str(response["Error"].get("Code", ""))
    said = str(response["Error"].get("Message", ""))
    headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    if code in {"NoSuchBucket", "404"}:
        return "there is no such bucket"
    if code == "RequestTimeTooSkewed":
        now = f"; the store's says {parsedate_to_datetime(headers['date']).isoformat()}" if "date" in headers else ""
        return f"the clock of this machine differs too much from the store's{now}: set it"
    if code in _DENIED or response.get("ResponseMetadata", {}).get("HTTPStatusCode") in _REFUSALS:
        return f"the store refuses ({code}{': ' + said if said else ''}): check the credentials and what they may read"
    return f"the store answers {code}: {said}"
