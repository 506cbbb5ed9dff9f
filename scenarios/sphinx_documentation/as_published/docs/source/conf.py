import sys
from pathlib import Path

project = "service"
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "alabaster"

path = Path.home() / "Personal" / "sphinx"
sys.path.insert(0, str(path))
