"""Fixtures of the scenario: the project on somebody's machine, its service, and its classes."""

from importlib import import_module
from pathlib import Path

import pytest

from fixtures.serving import Served
from scenarios.sphinx_documentation.projects import AUTHORS, PACKAGES, Project


@pytest.fixture
def project(way, tmp_path):
    """The project in a home that is not its author's."""
    return Project(way, tmp_path / "colleague", Path("work/service"))


@pytest.fixture
def authors_project(way, tmp_path):
    """The project on the machine of its author."""
    return Project(way, tmp_path / "author", AUTHORS)


@pytest.fixture(scope="module")
def documented(tmp_path_factory):
    """The corrected project, documented by its script."""
    project = Project("corrected", tmp_path_factory.mktemp("documented"), Path("work/service"))
    built = project.run("./docs.sh")
    assert built.returncode == 0, built.stderr
    return project


@pytest.fixture
def requests_to_httpbin(way):
    """The module of the classes that make requests to HTTPBin."""
    return import_module(f"{PACKAGES[way]}.service.httpbin")


@pytest.fixture
def service(project, httpbin, tmp_path):
    """The service under gunicorn, in front of HTTPBin."""
    options = ["--pythonpath", str(project.folder), "--no-control-socket"]
    served = Served("service:create_app()", tmp_path, {"HTTPBIN": httpbin.url}, threads=4, options=options)
    yield served
    served.close()
