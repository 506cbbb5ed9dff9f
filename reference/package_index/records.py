"""Read and change a project's record and its pages, so that concurrent writers lose nothing.

The JSON page of a project is its record. A conditional write replaces it only if it has not changed since the writer
read it; otherwise the writer reads it again and repeats its change. The HTML page is generated from the record, and is
replaced only if it has not changed since before the record was read: so a page of an older record never replaces a page
of a newer one. The first page stores a serial number for each project, and ignores an entry with a lower number. Open
this to see why two publishers at once are safe.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from .errors import Changed, StoreError
from .model import Project
from .pages import project_html, root_html
from .root import Entry, Root
from .stores import ABSENT, Store

JSON, HTML = "application/vnd.pypi.simple.v1+json", "text/html; charset=utf-8"

T = TypeVar("T")


class Records:
    """The records and pages of a team's index in a store.

    Args:
        store: The store that keeps them.
        team: Name of the team.
        patience: Seconds for which a change is retried while other writers come first.
    """

    def __init__(self, store: Store, team: str, patience: float) -> None:
        self._store = store
        self._team = team
        self._patience = patience

    def root_key(self, page: str) -> str:
        """Return the key of the first page: `page` is `index.html` or `index.json`."""
        return f"simple/{self._team}/{page}"

    def page_key(self, project: str, page: str) -> str:
        """Return the key of a project's page: `page` is `index.html` or `index.json`."""
        return f"simple/{self._team}/{project}/{page}"

    def files_url(self, project: str) -> str:
        """Return the URL of the folder of a project's files, relative to its page."""
        return f"../../../packages/{self._team}/{project}/"

    def root(self) -> Root:
        """Return the entries of the first page."""
        key = self.root_key("index.json")
        body = self._store.get(key).body
        return Root.from_json(body, key) if body else Root({})

    def root_is_damaged(self) -> bool:
        """Return whether the record of the first page exists and is unreadable."""
        try:
            self.root()
        except StoreError:
            if self._store.version(self.root_key("index.json")) == ABSENT:
                raise
            return True
        return False

    def read(self, name: str) -> tuple[Project, str]:
        """Return a project and the version of its record; a project without a record has no files."""
        key = self.page_key(name, "index.json")
        stored = self._store.get(key)
        if stored.version == ABSENT:
            return Project.new(name), ABSENT
        return Project.from_json(stored.body, key), stored.version

    def read_or_new(self, name: str) -> tuple[Project, str]:
        """Return a project like `read`, but without files if its record is damaged."""
        try:
            return self.read(name)
        except StoreError:
            version = self._store.version(self.page_key(name, "index.json"))
            if version == ABSENT:
                raise
            # The new record needs a higher serial number than the first page has for the damaged one.
            return replace(Project.new(name), serial=max(0, self.root().serial(name))), version

    def change(
        self,
        name: str,
        change: Callable[[Project], Project],
        read: Callable[[str], tuple[Project, str]] | None = None,
    ) -> Project:
        """Change a project's record, its page and the first page; return the record before the change.

        Args:
            name: The project's normalised name.
            change: Returns the changed project. It is called again if another writer came first; and it may be called
                once more after its change was written, and must then change nothing.
            read: Reads the record; by default the method `read`.

        Raises:
            StoreError: The store does not answer, or other writers came first for too long.
        """
        made: list[Project] = []

        def attempt() -> tuple[Project, Project]:
            page = self._store.get(self.page_key(name, "index.html"))
            before, version = (read or self.read)(name)
            after = change(before)
            if after != before:
                after = replace(after, serial=before.serial + 1)
                key = self.page_key(name, "index.json")
                self._store.put(key, after.to_json(self.files_url(name)), JSON, expected=version)
                made.append(before)
            html = project_html(after, self.files_url(name))
            if after.events and html != page.body:
                self._store.put(self.page_key(name, "index.html"), html, HTML, expected=page.version)
            return before, after

        before, after = self._repeated(attempt)
        if after.events:
            self._list(Entry.of(after))
        return made[0] if made else before

    def _list(self, entry: Entry) -> None:
        """Add an entry to the first page, unless the page already has one of a later change."""

        def attempt() -> None:
            page = self._store.get(self.root_key("index.html"))
            key = self.root_key("index.json")
            stored = self._store.get(key)
            root = Root.from_json(stored.body, key) if stored.body else Root({})
            if entry.serial > root.serial(entry.name):
                root = Root({**root.entries, entry.name: entry})
                self._store.put(key, root.to_json(), JSON, expected=stored.version)
            html = root_html(root, self._team)
            if html != page.body:
                self._store.put(self.root_key("index.html"), html, HTML, expected=page.version)

        self._repeated(attempt)

    def _repeated(self, attempt: Callable[[], T]) -> T:
        retrying = Retrying(
            retry=retry_if_exception_type(Changed),
            wait=wait_random_exponential(multiplier=0.01, max=0.5),
            stop=stop_after_delay(self._patience),
            reraise=True,
        )
        try:
            return retrying(attempt)
        except Changed as error:
            raise StoreError(
                f"{error} was changed by others again and again for {self._patience:g} s: try again"
            ) from error
