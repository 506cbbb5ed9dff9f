"""Projects to publish: the document's `common`, with a function that other services import."""

from pathlib import Path

from fixtures.distributions import sdist, wheel
from reference.package_index import Distribution

HISTOGRAM = """\
def create_histogram(name, boundaries=(1, 5, 10)):
    counts = [0] * (len(boundaries) + 1)

    def record(value):
        counts[sum(value > boundary for boundary in boundaries)] += 1
        return counts

    record.name = name
    return record


ORIGIN = "{origin}"
"""
PYPROJECT = """\
[project]
name = "common"
version = "{version}"
description = "A collection of utilities"
requires-python = ">=3.11"

[build-system]
requires = ["poetry-core>=2.0"]
build-backend = "poetry.core.masonry.api"
"""


def common(version="0.1.2", origin="ours", **settings) -> Distribution:
    """Return a wheel of `common` that says where it comes from."""
    return made("common", version, origin, **settings)


def made(name, version="1.0", origin="ours", **settings) -> Distribution:
    """Return a wheel of a project."""
    return Distribution.from_bytes(*wheel(name, version, HISTOGRAM.format(origin=origin), **settings))


def source(name, version="1.0") -> Distribution:
    """Return a source distribution of a project."""
    return Distribution.from_bytes(*sdist(name, version))


def poetry_project(folder: Path, version="0.1.2") -> Path:
    """Create a project of Poetry's and return its folder."""
    package = folder / "common"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(HISTOGRAM.format(origin="ours"))
    (folder / "pyproject.toml").write_text(PYPROJECT.format(version=version))
    return folder
