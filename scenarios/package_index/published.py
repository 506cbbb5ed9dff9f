"""The document's way: the same commands, keys and policy, in the same order, in our own code.

Only where the bucket is, which programs are run, and how the built file's name is taken from Poetry's output can be set
from outside: `by_position` is as published.
"""

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TEAM = "devtools"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "ReadIndex",
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::BUCKET/*",
        }
    ],
}


def by_position(output: str) -> str:
    """Take the third word of the third line, as published."""
    lines = [line.split() for line in output.splitlines()]
    return lines[2][2] if len(lines) > 2 and len(lines[2]) > 2 else ""


def by_name(output: str) -> str:
    """Take the word that is the name of a source distribution."""
    return next(word for word in output.split() if word.endswith(".tar.gz"))


def variables() -> dict[str, str]:
    """Return this process's variables, without the one that makes programs compile their modules at each start."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass
class Deployment:
    """The script, run in the checkout of one project."""

    checkout: Path
    project: str
    s3: Any
    bucket: str
    url: str
    poetry: Path
    dumb_pypi: Path
    cut: Callable[[str], str] = by_position

    @property
    def list(self) -> Path:
        return self.checkout / "packages"

    def deploy(self) -> None:
        """Run all of it; like a shell script without `set -e`, it goes on after a command that failed."""
        self.publish(self.build())

    def build(self) -> str:
        words = [self.poetry, "build"]
        built = subprocess.run(words, cwd=self.checkout, env=variables(), capture_output=True, text=True, check=False)
        return self.cut(built.stdout)

    def publish(self, package: str) -> None:
        """Publish a built file: everything after the build."""
        known = self.list.read_text().splitlines() if self.list.exists() else []
        self.list.write_text("".join(f"{line}\n" for line in sorted({*known, package})))

        file = self.checkout / "dist" / package
        if file.is_file():
            self.s3.put_object(
                Bucket=self.bucket, Key=f"packages/{TEAM}/{self.project}/{package}", Body=file.read_bytes()
            )

        pages = self.checkout / "index"
        subprocess.run(
            [
                self.dumb_pypi,
                *("--package-list", self.list),
                *("--packages-url", f"{self.url}/packages/{TEAM}/{self.project}"),
                *("--output-dir", pages),
            ],
            env=variables(),
            capture_output=True,
            check=False,
        )
        for page in (path for path in pages.rglob("*") if path.is_file()):
            key = f"dumb-pypi/{TEAM}/index/{page.relative_to(pages).as_posix()}"
            kind = {"ContentType": "text/html"} if page.suffix == ".html" else {}
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=page.read_bytes(), **kind)
