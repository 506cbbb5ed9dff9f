"""Sphinx documentation of a Flask service that cannot be empty, outdated or incomplete without the build failing.

The document says: with autodoc and napoleon, Sphinx makes pages of a service's docstrings, next to its code and
reviewed with it.

**What holds.** The layout of `sphinx-quickstart`, the two extensions, a page for each package, and the script that
builds them all.

**What is corrected.**

- The path on `sys.path` comes from the place of conf.py, not from one machine's home. Where the code cannot be
  imported, Sphinx only warns, exits with 0 and writes a page without its classes: here the build fails.
- The published class has a type for the default of its fields, which the page shows as `<class 'dict'>` and a call
  trips over; the build names such a field. Its base class is a dataclass, so that the URL of HTTPBin can be set.
- The script builds from whatever folder it is called in, and its status is the build's.

**What is added.** `flask-routes`, a directive that shows the routes of an application with its views' docstrings and
the HTTP errors that they name; an OpenAPI description of the same; and the faults that fail a build: an empty page, a
name that autodoc could not import, a path that does not exist, a public name without a docstring or on no page, a
route without a docstring or never reached. They fail incremental and parallel builds as well.

In conf.py::

    extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "reference.sphinx_documentation"]
    flask_application = "shop:create_app()"
    flask_openapi = "openapi.json"          # optional: written beside the pages
    documented_packages = ["shop"]
    documented_except = ["shop.legacy.*"]   # optional

On a page::

    .. flask-routes::
       :blueprints: orders

On the command line::

    sphinx-documentation new shop
    sphinx-documentation check docs/source --package shop --app 'shop:create_app()'
    sphinx-documentation routes 'shop:create_app()'
    sphinx-documentation openapi 'shop:create_app()' > openapi.json
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from sphinx.application import Sphinx

    from .application import load
    from .checking import check
    from .errors import BadInput, DocumentationError, NotImportable
    from .routes import Parameter, Problem, Route
    from .scaffold import create

_MODULES = {
    "BadInput": "errors",
    "DocumentationError": "errors",
    "NotImportable": "errors",
    "Parameter": "routes",
    "Problem": "routes",
    "Route": "routes",
    "check": "checking",
    "create": "scaffold",
    "load": "application",
}

__all__ = [
    "BadInput",
    "DocumentationError",
    "NotImportable",
    "Parameter",
    "Problem",
    "Route",
    "check",
    "create",
    "load",
    "setup",
]

__getattr__ = import_at_first_use(__name__, _MODULES)


def setup(app: Sphinx) -> dict[str, Any]:
    """Set the Sphinx extension up; Sphinx calls it where `extensions` names this package."""
    from .extension import setup

    return setup(app)
