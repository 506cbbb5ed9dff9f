"""The first page of an index: its entry for each project, and its JSON (PEP 691)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from .errors import StoreError
from .model import API_VERSION, Project, moment


@dataclass(frozen=True)
class Entry:
    """The entry of a project on the index's first page.

    Attributes:
        name: The project's normalised name.
        version: The project's newest version; empty if it has no files.
        files: Number of the project's files.
        updated: When the project was last changed.
        summary: One line about the project.
        serial: The project's number of changes when this entry was written.
    """

    name: str
    version: str
    files: int
    updated: datetime
    summary: str
    serial: int

    @classmethod
    def of(cls, project: Project) -> Entry:
        """Return the entry of a project that has been changed at least once."""
        return cls(
            project.name,
            str(project.latest or ""),
            len(project.files),
            project.events[-1].at,
            project.summary,
            project.serial,
        )


@dataclass(frozen=True)
class Root:
    """The index's first page.

    Attributes:
        entries: The entries, by the project's name.
    """

    entries: Mapping[str, Entry]

    def serial(self, name: str) -> int:
        """Return the serial number in a project's entry; -1 if the project is not listed."""
        entry = self.entries.get(name)
        return -1 if entry is None else entry.serial

    def to_json(self) -> bytes:
        """Return the page in JSON (PEP 691)."""
        projects = [
            {
                "name": entry.name,
                "_version": entry.version,
                "_files": entry.files,
                "_updated": moment(entry.updated),
                "_summary": entry.summary,
                "_serial": entry.serial,
            }
            for _, entry in sorted(self.entries.items())
        ]
        page = {"meta": {"api-version": API_VERSION}, "projects": projects}
        return json.dumps(page, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_json(cls, body: bytes, where: str) -> Root:
        """Return the page whose JSON `to_json` returned.

        Raises:
            StoreError: The JSON was not written by `to_json`, or is damaged.
        """
        try:
            entries = [
                Entry(
                    each["name"],
                    each["_version"],
                    each["_files"],
                    datetime.fromisoformat(each["_updated"]),
                    each["_summary"],
                    each["_serial"],
                )
                for each in json.loads(body)["projects"]
            ]
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{where} is damaged: package-index reindex rebuilds it from the projects") from error
        return cls({entry.name: entry for entry in entries})
