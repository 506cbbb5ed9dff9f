"""The documentation of the service: what quickstart creates, the pages, and the script that builds them anew."""

import json
import re

import pytest
import requests

TREE = {
    "build",
    "make.bat",
    "Makefile",
    "source",
    "source/conf.py",
    "source/index.rst",
    "source/_static",
    "source/_templates",
}
# Separate folders, the project's name, its author, the release, the language.
ANSWERS = "y\nservice\nsomebody\n\n\n"


@pytest.mark.claim("sphinx-7")
def test_quickstart_creates_the_published_folders(project, evidence):
    docs = project.folder / "new"
    docs.mkdir()

    asked = project.run("sphinx-quickstart", folder=docs, answers=ANSWERS)
    created = {path.relative_to(docs).as_posix() for path in docs.rglob("*")}
    built = project.run("sphinx-build", "-W", "source/", "build/html/", folder=docs)

    assert asked.returncode == 0, asked.stderr
    assert "Separate source and build directories (y/n)" in asked.stdout
    assert created == TREE
    assert not any(any((docs / folder).iterdir()) for folder in ("source/_static", "source/_templates"))
    assert built.returncode == 0, built.stderr
    assert (docs / "build/html/index.html").exists()
    evidence.text("The tree", "\n".join(sorted(created)))


@pytest.mark.claim("sphinx-2")
def test_script_builds_a_page_for_each_package(documented):
    index, text = documented.text("index.html"), documented.text("httpbin.html")

    assert "It receives a request, works for half a second" in index
    assert "Contents:" in index
    for page, title in {"httpbin.html": "HttpBin Module", "service.html": "The service"}.items():
        assert f'href="{page}">{title}</a>' in documented.source("index.html")
    assert "Requests to HTTPBin, each an object of a class." in text
    assert "A POST request to HTTPBin, with query parameters and a JSON body." in text
    # Google style, as napoleon renders it.
    assert re.search(r"Variables: params \(dict\[str, Any\]\) \W Query parameters\.", text)
    assert "Attributes:" not in text


@pytest.mark.claim("sphinx-2")
def test_script_run_again_shows_a_changed_docstring(documented, tmp_path):
    """From another folder than the project's."""
    assert "A POST request to HTTPBin, with query parameters" in documented.text("httpbin.html")
    documented.edit("service/httpbin.py", "A POST request to HTTPBin, with", "A POST, sent to HTTPBin, with")

    built = documented.run(documented.folder / "docs.sh", folder=tmp_path)

    assert built.returncode == 0, built.stderr
    assert "A POST, sent to HTTPBin, with query parameters" in documented.text("httpbin.html")
    assert "A POST request to HTTPBin" not in documented.text("httpbin.html")


@pytest.mark.claim("sphinx-2")
def test_pages_show_routes_with_their_errors(documented, service):
    answered = requests.get(f"{service.url}/nowhere", timeout=20)
    text = documented.text("service.html")
    described = json.loads((documented.pages / "openapi.json").read_text())

    assert "POST /post" in text
    assert "Post foo, as a query parameter and as JSON, and return what HTTPBin answers." in text
    assert "Errors, as application/problem+json: 502 Bad Gateway: HTTPBin does not answer" in text
    assert answered.headers["Content-Type"] == "application/problem+json"
    assert list(described["paths"]["/post"]["post"]["responses"]["502"]["content"]) == ["application/problem+json"]


class TestTheDefaultsOnThePage:
    """The page of a class shows the defaults of its fields."""

    @pytest.mark.claim("sphinx-4", "page", shows="published", fails_with="assert .params: dict")
    def test_published_page_shows_a_type_in_strict_mode(self, authors_project, evidence):
        built = authors_project.build("-W")

        assert built.returncode == 0, built.stderr
        text = authors_project.text("httpbin.html")
        assert "params: dict[str, ~typing.Any]=<class 'dict'>" in text
        evidence.text("The signature", text[text.index("class service.httpbin") :].partition("¶")[0])

    @pytest.mark.claim("sphinx-4", "page", shows="corrected", fails_with="assert .<class 'dict'>. not in")
    def test_corrected_page_shows_no_type_for_a_default(self, authors_project):
        built = authors_project.build("-W")

        assert built.returncode == 0, built.stderr
        text = authors_project.text("httpbin.html")
        assert "class service.httpbin.HttpBinPost(" in text
        assert "<class 'dict'>" not in text

    @pytest.mark.claim("sphinx-4", "page", shows="corrected", fails_with="occurs 0 times")
    def test_corrected_build_names_a_type_for_a_default(self, authors_project):
        authors_project.edit(
            "service/httpbin.py",
            "params: dict[str, Any] = dataclasses.field(default_factory=dict)",
            "params: dict[str, Any] = dataclasses.field(default=dict)",
        )

        built = authors_project.build("-q")

        assert built.returncode == 1
        assert "service.httpbin.HttpBinPost.params has the type dict itself for its default" in built.stderr


class TestAnotherMachine:
    """The project is cloned into a folder that its author does not have."""

    @pytest.mark.claim("sphinx-5", "page", shows="published", fails_with="No module named 'service'")
    def test_published_page_is_empty_in_a_green_build(self, project, evidence):
        built = project.build()

        assert built.returncode == 0
        assert "No module named 'service'" in built.stderr
        assert "HttpBinPost" not in project.text("httpbin.html")
        evidence.text("What the build says", built.stderr)
        evidence.text("What the page says", project.text("httpbin.html"))

    @pytest.mark.claim("sphinx-5", "page", shows="corrected", fails_with="No module named 'service'")
    def test_corrected_page_has_the_class_on_every_machine(self, project):
        built = project.build()

        assert "No module named 'service'" not in built.stderr
        assert (built.returncode, built.stderr) == (0, "")
        assert "A POST request to HTTPBin, with query parameters" in project.text("httpbin.html")


class TestCodeThatCannotBeImported:
    """A package that the service needs is not installed where the pages are built."""

    @pytest.mark.claim("sphinx-5", "status", shows="published", fails_with="assert 2 == 0")
    def test_published_build_succeeds_without_the_code(self, authors_project):
        authors_project.edit("service/httpbin.py", "import requests", "import not_installed_here")

        built = authors_project.build()

        assert built.returncode == 0
        assert "No module named 'not_installed_here'" in built.stderr

    @pytest.mark.claim("sphinx-5", "status", shows="corrected", fails_with="assert 0 == 2")
    def test_corrected_build_fails_without_the_code(self, authors_project):
        authors_project.edit("service/httpbin.py", "import requests", "import not_installed_here")

        built = authors_project.build()

        assert built.returncode == 2
        assert "No module named 'not_installed_here'" in built.stderr
        assert "flask_application: " in built.stderr
