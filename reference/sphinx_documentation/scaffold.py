"""A new project: a documented Flask service with its Sphinx documentation, out of the template of this library."""

from __future__ import annotations

import shutil
from pathlib import Path

from .errors import BadInput

TEMPLATE = Path(__file__).parent / "template"


def create(folder: Path) -> list[Path]:
    """Copy the template into a folder, which is created where it does not exist.

    Args:
        folder: An empty or new folder.

    Returns:
        The files, relative to the folder.

    Raises:
        BadInput: The folder is not empty, or is a file, or cannot be written.
    """
    try:
        if folder.exists() and any(folder.iterdir()):
            raise BadInput(f"{folder} is not empty: name a new folder")
        shutil.copytree(TEMPLATE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    except OSError as error:
        raise BadInput(f"{folder} cannot be written: {error.strerror}") from error
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
