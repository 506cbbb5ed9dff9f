"""Names of teams, projects and files: what is allowed, how a name is normalised, and which names look alike."""

from __future__ import annotations

import re
from collections.abc import Iterable

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from .errors import BadInput

LONGEST = 200
_TEAM = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_PROJECT = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
# What a file name consists of; nothing that a URL, a shell, a page or a folder takes for something else.
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*")
# Characters that are taken for each other, each group written as its first.
_ALIKE = str.maketrans({"1": "l", "i": "l", "0": "o", "5": "s", "-": None})


def team_name(name: str) -> str:
    """Return a team's name, which is a folder of the store.

    Raises:
        BadInput: It is not of small letters, digits and hyphens.
    """
    if not _TEAM.fullmatch(name) or len(name) > LONGEST:
        raise BadInput(f"{name[:LONGEST]!r} is no team's name: use small letters, digits and hyphens")
    return name


def project_name(name: str) -> str:
    """Return a project's name, normalised as PEP 503 says: small letters, and one hyphen for each run of `-_.`.

    Raises:
        BadInput: No project can be named so.
    """
    if not _PROJECT.fullmatch(name) or len(name) > LONGEST:
        raise BadInput(f"{name[:LONGEST]!r} is no project's name: use letters, digits, '-', '_' and '.'")
    return canonicalize_name(name)


def parse_file(filename: str) -> tuple[str, Version]:
    """Return the project and version that a wheel's or a source distribution's file name says.

    Args:
        filename: The name without a folder: `common-0.1.2-py3-none-any.whl`, `common-0.1.2.tar.gz`.

    Raises:
        BadInput: No wheel and no source distribution is named so, or the name has other characters than theirs.
    """
    shown = repr(filename[:LONGEST])
    if not _FILE.fullmatch(filename) or len(filename) > LONGEST:
        raise BadInput(f"{shown} is no file name of a distribution: use letters, digits and '._+!-'")
    try:
        if filename.endswith(".whl"):
            name, version, _, _ = parse_wheel_filename(filename)
        else:
            name, version = parse_sdist_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename) as error:
        raise BadInput(f"{shown} is the name of no wheel and no source distribution: {error}") from error
    return project_name(name), version


def one_line(text: str, what: str) -> str:
    """Return who made a change or why, on one line.

    Args:
        text: What was said.
        what: What it says, for the error.

    Raises:
        BadInput: It has characters that cannot be written in UTF-8, or printed.
    """
    line = " ".join(text.split())
    if not line.isprintable():
        raise BadInput(f"{what} has a character that cannot be printed: {line[:LONGEST]!r}")
    return line


def similar(name: str, others: Iterable[str]) -> list[str]:
    """Return those of the other names that a reader may take for a name: equal letters, or one typing error apart.

    Args:
        name: A normalised name.
        others: Normalised names; the name itself is left out.
    """
    return [other for other in others if other != name and (_shape(name) == _shape(other) or _one_apart(name, other))]


def typing_errors(name: str) -> list[str]:
    """Return names that a reader may take for a name, to be looked up on an index that has no list of similar ones.

    These are the name with a hyphen less or elsewhere, with one letter left out or doubled, with two neighbours
    exchanged, and with characters that look alike.
    """
    parts = range(len(name))
    swapped = (name[:at] + name[at + 1] + name[at] + name[at + 2 :] for at in parts[:-1])
    shorter = (name[:at] + name[at + 1 :] for at in parts)
    doubled = (name[: at + 1] + name[at:] for at in parts)
    alike = (
        name[:at] + other + name[at + 1 :]
        for at in parts
        for other in {"l": "1i", "i": "1l", "1": "li", "o": "0", "0": "o", "s": "5", "5": "s"}.get(name[at], "")
    )
    found = {project_name(each) for each in (*swapped, *shorter, *doubled, *alike) if _PROJECT.fullmatch(each)}
    return sorted(found - {name})


def _shape(name: str) -> str:
    return name.translate(_ALIKE)


def _one_apart(one: str, other: str) -> bool:
    # Short names have too many neighbours.
    if min(len(one), len(other)) < 4 or abs(len(one) - len(other)) > 1:
        return False
    return other in typing_errors(one) or one in typing_errors(other) or _replaced(one, other)


def _replaced(one: str, other: str) -> bool:
    return len(one) == len(other) and sum(a != b for a, b in zip(one, other, strict=True)) == 1
