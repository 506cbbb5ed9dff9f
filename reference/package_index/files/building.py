"""Build a project's wheel and source distribution by its own PEP 517 backend, and return the files that it reports."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from build import BuildBackendException, BuildException, FailedProcessError, ProjectBuilder
from build.env import DefaultIsolatedEnv

from reference.package_index.errors import BadInput, BuildFailed

WHEEL_AND_SDIST: tuple[Literal["sdist", "wheel"], ...] = ("sdist", "wheel")


def build(source: Path, output: Path, *, python: Path | None = None, isolated: bool = True) -> list[Path]:
    """Build a source distribution and a wheel.

    Args:
        source: Folder of the project, with its `pyproject.toml`.
        output: Folder for the files.
        python: Interpreter whose environment has the backend, for a build without isolation; by default this one.
        isolated: Whether to install the backend into a new environment, from the index that pip is configured for.

    Returns:
        The files that the backend reports.

    Raises:
        BadInput: The folder has neither `pyproject.toml` nor `setup.py`.
        BuildFailed: The backend failed, or reported a file that does not exist.
    """
    if not (source / "pyproject.toml").is_file() and not (source / "setup.py").is_file():
        raise BadInput(f"{source} is no project: it has no pyproject.toml")
    said: list[str] = []
    try:
        with _builder(source, python, isolated and python is None, said) as builder:
            files = [Path(builder.build(kind, output)) for kind in WHEEL_AND_SDIST]
    except (BuildException, BuildBackendException, FailedProcessError, subprocess.CalledProcessError) as error:
        # If the build environment could not be created, pip's output is in the error itself.
        printed = "\n".join([*said, _decoded(error)])
        last = next((line for line in reversed(printed.splitlines()) if line.strip()), str(error))
        raise BuildFailed(f"{source} cannot be built: {last.strip()[:300]}") from error
    for file in files:
        if not file.is_file():
            raise BuildFailed(f"the build backend of {source} reports {file.name}, which does not exist")
    return files


def _decoded(error: Exception) -> str:
    """Return what a failed process printed on standard error; empty if that was not captured."""
    printed = getattr(error, "stderr", None) or b""
    return printed if isinstance(printed, str) else bytes(printed).decode(errors="replace")


@contextmanager
def _builder(source: Path, python: Path | None, isolated: bool, said: list[str]) -> Generator[ProjectBuilder]:
    def run(cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None) -> None:
        # The backend's output is kept for an error message; the command's own output lists only files.
        done = subprocess.run(
            cmd,
            cwd=cwd,
            env={**os.environ, **(extra_environ or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        said.append(done.stdout)
        done.check_returncode()

    if not isolated:
        yield ProjectBuilder(source, python_executable=str(python or sys.executable), runner=run)
        return
    with contextlib.ExitStack() as stack:
        environment = stack.enter_context(DefaultIsolatedEnv())
        builder = ProjectBuilder.from_isolated_env(environment, source, runner=run)
        environment.install(builder.build_system_requires)
        for kind in WHEEL_AND_SDIST:
            environment.install(builder.get_requires_for_build(kind))
        yield builder
