"""A project of an index: its files and the changes made to it, and the JSON of its page as the standards have it.

A project's page in JSON (PEP 691, with the fields of PEP 592, 658/714, 700 and 708) is the index's record of it: what
a client does not know begins with an underscore, as the standard provides. HTML pages are made from it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from packaging.version import Version

from .errors import StoreError
from .names import parse_file

API_VERSION = "1.3"


@dataclass(frozen=True)
class File:
    """A published file.

    Attributes:
        filename: Its name.
        sha256: The hash of its content.
        size: Its size in bytes.
        uploaded: When it was published.
        requires_python: As in its metadata.
        metadata_sha256: The hash of its metadata, which lie beside it as `FILENAME.metadata`; None without.
        yanked: Why it was yanked, empty where nobody said; None where it is not.
    """

    filename: str
    sha256: str
    size: int
    uploaded: datetime
    requires_python: str | None = None
    metadata_sha256: str | None = None
    yanked: str | None = None

    @property
    def version(self) -> Version:
        """The version that its name says."""
        return parse_file(self.filename)[1]

    @property
    def quoted(self) -> str:
        """Its name as a part of a URL: S3 takes the `+` of a local version for a blank."""
        return quote(self.filename)


@dataclass(frozen=True)
class Event:
    """A change of a project: what was done to which file, when, by whom and why.

    Attributes:
        at: When.
        action: `publish`, `yank`, `unyank`, `delete`, `reindex`, `track`.
        subject: The file's name.
        by: Who.
        why: The reason; empty where none was asked for.
    """

    at: datetime
    action: str
    subject: str
    by: str
    why: str = ""


@dataclass(frozen=True)
class Project:
    """All that an index knows of a project.

    Attributes:
        name: Its normalised name.
        files: Published file by its name.
        deleted: Hash of each deleted file by its name; none of these names is published again.
        events: Every change, in order.
        summary: One line about it, from the newest version's metadata.
        tracks: URLs of the project's pages on other indexes that it is a part of (PEP 708).
        serial: How many times it was changed.
    """

    name: str
    files: Mapping[str, File]
    deleted: Mapping[str, str]
    events: tuple[Event, ...] = ()
    summary: str = ""
    tracks: tuple[str, ...] = ()
    serial: int = 0

    @classmethod
    def new(cls, name: str) -> Project:
        """Return a project without files."""
        return cls(name, {}, {})

    @property
    def versions(self) -> list[Version]:
        """Its versions, the oldest first."""
        return sorted({file.version for file in self.files.values()})

    @property
    def latest(self) -> Version | None:
        """The newest version that an installer would take: no pre-release and not yanked, where there is such."""
        some = [file.version for file in self.files.values() if file.yanked is None]
        return max((each for each in some if not each.is_prerelease), default=max(some, default=None))

    def sorted_files(self) -> list[File]:
        """Return its files, by version and name."""
        return sorted(self.files.values(), key=lambda file: (file.version, file.filename))

    def with_file(self, file: File) -> Project:
        """Return the project with a file added or replaced."""
        return replace(self, files={**self.files, file.filename: file})

    def without_file(self, filename: str) -> Project:
        """Return the project without a file."""
        return replace(self, files={name: file for name, file in self.files.items() if name != filename})

    def to_json(self, base: str) -> bytes:
        """Return its page in JSON.

        Args:
            base: URL of the folder of its files, relative to the page, with a slash at its end.
        """
        files = [_file_to_json(file, base) for file in self.sorted_files()]
        meta: dict[str, Any] = {"api-version": API_VERSION, "_serial": self.serial}
        if self.tracks:
            meta["tracks"] = list(self.tracks)
        page = {
            "meta": meta,
            "name": self.name,
            "versions": [str(version) for version in self.versions],
            "files": files,
            "_summary": self.summary,
            "_deleted": dict(sorted(self.deleted.items())),
            "_events": [[moment(e.at), e.action, e.subject, e.by, e.why] for e in self.events],
        }
        return json.dumps(page, indent=1, ensure_ascii=True).encode() + b"\n"

    @classmethod
    def from_json(cls, body: bytes, where: str) -> Project:
        """Return the project of a page that `to_json` returned.

        Args:
            body: The page.
            where: Its key, for the error.

        Raises:
            StoreError: It is not such a page.
        """
        try:
            page = json.loads(body)
            meta = page["meta"]
            return cls(
                name=page["name"],
                files={each["filename"]: file_from_json(each) for each in page["files"]},
                deleted=dict(page["_deleted"]),
                events=tuple(Event(datetime.fromisoformat(at), *rest) for at, *rest in page["_events"]),
                summary=page["_summary"],
                tracks=tuple(meta.get("tracks", ())),
                serial=meta["_serial"],
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StoreError(f"{where} is damaged: package-index reindex makes it anew from the files") from error


def file_from_json(each: Mapping[str, Any]) -> File:
    """Return a file as a page in JSON describes it; fields that an index may leave out get defaults.

    Raises:
        KeyError, TypeError, ValueError: It is not described as PEP 691 says.
    """
    metadata = each.get("core-metadata", each.get("dist-info-metadata", False))
    yanked = each.get("yanked", False)
    return File(
        filename=each["filename"],
        sha256=each["hashes"].get("sha256", ""),
        size=each.get("size", 0),
        uploaded=datetime.fromisoformat(each.get("upload-time", "1970-01-01T00:00:00Z")),
        requires_python=each.get("requires-python"),
        metadata_sha256=metadata.get("sha256") if isinstance(metadata, dict) else None,
        yanked=None if yanked is False else "" if yanked is True else str(yanked),
    )


def _file_to_json(file: File, base: str) -> dict[str, Any]:
    metadata = {"sha256": file.metadata_sha256} if file.metadata_sha256 else False
    said: dict[str, Any] = {
        "filename": file.filename,
        "url": base + file.quoted,
        "hashes": {"sha256": file.sha256},
        "size": file.size,
        "upload-time": moment(file.uploaded),
        "core-metadata": metadata,
        "dist-info-metadata": metadata,
        "yanked": False if file.yanked is None else file.yanked or True,
    }
    if file.requires_python is not None:
        said["requires-python"] = file.requires_python
    return said


def moment(at: datetime) -> str:
    """Return a time as the pages have it."""
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
