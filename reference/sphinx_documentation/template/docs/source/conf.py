"""Settings of the documentation; every path is found from this file, on whatever machine it is built."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

project = "service"
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.autosummary",
    "reference.sphinx_documentation",
]
html_theme = "furo"

default_role = "py:obj"
autodoc_default_options = {"members": True, "member-order": "bysource", "show-inheritance": True}
napoleon_use_ivar = True

flask_application = "service:create_app()"
flask_openapi = "openapi.json"
documented_packages = ["service"]
