"""pip, uv and poetry, each installing into a clean environment of its own."""

import os
import subprocess
import sys
from pathlib import Path

from uv import find_uv_bin


class InstallFailed(Exception):
    """An installer ended with an error; the message is the end of its output."""


class CleanEnvironment:
    """An environment without packages, and the installers that install into it.

    No variable and no configuration file of this machine reaches them: they know the indexes that a test names.

    Args:
        folder: Folder for the environment, caches and projects.
        tools: The environment that has pip and poetry.
    """

    def __init__(self, folder: Path, tools) -> None:
        self.folder = folder
        self.tools = tools
        self.output = ""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "POETRY_"))}
        # The tools keep their compiled modules: without them Poetry starts twice as slowly.
        for name in ("VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE"):
            kept.pop(name, None)
        self.variables = {
            **kept,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_INPUT": "1",
            "PIP_NO_CACHE_DIR": "1",
            "PIP_RETRIES": "0",
            "UV_NO_CONFIG": "1",
            "UV_CACHE_DIR": str(folder / "uv"),
            "UV_PYTHON_DOWNLOADS": "never",
            "POETRY_CACHE_DIR": str(folder / "poetry cache"),
            "POETRY_CONFIG_DIR": str(folder / "poetry"),
            "POETRY_VIRTUALENVS_IN_PROJECT": "1",
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        }
        self._uv("venv", "--quiet", "--python", sys.executable, str(self.environment))

    @property
    def environment(self) -> Path:
        return self.folder / "environment"

    @property
    def python(self) -> Path:
        return self.environment / "bin" / "python"

    def pip(self, *words: str) -> str:
        """Install by pip; return its output."""
        python, target = str(self.tools.python), str(self.python)
        return self._run(python, "-m", "pip", "--python", target, "install", *words)

    def uv(self, *words: str) -> str:
        """Install by uv."""
        return self._uv("pip", "install", "--python", str(self.python), *words)

    def uv_project(self, configuration: str) -> str:
        """Lock and install a project of uv's."""
        project = self.folder / "project"
        project.mkdir()
        (project / "pyproject.toml").write_text(configuration)
        self.variables["UV_PROJECT_ENVIRONMENT"] = str(self.environment)
        return self._uv("sync", "--python", sys.executable, "--project", str(project))

    def poetry(self, configuration: str, *words: str) -> str:
        """Run Poetry in a project that installs into the clean environment."""
        project = self.folder / "project"
        project.mkdir(exist_ok=True)
        (project / "pyproject.toml").write_text(configuration)
        self.variables["VIRTUAL_ENV"] = str(self.environment)
        return self._run(str(self.tools.program("poetry")), "-n", "-C", str(project), *words)

    def evaluate(self, code: str) -> str:
        """Return what some code prints in the environment."""
        return self._run(str(self.python), "-c", code).strip()

    def _uv(self, *words: str) -> str:
        return self._run(find_uv_bin(), *words)

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command, env=self.variables, cwd=self.folder, capture_output=True, text=True, timeout=120, check=False
        )
        self.output = done.stdout + done.stderr
        if done.returncode != 0:
            raise InstallFailed(self.output[-2000:])
        return self.output
