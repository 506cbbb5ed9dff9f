"""The index of a team: publish, yank and delete files, and keep pages and files consistent.

Read this to see in which order a change writes to the store. A file is uploaded before a page lists it, so that no page
offers a missing file. The JSON page of a project is its record, and each change of it is a conditional write
(`records`). If a crash interrupts a change, the next publication of the project, or `reindex`, completes it.
"""

from __future__ import annotations

import getpass
import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import groupby

from packaging.version import InvalidVersion, Version

from .errors import BadInput, Changed, Conflict, NotFound
from .files.distribution import Distribution
from .model import Event, File, Project
from .names import one_line, parse_file, project_name, team_name
from .records import Records
from .root import Root
from .stores import ABSENT, Store

PATIENCE = 60.0
"""Seconds for which a change is retried while other writers come first."""

BINARY, TEXT = "application/octet-stream", "text/plain; charset=utf-8"


@dataclass(frozen=True)
class Publication:
    """What `Index.publish` did.

    Attributes:
        added: Names of the files that the index did not have.
        unchanged: Names of the files that the index already had, with the same content.
    """

    added: Sequence[str]
    unchanged: Sequence[str]


def now() -> datetime:
    """Return the present time, as the time of a change."""
    return datetime.now(UTC)


class Index:
    """The index of one team in a store.

    Files are at `packages/TEAM/PROJECT/FILE`, with their metadata beside them. A project's pages are
    `simple/TEAM/PROJECT/index.html` and `index.json`, and the first page is at `simple/TEAM/`, whose URL is given to an
    installer.

    Args:
        store: The store that keeps the index.
        team: Name of the team.
        by: Who makes the changes; the user of this process by default.
        clock: Returns the time of a change.
        patience: Seconds for which a change is retried while other writers come first.

    Raises:
        BadInput: The team's name is refused.
    """

    def __init__(
        self,
        store: Store,
        team: str,
        *,
        by: str | None = None,
        clock: Callable[[], datetime] = now,
        patience: float = PATIENCE,
    ) -> None:
        self.store = store
        self.team = team_name(team)
        self.by = one_line(_user() if by is None else by, "the name of who makes the change")
        self._clock = clock
        self._patience = patience
        self.records = Records(store, self.team, patience)

    def acting(self, by: str) -> Index:
        """Return the same index for another person, in whose name changes are then recorded."""
        return Index(self.store, self.team, by=by, clock=self._clock, patience=self._patience)

    # Reading

    def root(self) -> Root:
        """Return what the first page lists.

        Raises:
            StoreError: The store does not answer, or the page is damaged.
        """
        return self.records.root()

    def project(self, name: str) -> Project:
        """Return a project.

        Raises:
            BadInput: The name is not a valid name of a project.
            NotFound: There is no such project.
            StoreError: The store does not answer, or the page is damaged.
        """
        project, version = self.records.read(project_name(name))
        if version == ABSENT:
            raise NotFound(f"{self.team} has no project {project.name!r}")
        return project

    def file_key(self, project: str, filename: str) -> str:
        """Return the key of a file."""
        return f"packages/{self.team}/{project}/{filename}"

    # Changing

    def publish(self, distributions: Iterable[Distribution], *, tracks: Iterable[str] = ()) -> Publication:
        """Publish files: upload the new ones, and list them on the pages.

        Args:
            distributions: The files, of one or several projects.
            tracks: URLs of the projects' pages on other indexes that they track (PEP 708).

        Returns:
            Which files are new.

        Raises:
            Conflict: A file was published before with other content, or was deleted. Files of other projects may have
                been published already.
            StoreError: The store does not answer, or refuses. Publish again, or call `reindex`.
        """
        added: list[str] = []
        unchanged: list[str] = []
        urls = tuple(_track(url) for url in tracks)
        with self.store.writing():
            for name, some in groupby(sorted(distributions, key=_order), key=lambda each: each.project):
                files = list(some)
                self._check(self.records.read(name)[0], files)
                for each in files:
                    self.upload(each)
                before = self.records.change(name, partial(self.with_files, files=files, tracks=urls))
                for each in files:
                    (unchanged if each.filename in before.files else added).append(each.filename)
        return Publication(added, unchanged)

    def yank(self, name: str, what: str, why: str = "") -> list[str]:
        """Yank a version or a file: installers then use it only if its exact version is requested (PEP 592).

        Args:
            name: The project's name.
            what: A version, or the name of a file.
            why: The reason, which installers show.

        Returns:
            The files that were not yanked before.

        Raises:
            NotFound: There is no such project, version or file.
        """
        return self._mark(name, what, "yank", why)

    def unyank(self, name: str, what: str, why: str = "") -> list[str]:
        """Undo `yank`; the arguments and errors are the same."""
        return self._mark(name, what, "unyank", why)

    def delete(self, name: str, what: str, why: str) -> list[str]:
        """Delete a version or a file permanently. Its file names can never be published again.

        Otherwise, a lock file with the old hash could refer to a file of the same name with other content.

        Args:
            name: The project's name.
            what: A version, or the name of a file.
            why: The reason.

        Returns:
            The deleted files.

        Raises:
            BadInput: The reason is empty.
            NotFound: There is no such project, version or file.
        """
        why = one_line(why, "the reason")
        if not why:
            raise BadInput("a deletion needs a reason: give one, or yank the file instead, which keeps it")

        def change(project: Project) -> Project:
            for filename in sorted(filenames & project.files.keys()):
                gone = {**project.deleted, filename: project.files[filename].sha256}
                project = replace(project.without_file(filename), deleted=gone)
                project = self.noted(project, "delete", filename, why)
            return project

        with self.store.writing():
            filenames = set(_named(self.project(name), what))
            before = self.records.change(project_name(name), change)
            # The files go after the pages, so that no page offers a file that is gone.
            for filename in filenames:
                self.remove(before.name, filename)
        return sorted(filenames)

    def stored_projects(self) -> list[str]:
        """Return the names of the projects that have a file or a page in the store, by listing it."""
        prefixes = (f"packages/{self.team}/", f"simple/{self.team}/")
        keys = (key.removeprefix(prefix) for prefix in prefixes for key in self.store.keys(prefix))
        return sorted({key.partition("/")[0] for key in keys if "/" in key})

    def _check(self, project: Project, files: Sequence[Distribution]) -> None:
        for each in files:
            if each.filename in project.deleted:
                raise Conflict(f"{each.filename} was deleted from {self.team}: publish a new version")
            there = project.files.get(each.filename)
            if there is not None and there.sha256 != each.sha256:
                raise Conflict(
                    f"{each.filename} was published to {self.team} with other content: publish a new version"
                )

    # The steps that `reindex` shares

    def upload(self, each: Distribution) -> None:
        """Upload a file, unless the store has it, and its metadata.

        Raises:
            Conflict: The store has a file of this name with other content.
        """
        key = self.file_key(each.project, each.filename)
        try:
            self.store.put(key, each.body, BINARY, expected=ABSENT)
        except Changed:
            if self.store.get(key).body != each.body:
                raise Conflict(
                    f"{each.filename} was uploaded to {self.team} with other content: publish a new version"
                ) from None
        if each.is_wheel:
            self.store.put(f"{key}.metadata", each.metadata, TEXT)

    def with_files(self, project: Project, files: Iterable[Distribution], tracks: tuple[str, ...] = ()) -> Project:
        """Return a project with files added; files that it has already are ignored.

        Raises:
            Conflict: The project has a file of the same name with other content, or one of the files was deleted.
        """
        files = list(files)
        self._check(project, files)
        new = [each for each in files if each.filename not in project.files]
        newest = max(project.versions, default=None)
        for each in new:
            digest = hashlib.sha256(each.metadata).hexdigest() if each.is_wheel else None
            file = File(
                each.filename, each.sha256, len(each.body), self._clock(), each.requires_python, digest, yanked=None
            )
            if newest is None or each.version >= newest:
                project, newest = replace(project, summary=each.summary), each.version
            project = self.noted(project.with_file(file), "publish", each.filename)
        for url in tracks:
            if url not in project.tracks:
                project = self.noted(replace(project, tracks=(*project.tracks, url)), "track", url)
        return project

    def _mark(self, name: str, what: str, action: str, why: str) -> list[str]:
        why = one_line(why, "the reason")
        wanted = why if action == "yank" else None

        def change(project: Project) -> Project:
            for filename in sorted(filenames & project.files.keys()):
                file = project.files[filename]
                if file.yanked != wanted:
                    project = self.noted(project.with_file(replace(file, yanked=wanted)), action, filename, why)
            return project

        with self.store.writing():
            filenames = set(_named(self.project(name), what))
            before = self.records.change(project_name(name), change)
        return sorted(each for each in filenames & before.files.keys() if before.files[each].yanked != wanted)

    def noted(self, project: Project, action: str, subject: str, why: str = "") -> Project:
        """Return a project with an event added."""
        event = Event(self._clock(), action, subject, self.by, why)
        return replace(project, events=(*project.events, event))

    def remove(self, project: str, filename: str) -> None:
        """Delete a file and its metadata from the store."""
        for suffix in ("", ".metadata"):
            self.store.delete(self.file_key(project, filename) + suffix)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return str(os.getuid())


def _order(each: Distribution) -> tuple[str, Version, str]:
    return each.project, each.version, each.filename


def _named(project: Project, what: str) -> list[str]:
    """Return the names of all files of a version, or the one file name that is given."""
    if what in project.files:
        return [what]
    try:
        wanted = Version(what)
    except InvalidVersion:
        parse_file(what)
        raise NotFound(f"{project.name} has no file {what!r}") from None
    files = [file.filename for file in project.sorted_files() if file.version == wanted]
    if not files:
        raise NotFound(f"{project.name} has no version {what}")
    return files


def _track(url: str) -> str:
    if not url.startswith(("https://", "http://")) or not url.isprintable() or any(c in url for c in " \"'<>"):
        raise BadInput(f"{url!r} is not the URL of a project's page: write https://HOST/simple/PROJECT/")
    return url
