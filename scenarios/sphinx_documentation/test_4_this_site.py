"""The documentation of this project itself: built as the document builds its own, from code that is tested."""

import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
import typer

from scenarios.sphinx_documentation.links import dead_links

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
# Pictures made of characters, and what Sphinx itself reads.
NOT_CODE = {"text", "figure", "image", "include", "glossary", "toctree", "eval-rst"}
BLOCK = re.compile(r"^```\{?([\w-]+)\}?[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built with warnings as errors."""
    pages = tmp_path_factory.mktemp("site") / "html"
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", "docs", str(pages)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert (built.returncode, built.stderr) == (0, "")
    return pages


def blocks(language):
    """Yield each code block of a language with the name of its page."""
    for page in PAGES:
        for found, code in BLOCK.findall(page.read_text()):
            if found == language:
                yield page.name, code


@pytest.mark.claim("sphinx-6")
@pytest.mark.timeout(600)
def test_site_has_a_page_for_each_document_and_library(site):
    for scenario in sorted(ROOT.glob("scenarios/*/claims.toml")):
        page = (site / "documents" / f"{scenario.parent.name}.html").read_text()
        library = ROOT / "reference" / scenario.parent.name
        assert ('<span class="sig-name' in page) == (library / "__init__.py").exists()


@pytest.mark.claim("sphinx-6")
@pytest.mark.timeout(600)
def test_links_within_the_site_lead_somewhere(site, evidence):
    followed, dead = dead_links(site)

    evidence.json("Links within the site", {"followed": followed, "dead": dead})
    assert followed > 1000
    assert dead == []


@pytest.mark.claim("sphinx-6")
def test_language_of_every_code_block_is_checked():
    found = {language for page in PAGES for language, _ in BLOCK.findall(page.read_text())}

    assert found - NOT_CODE == {"console", "python", "toml"}


@pytest.mark.claim("sphinx-6")
@pytest.mark.parametrize("language", ["python", "toml"])
def test_code_blocks_are_lines_of_tested_files(language):
    """A block of `>>>` lines is run by the tests of the pages."""
    files = [*ROOT.glob("scenarios/*/*.py"), *ROOT.glob("scenarios/*/*.toml")]
    lines = {line.strip() for file in files for line in file.read_text().splitlines()}
    written = [(page, code) for page, code in blocks(language) if not code.startswith(">>> ")]

    assert written
    for page, code in written:
        shown = [re.sub(r"  +# .*", "", line).strip() for line in code.splitlines()]
        assert [line for line in shown if line and line not in lines] == [], page


@pytest.mark.claim("sphinx-6")
def test_commands_of_console_blocks_exist():
    commands = [line[2:].split() for _, code in blocks("console") for line in code.splitlines() if line[:2] == "$ "]

    assert len(commands) > 10
    for program, *words in commands:
        assert program in {"make", "pip", "psql", "export", "#", *SCRIPTS}
        if program in SCRIPTS:
            module, _, app = SCRIPTS[program].partition(":")
            command = typer.main.get_command(getattr(import_module(module), app))
            if subcommands := getattr(command, "commands", None):
                assert words[0] in subcommands
        elif program == "make":
            assert f"\n{words[0]}:" in (ROOT / "Makefile").read_text()
