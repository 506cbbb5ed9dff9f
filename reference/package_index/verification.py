"""Check an index: whether its pages, its files and their hashes are consistent, and whether its names are confusing.

Read this to see what the problems of `package-index verify` and the warnings of `package-index audit` mean.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from .errors import StoreError
from .index import Index
from .model import Project
from .names import similar, typing_errors
from .pages import project_html, root_html
from .remote import RemoteIndex
from .root import Entry

Kind = Literal["missing", "unlisted", "changed", "outdated", "damaged", "deleted"]


@dataclass(frozen=True)
class Problem:
    """An inconsistency within an index.

    Attributes:
        kind: `missing` (a listed file does not exist), `unlisted` (a file exists and is not listed), `changed` (a
            file's content has another hash), `outdated` (a page is older than the record), `damaged` (a record is
            unreadable), `deleted` (a deleted file still exists).
        key: Key of the object.
        says: What is wrong, in a sentence.
    """

    kind: Kind
    key: str
    says: str


def verify(index: Index) -> Iterator[Problem]:
    """Yield the problems of an index, for which every file is read. `reindex` repairs all except changed files.

    Raises:
        StoreError: The store does not answer.
    """
    try:
        listed = index.root().entries
    except StoreError as error:
        key = index.records.root_key("index.json")
        if not index.store.version(key):
            raise
        yield Problem("damaged", key, str(error))
        return
    projects = index.stored_projects()
    for name in projects:
        key = index.records.page_key(name, "index.json")
        stored = index.store.get(key)
        try:
            project = Project.from_json(stored.body, key) if stored.version else Project.new(name)
        except StoreError as error:
            yield Problem("damaged", key, str(error))
            continue
        yield from _files(index, project)
        html = index.records.page_key(name, "index.html")
        if project.events and index.store.get(html).body != project_html(project, index.records.files_url(name)):
            yield Problem("outdated", html, f"the page of {name} is older than its record")
        if project.events and listed.get(name) != Entry.of(project):
            yield Problem(
                "outdated", index.records.root_key("index.json"), f"the first page is older than the record of {name}"
            )
    first = index.records.root_key("index.html")
    if listed and index.store.get(first).body != root_html(index.root(), index.team):
        yield Problem("outdated", first, "the first page is older than its record")


def _files(index: Index, project: Project) -> Iterator[Problem]:
    prefix = index.file_key(project.name, "")
    stored = {key.removeprefix(prefix) for key in index.store.keys(prefix)}
    expected = set(project.files) | {
        f"{file.filename}.metadata" for file in project.files.values() if file.metadata_sha256
    }
    for name in sorted(expected - stored):
        yield Problem("missing", prefix + name, f"{name} is listed but does not exist")
    for name in sorted(stored - expected):
        if name.removesuffix(".metadata") in project.deleted:
            yield Problem("deleted", prefix + name, f"{name} was deleted but still exists")
        else:
            yield Problem("unlisted", prefix + name, f"{name} exists but is not listed")
    for file in project.sorted_files():
        hashes = {file.filename: file.sha256, f"{file.filename}.metadata": file.metadata_sha256}
        for name, digest in hashes.items():
            if digest and name in stored:
                body = index.store.get(prefix + name).body
                if hashlib.sha256(body).hexdigest() != digest:
                    yield Problem(
                        "changed", prefix + name, f"{name} has changed since it was published: its hash differs"
                    )


@dataclass(frozen=True)
class Warned:
    """A name that an installer or a reader may mistake for another.

    Attributes:
        name: Name of a project of this index.
        other: The name on the public index, or of another project of this index.
        says: What may happen, in a sentence.
    """

    name: str
    other: str
    says: str


def confusions(index: Index, public: RemoteIndex | None, *, near: bool = True) -> Iterator[Warned]:
    """Yield the names of an index that a public index also has, and those that are confusingly similar to another.

    Args:
        index: The private index.
        public: The public index; None to compare names of the private index only.
        near: Whether to look up misspellings on the public index, with some dozens of requests for each name.

    Raises:
        StoreError: An index does not answer.
    """
    names = sorted(index.root().entries)
    for name in names:
        for other in similar(name, names):
            if name < other:
                yield Warned(name, other, f"{name} and {other}, both of this index, are easily confused")
        if public is None:
            continue
        if public.has(name):
            yield Warned(
                name,
                name,
                f"{name} is also on {public.url}: with --extra-index-url an installer chooses the higher version",
            )
        for other in typing_errors(name) if near else ():
            if other not in names and public.has(other):
                yield Warned(name, other, f"{other} on {public.url} is easily confused with {name}")
