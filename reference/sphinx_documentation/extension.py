"""The Sphinx extension: it loads the application, and fails a build whose pages are empty or lack a public name.

Open this to see what is checked when. Each fault is a warning of type `documentation`, which `suppress_warnings` can
name by its subtype: `documentation.page`, `.path`, `.name`, `.route`, `.unresolved`. The build's status is 1 where
there is one, with `--fail-on-warning` and without, and in an incremental build, too.
"""

from __future__ import annotations

import json
import logging as python_logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.errors import ConfigError
from sphinx.util import logging

from .application import load
from .directive import APPLICATION, setup_directive
from .errors import DocumentationError
from .names import faults
from .openapi import openapi
from .routes import routes, unreachable

log = logging.getLogger(__name__)

TYPE = "documentation"
AUTODOC = "sphinx.sphinx.ext.autodoc"  # the logger of autodoc, below Sphinx' own
SHOWN = (addnodes.toctree, addnodes.desc, nodes.image, nodes.raw, nodes.literal_block, nodes.math_block)
NOT_SHOWN = (nodes.title, nodes.comment, nodes.Invisible, nodes.system_message)

Faults = dict[str, list[str]]


def setup(app: Sphinx) -> dict[str, Any]:
    """Set the extension up; Sphinx calls it."""
    app.setup_extension("sphinx.ext.autodoc")
    app.add_config_value("flask_application", "", "env", [str])
    app.add_config_value("flask_openapi", "", "html", [str])
    app.add_config_value("documented_packages", [], "env", [list, tuple])
    app.add_config_value("documented_except", [], "env", [list, tuple])
    setup_directive(app)
    app.connect("config-inited", _check_settings)
    app.connect("builder-inited", _load_application)
    app.connect("env-purge-doc", _forget)
    app.connect("env-merge-info", _merge)
    app.connect("env-get-outdated", _read_again)
    app.connect("doctree-read", _look_at_page)
    app.connect("env-updated", _report)
    app.connect("build-finished", _finish)
    python_logging.getLogger(AUTODOC).addHandler(_Unresolved(app))
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}


class _Unresolved(python_logging.Handler):
    """Notes the pages on which autodoc could not import a name: it says so once, and not in the next build."""

    def __init__(self, app: Sphinx) -> None:
        super().__init__(python_logging.WARNING)
        self._app = app

    def emit(self, record: python_logging.LogRecord) -> None:
        env: BuildEnvironment | None = getattr(self._app, "env", None)
        page = env.current_document.docname if env is not None else ""
        if env is not None and page and getattr(record, "type", None) == "autodoc":
            _noted(env, "unresolved").setdefault(page, []).append(record.getMessage().partition("\n")[0])


def _noted(env: BuildEnvironment, what: str) -> Faults:
    """Return the faults by page that are kept with the environment, for the next build."""
    noted: dict[str, Faults] = env.__dict__.setdefault("documentation_faults", {})
    return noted.setdefault(what, {})


def _check_settings(_: Sphinx, config: Config) -> None:
    for name in ("flask_application", "flask_openapi"):
        if not isinstance(getattr(config, name), str):
            raise ConfigError(f"{name} is a string, not {getattr(config, name)!r}")
    for name in ("documented_packages", "documented_except"):
        if isinstance(getattr(config, name), str) or not all(isinstance(each, str) for each in getattr(config, name)):
            raise ConfigError(f"{name} is a list of names, not {getattr(config, name)!r}")


def _load_application(app: Sphinx) -> None:
    APPLICATION.set(None)
    if app.config.flask_application:
        try:
            APPLICATION.set(load(app.config.flask_application))
        except DocumentationError as error:
            raise ConfigError(f"flask_application: {error}") from error


def _forget(_: Sphinx, env: BuildEnvironment, page: str) -> None:
    for what in ("unresolved", "page"):
        _noted(env, what).pop(page, None)


def _merge(_: Sphinx, env: BuildEnvironment, pages: set[str], other: BuildEnvironment) -> None:
    for what in ("unresolved", "page"):
        read = _noted(other, what)
        _noted(env, what).update({page: read[page] for page in pages if page in read})


def _read_again(
    _: Sphinx, env: BuildEnvironment, _added: set[str], _changed: set[str], removed: set[str]
) -> Sequence[str]:
    """Read pages with faults again: what was missing may be there now, and what Sphinx warned of is said again."""
    return [page for what in ("unresolved", "page") for page in _noted(env, what) if page not in removed]


def _look_at_page(app: Sphinx, doctree: nodes.document) -> None:
    if not any(map(_is_content, doctree.findall())):
        _noted(app.env, "page")[app.env.docname] = ["the page is empty: it has nothing but its titles"]


def _is_content(node: nodes.Node) -> bool:
    if isinstance(node, SHOWN):
        return True
    if not isinstance(node, nodes.Text) or not node.strip():
        return False
    parent = node.parent
    while parent is not None:
        if isinstance(parent, NOT_SHOWN):
            return False
        parent = parent.parent
    return True


def _missing_paths() -> Iterator[Path]:
    """Yield the folders on `sys.path` that do not exist, but those of Python itself and of PYTHONPATH."""
    given = {Path(path).absolute() for path in os.environ.get("PYTHONPATH", "").split(os.pathsep)}
    for path in map(Path, dict.fromkeys(map(str, sys.path))):
        own = any(map(path.is_relative_to, (sys.prefix, sys.base_prefix, sys.exec_prefix)))
        known = own or path in given or path.suffix in (".zip", ".egg")
        if path.is_absolute() and not known and not path.exists():
            yield path


def _report(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of each fault, and remember that there was one."""
    config = app.config
    found: list[tuple[str, str, str | None]] = [
        ("path", f"{path} is on sys.path and does not exist: name it from conf.py's __file__", None)
        for path in _missing_paths()
    ]
    for what in ("page", "unresolved"):
        found += [
            (what, sentence, page) for page, sentences in sorted(_noted(env, what).items()) for sentence in sentences
        ]
    pages = {name for name, entry in env.get_domain("py").data["objects"].items() if not entry.aliased}
    for package in config.documented_packages:
        found += [("name", sentence, None) for sentence in faults(package, pages, config.documented_except)]
    application = APPLICATION.get()
    if application is not None:
        found += [("route", sentence, None) for sentence in _faults_of_routes(application, config.documented_except)]
    suppressed = [each for each in found if logging.is_suppressed_warning(TYPE, each[0], config.suppress_warnings)]
    for what, sentence, page in found:
        # What autodoc could not import it has said itself, in this build: the page was read again.
        if what != "unresolved":
            log.warning(sentence, type=TYPE, subtype=what, location=page)
    app.documentation_faults_found = len(found) - len(suppressed)  # type: ignore[attr-defined]


def _faults_of_routes(application: Any, allowed: Sequence[str]) -> Iterator[str]:
    found = [route for route in routes(application) if route.endpoint not in allowed]
    for route in found:
        if route.view is None:
            yield f"{route} has no view: its endpoint {route.endpoint} was given none"
        elif not route.docstring:
            yield f"{route} ({route.endpoint}) has no docstring"
    for route, first in unreachable(found):
        yield f"{route} ({route.endpoint}) is never reached: {first} ({first.endpoint}) comes before it"


def _finish(app: Sphinx, exception: Exception | None) -> None:
    """Write the OpenAPI description, and fail the build where there are faults."""
    if exception is None and app.config.flask_openapi and app.builder.format == "html":
        application = APPLICATION.get()
        if application is None:
            raise ConfigError("flask_openapi needs an application: set flask_application in conf.py")
        description: Mapping[str, Any] = openapi(
            application,
            title=app.config.project,
            version=app.config.release or "0",
        )
        Path(app.outdir, app.config.flask_openapi).write_text(json.dumps(description, indent=2) + "\n", "utf-8")
    if getattr(app, "documentation_faults_found", 0):
        app.statuscode = 1
