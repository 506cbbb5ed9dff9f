"""The HTML pages of an index: one for each project (PEP 503) and the first one, for installers and for readers.

All values are escaped; no page loads anything from elsewhere. Open this to change what a page shows.
"""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from .model import API_VERSION, Project
from .root import Root

CHANGES = 20
"""Number of projects in the first page's list of latest changes."""


def project_html(project: Project, base: str) -> bytes:
    """Return the page of a project.

    Args:
        project: The project.
        base: URL of the folder of the project's files, relative to the page, with a slash at its end.
    """
    return (
        _template("project.html")
        .render(project=project, files=project.sorted_files(), base=base, api_version=API_VERSION, style=_style())
        .encode()
    )


def root_html(root: Root, team: str) -> bytes:
    """Return the first page of an index.

    Args:
        root: The projects that the page lists.
        team: Name of the team.
    """
    entries = [entry for _, entry in sorted(root.entries.items())]
    changes = sorted(entries, key=lambda entry: (entry.updated, entry.name), reverse=True)[:CHANGES]
    return (
        _template("root.html")
        .render(entries=entries, changes=changes, team=team, api_version=API_VERSION, style=_style())
        .encode()
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader(__package__, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _template(name: str) -> Template:
    return _environment().get_template(name)


@cache
def _style() -> str:
    loader = _environment().loader
    assert loader is not None
    return loader.get_source(_environment(), "style.css")[0].strip()
