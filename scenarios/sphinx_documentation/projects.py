"""The documented project, as published and as corrected, and a person's machine on which it is built."""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = {
    "published": ROOT / "scenarios/sphinx_documentation/as_published",
    "corrected": ROOT / "reference/sphinx_documentation/template",
}
PACKAGES = {way: ".".join(folder.relative_to(ROOT).parts) for way, folder in SOURCES.items()}
AUTHORS = Path("Personal/sphinx")
"""The folder of the project in its author's home."""


class Project:
    """A copy of the project in a person's home.

    Args:
        way: `published` or `corrected`.
        home: The person's home.
        folder: Where the project is, below the home.
    """

    def __init__(self, way: str, home: Path, folder: Path) -> None:
        self.home = home
        self.folder = home / folder
        shutil.copytree(SOURCES[way], self.folder, ignore=shutil.ignore_patterns("__pycache__"))
        self.pages = self.folder / "docs/build/html"

    def run(self, *command: str | Path, folder: Path | None = None, answers: str = "") -> subprocess.CompletedProcess:
        """Run a command in the project, or in another folder, as that person does."""
        # Python writes no bytecode: a module that is changed within a second would be taken from it.
        variables = {**os.environ, "HOME": str(self.home), "PYTHONDONTWRITEBYTECODE": "1"}
        variables["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        options = {"input": answers, "capture_output": True, "text": True, "timeout": 120}
        return subprocess.run(command, cwd=folder or self.folder, env=variables, check=False, **options)

    def build(self, *options: str) -> subprocess.CompletedProcess:
        """Run sphinx-build as the document does."""
        return self.run("sphinx-build", *options, "docs/source/", "docs/build/html/")

    def text(self, page: str) -> str:
        """Return what a page says, without its markup."""
        return " ".join(html.unescape(re.sub(r"<[^>]*>", "", self.source(page))).split())

    def source(self, page: str) -> str:
        """Return the HTML of a page's body."""
        return (self.pages / page).read_text().partition("<body")[2]

    def edit(self, file: str, before: str, after: str) -> None:
        """Replace a text that occurs once in a file."""
        path = self.folder / file
        text = path.read_text()
        assert text.count(before) == 1, f"{before!r} occurs {text.count(before)} times in {file}"
        path.write_text(text.replace(before, after))
