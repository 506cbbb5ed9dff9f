"""Names of teams, projects and files: which are valid, how they are normalised, and which ones look alike.

Open this to see why a name is refused, or what the warnings of `package-index audit` are based on.
"""

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
# The characters of a file name; none of them has a special meaning in a URL, a shell, an HTML page or a path.
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*")
# Characters that look alike are mapped to one of them; hyphens are dropped.
_ALIKE = str.maketrans({"1": "l", "i": "l", "0": "o", "5": "s", "-": None})


def team_name(name: str) -> str:
    """Return a team's name, after checking that it can be the name of a folder in the store.

    Raises:
        BadInput: The name has other characters than small letters, digits and hyphens, or is too long.
    """
    if not _TEAM.fullmatch(name) or len(name) > LONGEST:
        raise BadInput(f"{name[:LONGEST]!r} is not a valid name of a team: use small letters, digits and hyphens")
    return name


def project_name(name: str) -> str:
    """Return a project's name, normalised as PEP 503 says: small letters, and one hyphen for each run of `-_.`.

    Raises:
        BadInput: The name is not a valid name of a project.
    """
    if not _PROJECT.fullmatch(name) or len(name) > LONGEST:
        raise BadInput(f"{name[:LONGEST]!r} is not a valid name of a project: use letters, digits, '-', '_' and '.'")
    return canonicalize_name(name)


def parse_file(filename: str) -> tuple[str, Version]:
    """Return the project and the version in the file name of a wheel or a source distribution.

    Args:
        filename: The name without a folder: `common-0.1.2-py3-none-any.whl`, `common-0.1.2.tar.gz`.

    Raises:
        BadInput: The name is not a valid name of a wheel or a source distribution.
    """
    shown = repr(filename[:LONGEST])
    if not _FILE.fullmatch(filename) or len(filename) > LONGEST:
        raise BadInput(f"{shown} is not a valid file name of a distribution: use letters, digits and '._+!-'")
    try:
        if filename.endswith(".whl"):
            name, version, _, _ = parse_wheel_filename(filename)
        else:
            name, version = parse_sdist_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename) as error:
        raise BadInput(f"{shown} is neither the name of a wheel nor of a source distribution: {error}") from error
    return project_name(name), version


def one_line(text: str, what: str) -> str:
    """Return a name or a reason that a user gave, on one line.

    Args:
        text: The text.
        what: What the text is, for the error message.

    Raises:
        BadInput: The text has characters that cannot be written in UTF-8, or cannot be printed.
    """
    line = " ".join(text.split())
    if not line.isprintable():
        raise BadInput(f"{what} has a character that cannot be printed: {line[:LONGEST]!r}")
    return line


def similar(name: str, others: Iterable[str]) -> list[str]:
    """Return the names that a reader may mistake for a name: they look alike, or differ by one typing error.

    Args:
        name: A normalised name.
        others: The normalised names to choose from; `name` itself is left out.
    """
    return [other for other in others if other != name and (_shape(name) == _shape(other) or _one_apart(name, other))]


def typing_errors(name: str) -> list[str]:
    """Return misspellings of a name, to look them up on an index that cannot list similar names.

    A misspelling has one character left out or doubled, two neighbours exchanged, or one character replaced by one that
    looks alike.
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
    # Names of fewer than four characters are skipped: too many of them differ by one error.
    if min(len(one), len(other)) < 4 or abs(len(one) - len(other)) > 1:
        return False
    return other in typing_errors(one) or one in typing_errors(other) or _replaced(one, other)


def _replaced(one: str, other: str) -> bool:
    return len(one) == len(other) and sum(a != b for a, b in zip(one, other, strict=True)) == 1
