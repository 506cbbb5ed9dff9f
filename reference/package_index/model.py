"""A project of an index: its files, the changes made to it, and its page in JSON.

The JSON page (PEP 691, with the fields of PEP 592, 658/714, 700 and 708) is the index's only record of a project. Keys
that are not in these standards begin with an underscore, as PEP 691 provides. HTML pages are generated from the record.
Read this to see what is stored about a project.
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
        filename: The file's name.
        sha256: Hash of the file's content.
        size: The file's size in bytes.
        uploaded: When the file was published.
        requires_python: The field Requires-Python of the file's metadata; None if it has none.
        metadata_sha256: Hash of `FILENAME.metadata`, the metadata beside the file; None if there is none.
        yanked: Why the file was yanked, or empty if no reason was given; None if it is not yanked.
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
        """The version in the file's name."""
        return parse_file(self.filename)[1]

    @property
    def quoted(self) -> str:
        """The file's name as a part of a URL; S3 would read the `+` of a local version as a blank."""
        return quote(self.filename)


@dataclass(frozen=True)
class Event:
    """A change of a project: what was done to which file, when, by whom and why.

    Attributes:
        at: Time of the change.
        action: `publish`, `yank`, `unyank`, `delete`, `reindex`, `track`.
        subject: Name of the file; of `track`, the URL.
        by: Who made the change.
        why: The reason; may be empty.
    """

    at: datetime
    action: str
    subject: str
    by: str
    why: str = ""


@dataclass(frozen=True)
class Project:
    """Everything that an index records about a project.

    Attributes:
        name: The project's normalised name.
        files: The published files, by name.
        deleted: Hashes of deleted files, by name; none of these names can be published again.
        events: All changes, in order.
        summary: One line about the project, from the newest version's metadata.
        tracks: URLs of the project's pages on other indexes that it tracks (PEP 708).
        serial: Number of changes so far.
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
        """The project's versions, the oldest first."""
        return sorted({file.version for file in self.files.values()})

    @property
    def latest(self) -> Version | None:
        """The newest version that an installer would choose: not yanked, and a pre-release only without another."""
        not_yanked = [file.version for file in self.files.values() if file.yanked is None]
        return max((each for each in not_yanked if not each.is_prerelease), default=max(not_yanked, default=None))

    def sorted_files(self) -> list[File]:
        """Return the project's files, sorted by version and name."""
        return sorted(self.files.values(), key=lambda file: (file.version, file.filename))

    def with_file(self, file: File) -> Project:
        """Return the project with a file added or replaced."""
        return replace(self, files={**self.files, file.filename: file})

    def without_file(self, filename: str) -> Project:
        """Return the project without a file."""
        return replace(self, files={name: file for name, file in self.files.items() if name != filename})

    def to_json(self, base: str) -> bytes:
        """Return the project's page in JSON.

        Args:
            base: URL of the folder of the project's files, relative to the page, with a slash at its end.
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
            where: Key of the page, for the error message.

        Raises:
            StoreError: The page was not written by `to_json`, or is damaged.
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
            raise StoreError(f"{where} is damaged: package-index reindex rebuilds it from the files") from error


def file_from_json(each: Mapping[str, Any]) -> File:
    """Return a file from its description in a JSON page; fields that an index may leave out get default values.

    Raises:
        KeyError, TypeError, ValueError: The description does not conform to PEP 691.
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
    """Return a time in the format of the JSON pages."""
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
