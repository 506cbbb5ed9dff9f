"""Read another index as installers do: pages in JSON (PEP 691) or HTML (PEP 503), and files, whose hashes are checked.

`package-index mirror`, `audit` and `serve --upstream` use this.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import requests

from .errors import BadInput, NotFound, StoreError
from .files.distribution import LARGEST
from .model import File, file_from_json
from .names import parse_file, project_name

ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.5, text/html;q=0.3"
LARGEST_PAGE = 64 << 20
TIMEOUT = (5.0, 30.0)


@dataclass(frozen=True)
class RemoteFile:
    """A file that another index offers.

    Attributes:
        file: The index's description of the file.
        url: Absolute URL of the file.
    """

    file: File
    url: str


class RemoteIndex:
    """An index on another server.

    Args:
        url: URL of the index's first page, to which an installer adds `/PROJECT/`.
        session: The session for all requests; by default a new one.

    Raises:
        BadInput: The URL is not an HTTP address.
    """

    def __init__(self, url: str, session: requests.Session | None = None) -> None:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
            raise BadInput(f"{url!r} is not the URL of an index: write https://HOST/simple/")
        self.url = url.rstrip("/") + "/"
        self._session = session or requests.Session()

    def has(self, name: str) -> bool:
        """Return whether the index has a project.

        Raises:
            StoreError: The index does not answer.
        """
        try:
            self.files(name)
        except NotFound:
            return False
        return True

    def files(self, name: str) -> Sequence[RemoteFile]:
        """Return the wheels and source distributions of a project; other files are left out.

        Raises:
            NotFound: The index has no such project.
            StoreError: The index does not answer, or its page is unreadable.
        """
        url = urljoin(self.url, f"{project_name(name)}/")
        try:
            answer = self._session.get(url, headers={"Accept": ACCEPT}, timeout=TIMEOUT, stream=True)
            with answer:
                if answer.status_code in (404, 410):
                    raise NotFound(f"{self.url} has no project {name!r}")
                answer.raise_for_status()
                body = _limited(answer, LARGEST_PAGE)
        except requests.RequestException as error:
            raise StoreError(f"{self.url} does not answer: {error}") from error
        base, kind = answer.url, answer.headers.get("Content-Type", "")
        try:
            found = _from_json(body, base) if "json" in kind else _from_html(body, base)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StoreError(f"{url} is not the page of a project: {error}") from error
        return [each for each in found if _is_distribution(each.file.filename)]

    def download(self, remote: RemoteFile) -> bytes:
        """Return a file's content.

        Raises:
            StoreError: The index does not answer, or the content does not have the hash that the index says.
        """
        try:
            with self._session.get(remote.url, timeout=TIMEOUT, stream=True) as answer:
                answer.raise_for_status()
                body = _limited(answer, LARGEST)
        except requests.RequestException as error:
            raise StoreError(f"{remote.url} cannot be read: {error}") from error
        if not remote.file.sha256:
            raise StoreError(f"{remote.url} is listed without a hash, so that its content cannot be checked")
        if hashlib.sha256(body).hexdigest() != remote.file.sha256:
            raise StoreError(f"{remote.url} does not have the hash that its index says")
        return body


def _limited(answer: requests.Response, most: int) -> bytes:
    parts, size = [], 0
    for part in answer.iter_content(1 << 16):
        size += len(part)
        if size > most:
            raise StoreError(f"{answer.url} has more than {most >> 20} MiB")
        parts.append(part)
    return b"".join(parts)


def _is_distribution(filename: str) -> bool:
    try:
        parse_file(filename)
    except BadInput:
        return False
    return True


def _from_json(body: bytes, base: str) -> list[RemoteFile]:
    return [RemoteFile(file_from_json(each), urljoin(base, each["url"])) for each in json.loads(body)["files"]]


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Mapping[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append(dict(attrs))


def _from_html(body: bytes, base: str) -> list[RemoteFile]:
    anchors = _Anchors()
    anchors.feed(body.decode("utf-8", "replace"))
    found = []
    for attributes in anchors.found:
        url, fragment = urldefrag(urljoin(base, attributes.get("href") or ""))
        file = File(
            filename=unquote(urlsplit(url).path.rpartition("/")[2]),
            sha256=fragment.removeprefix("sha256=") if fragment.startswith("sha256=") else "",
            size=0,
            uploaded=datetime(1970, 1, 1, tzinfo=UTC),
            requires_python=attributes.get("data-requires-python"),
        )
        if "data-yanked" in attributes:
            file = replace(file, yanked=attributes["data-yanked"] or "")
        found.append(RemoteFile(file, url))
    return found
