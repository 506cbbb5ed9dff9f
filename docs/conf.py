"""The site: `sphinx-build -W -b html docs docs/_build/html` (`tox -e docs`). Needs no network."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

project = "Executable Documents"
author = "the authors of Executable Documents"
project_copyright = author

extensions = [
    "docs.pages",  # writes a page a document
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_build"]
myst_enable_extensions = ["deflist"]

# `name` in a docstring leads to what it names, where that is on a page; elsewhere it stays code.
default_role = "py:obj"
# Two libraries may have a name each of their own; a plain `BadInput` is then that of the library on the page.
suppress_warnings = ["ref.python"]

add_module_names = False
autodoc_default_options = {"member-order": "bysource"}
autodoc_typehints_format = "short"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
# As fields of the class, not beside the attributes that autodoc finds.
napoleon_use_ivar = True

html_theme = "furo"
html_title = "Executable Documents"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_copy_source = False
