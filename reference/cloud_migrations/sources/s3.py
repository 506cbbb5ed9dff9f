"""Read a migration directory from S3, or from any store with the same protocol.

Every object is read in the version of the listing: if one changes or vanishes in between, the directory is listed
again. If a manifest pins versions, these are read and nothing is listed. The number of retries and the time of each
request are limited.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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

from reference.cloud_migrations.errors import BadInput, ManifestMismatch, SourceUnavailable

from .files import Directory, File, check_size, is_migration, no_migrations

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

CONNECTIONS = 16
LISTINGS = 3
ATTEMPTS = 3

_MISSING = {"NoSuchKey", "404"}
# A store without versions answers InvalidArgument for every id, and MethodNotAllowed for a version that is a deletion.
_NO_VERSION = {*_MISSING, "NoSuchVersion", "InvalidArgument", "MethodNotAllowed"}
_REFUSALS = {401, 403}
_DENIED = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "403"}


@dataclass(frozen=True)
class S3Options:
    """The settings for requests to S3.

    Attributes:
        endpoint_url: URL of a store other than AWS; by default that of the SDK's settings, `AWS_ENDPOINT_URL`.
        anonymous: Whether requests are unsigned. False requires credentials. None signs requests if the SDK finds
            credentials (environment, profile, role), and leaves them unsigned otherwise.
        timeout: Timeout in seconds for connecting, and for the next bytes of an answer.
    """

    endpoint_url: str | None = None
    anonymous: bool | None = None
    timeout: float = 10.0


class _Changed(Exception):
    """An object has changed or vanished since it was listed."""


def read_directory(source: str, options: S3Options, versions: Mapping[str, str]) -> Directory:
    """Read all migration files of `s3://BUCKET/PREFIX`.

    Args:
        source: The directory.
        options: The settings for requests.
        versions: Versions of objects by address. If it has any of this directory, exactly these are read.

    Raises:
        BadInput: The source has another form, or has no migration.
        ManifestMismatch: An object lacks the version in `versions`.
        SourceUnavailable: The store does not answer or refuses the request, or the directory keeps changing.
    """
    bucket, prefix = _parts(source)
    pinned = _pinned(versions, bucket, prefix)
    with _errors(source, options):
        client, unsigned = _client(options)
        with closing(client), ThreadPoolExecutor(CONNECTIONS, "s3") as pool:
            for _ in range(LISTINGS):
                objects = pinned or _list(client, source, bucket, prefix)
                read = partial(_read_version if pinned else _read_listed, client, bucket, prefix)
                try:
                    files = list(pool.map(read, objects, objects.values()))
                except _Changed:
                    continue
                return Directory(source, sorted(files, key=lambda file: file.name), unsigned)
    raise SourceUnavailable(
        f"{source} changed while it was read, {LISTINGS} times in a row: wait until its upload has ended"
    )


def _parts(source: str) -> tuple[str, str]:
    bucket, _, prefix = source.removeprefix("s3://").partition("/")
    if not bucket:
        raise BadInput(f"{source} names no bucket: write s3://BUCKET/DIRECTORY")
    if "?versionId=" in prefix:
        raise BadInput(f"{source}: a directory has no version in S3: pin its files by a manifest (manifest --versions)")
    prefix = prefix.rstrip("/")
    return bucket, f"{prefix}/" if prefix else ""


def _client(options: S3Options) -> tuple[S3Client, bool]:
    """Return a client, and whether its requests are unsigned."""
    if options.endpoint_url is not None and not urlsplit(options.endpoint_url).netloc:
        raise BadInput(f"the endpoint {options.endpoint_url} is not a URL: write https://HOST or https://HOST:PORT")
    session = Session()  # botocore's: with boto3's imports, the command would take twice as long to start
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
    # A signature needs a region, even for stores other than AWS, which have none.
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


def _pinned(versions: Mapping[str, str], bucket: str, prefix: str) -> dict[str, str]:
    """Return the pinned version of each object of a directory, by key; empty if none is pinned."""
    directory = f"s3://{bucket}/{prefix}"
    return {
        address.removeprefix(f"s3://{bucket}/"): version
        for address, version in versions.items()
        if address.startswith(directory) and "/" not in address.removeprefix(directory)
    }


def _read_listed(client: S3Client, bucket: str, prefix: str, key: str, tag: str) -> File:
    """Read an object, if it is still the listed one."""

    def check(answer: GetObjectOutputTypeDef) -> None:
        if answer["ETag"] != tag:
            raise _Changed

    try:
        content, version = _read(partial(client.get_object, Bucket=bucket, Key=key), check)
    except ClientError as error:
        if error.response["Error"]["Code"] in _MISSING:
            raise _Changed from None
        raise
    return File(key.removeprefix(prefix), f"s3://{bucket}/{key}", content, version)


def _read_version(client: S3Client, bucket: str, prefix: str, key: str, version: str) -> File:
    """Read a version of an object, even if the object was replaced or deleted later."""
    address = f"s3://{bucket}/{key}"

    def check(answer: GetObjectOutputTypeDef) -> None:
        check_size(address, answer["ContentLength"])

    try:
        content, _ = _read(partial(client.get_object, Bucket=bucket, Key=key, VersionId=version), check)
    except ClientError as error:
        if error.response["Error"]["Code"] in _NO_VERSION:
            raise ManifestMismatch(
                f"{address} has no version {version}, which the manifest names: that version was deleted, or the "
                "bucket keeps none; nothing was run"
            ) from None
        raise
    return File(key.removeprefix(prefix), address, content, version)


def _read(
    get: Callable[[], GetObjectOutputTypeDef], check: Callable[[GetObjectOutputTypeDef], None]
) -> tuple[bytes, str | None]:
    """Return content and version of an object.

    The SDK retries a request, but not the reading of an answer that breaks off; that is retried here.

    Args:
        get: Sends the request.
        check: Called with the answer before its body is read; raises an error if the answer is not the expected one.
    """
    for attempt in range(ATTEMPTS):
        try:
            answer = get()
            with closing(answer["Body"]) as body:
                check(answer)
                return body.read(), answer.get("VersionId")
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
    """Return a text that says what a store's error means, and what to do."""
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
