"""Check documentation without building it: all pages are read, and nothing is kept."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import SphinxError
from sphinx.util.console import color_terminal, nocolor
from sphinx.util.docutils import docutils_namespace, patch_docutils
from sphinx.util.tags import Tags

from .errors import BadInput, DocumentationError

EXTENSION = __name__.rpartition(".")[0]


def check(source: Path, *, application: str | None = None, packages: Sequence[str] | None = None, jobs: int = 1) -> int:
    """Read all pages of a documentation and print each warning and fault on standard error.

    The extension is added to those of conf.py, which needs no change.

    Args:
        source: Folder of conf.py.
        application: Its Flask application, as `load` takes it; by default the setting `flask_application`.
        packages: Packages whose public names must be on the pages; by default the setting `documented_packages`.
        jobs: Number of processes that read pages.

    Returns:
        The number of warnings and faults.

    Raises:
        BadInput: The folder has no conf.py.
        DocumentationError: Sphinx cannot read the pages; the message has the reason.
    """
    source = source.resolve()
    if not (source / "conf.py").is_file():
        raise BadInput(f"{source} has no conf.py: name the folder that sphinx-quickstart calls source")
    if not color_terminal():
        nocolor()
    sys_path = list(sys.path)
    try:
        settings: dict[str, Any] = {"extensions": _with_ours(Config.read(source, overrides={}, tags=Tags()).extensions)}
        if application is not None:
            settings["flask_application"] = application
        if packages:
            settings["documented_packages"] = list(packages)
        with tempfile.TemporaryDirectory() as folder, patch_docutils(), docutils_namespace():
            output = Path(folder)
            sphinx = Sphinx(
                source,
                source,
                output / "pages",
                output / "doctrees",
                "dummy",
                confoverrides=settings,
                status=None,
                warning=sys.stderr,
                parallel=jobs,
            )
            sphinx.build(force_all=True)
            return max(sphinx._warncount, int(sphinx.statuscode != 0))  # noqa: SLF001 Sphinx has no public count
    except SphinxError as error:
        raise DocumentationError(f"the pages cannot be read: {' '.join(str(error).split())}") from error
    finally:
        sys.path[:] = sys_path  # conf.py adds to it


def _with_ours(extensions: Sequence[str]) -> list[str]:
    return [*(each for each in extensions if each != EXTENSION), EXTENSION]
