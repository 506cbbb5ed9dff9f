"""The error for a package of an extra that is not installed, and the command that installs it.

Each document's library needs more than the base of this distribution, and names it as an extra of its own name,
with hyphens. Read this to see which line installs one.
"""

from __future__ import annotations

import shlex
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

DISTRIBUTION = "executable-documents"


class MissingExtra(ModuleNotFoundError):
    """A module of an extra is not installed; the message says how to install the extra.

    Args:
        module: The module that was not found.
        extra: The extra that brings it.
    """

    def __init__(self, module: str, extra: str) -> None:
        super().__init__(f"{module} is missing: {install(extra)}", name=module)


def install(extra: str) -> str:
    """Return the command that installs an extra.

    Where the distribution is installed, from a checkout or from a wheel, pip takes what the extra needs from its
    metadata and asks an index for that alone. Where only its folder is on the path, pip needs the folder.
    """
    try:
        distribution(DISTRIBUTION)
    except PackageNotFoundError:
        return f"pip install {shlex.quote(f'{Path(__file__).parents[1]}[{extra}]')}"
    return f"pip install '{DISTRIBUTION}[{extra}]'"
