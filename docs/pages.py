"""Write a page for each document before Sphinx reads: from the ledger, the published results and the code."""

from __future__ import annotations

import ast
import difflib
import inspect
import os
import re
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from sphinx.application import Sphinx
from typer.cli import get_docs_for_click

from fixtures.claims.ledger import Document, read
from fixtures.claims.publishing import tables
from fixtures.claims.publishing.results import Results, found, published

TEMPLATE = "document.md.jinja"
MOST_LINES = 40  # a table with more lines is offered as a download instead


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the pages at the start of each build."""
    app.connect("builder-inited", _write)
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-skip-member", _not_its_own)
    app.connect("html-page-context", _mend_links_of_sources)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _write(app: Sphinx) -> None:
    source = Path(app.srcdir)
    write(source.parent, source / "documents")


def _not_its_own(_app: Sphinx, _what: str, _name: str, it: object, _skipped: bool, _options: object) -> bool | None:
    # autodoc takes an imported C function for a member of the importing module.
    return True if inspect.isbuiltin(it) else None


def _mend_links_of_sources(app: Sphinx, page: str, _template: str, context: dict[str, Any], _tree: object) -> None:
    """Lead the links of a page of source code to where its names are documented.

    The extension viewcode leads all names of a module to the package that exports one of them, and lists the built-in
    module, which has no page.
    """
    if page == "_modules/index":
        context["body"] = re.sub(r'<li><a href="builtins.html">builtins</a></li>', "", context["body"])
    elif page.startswith("_modules/"):
        documented = app.env.domains.python_domain.objects
        module = page.removeprefix("_modules/").replace("/", ".")

        def mended(link: re.Match[str]) -> str:
            parts = link[1].split(".")
            names = [link[1], *(".".join([module, *parts[-last:]]) for last in (1, 2))]
            return f'#{next((name for name in names if name in documented), link[1])}"'

        context["body"] = re.sub(r'#(reference\.[\w.]+)"', mended, context["body"])


def write(root: Path, folder: Path) -> list[Path]:
    """Write a page for each document of a project, and remove the pages of documents that no longer exist.

    Args:
        root: The project's root.
        folder: The folder of the pages.

    Returns:
        The paths of the pages.
    """
    # Markdown needs no escaping of HTML.
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = templates.get_template(TEMPLATE)
    results = found(published(root))
    pages = {
        folder / f"{document.name}.md": template.render(_context(document, results, root, folder))
        for document in read(root / "scenarios").documents.values()
    }
    folder.mkdir(exist_ok=True)
    for page in folder.glob("*.md"):
        if page not in pages:
            page.unlink()
    for page, text in pages.items():
        # An unchanged page keeps its modification time, so that Sphinx does not read it again.
        if not page.exists() or page.read_text() != text:
            page.write_text(text)
    return list(pages)


def _context(document: Document, results: Results | None, root: Path, folder: Path) -> dict[str, Any]:
    scenario = root / "scenarios" / document.name
    source = scenario / "published.py"
    return {
        "document": document,
        "ledger": tables.claims(document, results),
        "evidence": list(_evidence(document, results, root, folder)),
        "story": [
            {"path": path.relative_to(root), "says": (_docstring(path) or "").partition("\n")[0]}
            for path in sorted(scenario.glob("test_*.py"))
        ],
        "published": source.relative_to(root) if source.exists() else None,
        "corrections": list(_corrections(document, root)),
        "modules": list(_modules(document, root)),
        "commands": dict(_commands(document, root)),
        "up": os.path.relpath(root, folder),
    }


def _evidence(document: Document, results: Results | None, root: Path, folder: Path) -> Iterator[dict[str, str]]:
    """Yield the evidence that tests kept, with the text of short tables; equal titles get the name of their test."""
    for claim in document.claims if results else ():
        said = results.claims.get(claim.id, {}) if results else {}
        pieces = said.get("evidence", ())
        titles = [piece["title"] for piece in pieces]
        for piece in pieces:
            path = published(root) / piece["path"]
            text = path.read_text() if piece["type"] == "table" else ""
            title, test = piece["title"], piece.get("test", "")
            if titles.count(title) > 1 and test:
                title += f" ({test.rpartition('::')[2].removeprefix('test_').replace('_', ' ').replace('[', ' [')})"
            yield {
                **piece,
                "title": title,
                "claim": claim.id,
                "path": os.path.relpath(path, folder),
                "text": text if text.count("\n") <= MOST_LINES else "",
            }


def _corrections(document: Document, root: Path) -> Iterator[dict[str, str]]:
    """Yield the diff of each published artifact: a file `as_published/NAME` and the library's file of that name."""
    folder = root / "scenarios" / document.name / "as_published"
    for file in sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        name = str(file.relative_to(folder))
        [corrected] = (root / "reference" / document.name).rglob(name)
        before, after = (path.read_text().splitlines() for path in (file, corrected))
        lines = difflib.unified_diff(before, after, "published", "corrected", n=2, lineterm="")
        yield {"name": name, "path": str(corrected.relative_to(root)), "diff": "\n".join(lines)}


def _modules(document: Document, root: Path) -> Iterator[dict[str, Any]]:
    """Yield the modules of a library, the package first; a name that the package exports is documented only there."""
    package = root / "reference" / document.name
    exported: list[str] = []
    for path in sorted(package.rglob("*.py"), key=lambda path: (path.parent, path.name != "__init__.py", path.name)):
        if path.name == "cli.py" or (path.name.startswith("_") and path.name != "__init__.py"):
            continue
        # A folder that is no package holds files that the library hands out, such as a template.
        if not all(
            (folder / "__init__.py").exists() for folder in path.parents if package in (folder, *folder.parents)
        ):
            continue
        parts = path.relative_to(root).with_suffix("").parts
        name = ".".join(parts).removesuffix(".__init__")
        # Where a module has the name of an exported function in it, links by that name lead to the function.
        yield {"name": name, "shown_above": exported, "linked": path.stem not in exported}
        exported = exported or _exports(path)


def _exports(path: Path) -> list[str]:
    for node in ast.parse(path.read_text()).body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=names):
                return list(ast.literal_eval(names))
    return []


def _docstring(path: Path) -> str | None:
    return ast.get_docstring(ast.parse(path.read_text()))


def _commands(document: Document, root: Path) -> Iterator[tuple[str, str]]:
    """Yield each console script of a library with what its commands and options say for `--help`."""
    file = root / "pyproject.toml"
    scripts = tomllib.loads(file.read_text())["project"].get("scripts", {}) if file.exists() else {}
    described: set[str] = set()
    for name, target in scripts.items():
        if target.startswith(f"reference.{document.name}."):
            yield name, "" if target in described else _described(name, target)
            described.add(target)


def _described(name: str, target: str) -> str:
    module, _, app = target.partition(":")
    command = typer.main.get_command(getattr(import_module(module), app))
    described = get_docs_for_click(obj=command, ctx=typer.Context(command), name=name, indent=2)
    # Typer also lists the commands with the beginnings of their sentences, which follow in full.
    return re.sub(r"\*\*Commands\*\*:\n\n(\* .*\n)+", "", described)
