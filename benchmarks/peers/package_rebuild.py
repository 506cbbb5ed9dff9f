"""dumb-pypi 1.15: a full rebuild of the pages of an index with so many files, in a process that has it imported."""

import json
import os
from functools import cache
from pathlib import Path

from dumb_pypi.main import main
from protocol import serve, timed

FILES_A_PROJECT = 10


@cache
def listed(files: int) -> Path:
    """Return the list of files that dumb-pypi makes the pages from."""
    path = Path(os.environ["BENCHMARK_TABLES"]) / f"packages-{files}.json"
    names = (f"project_{n // FILES_A_PROJECT}-1.{n % FILES_A_PROJECT}-py3-none-any.whl" for n in range(files))
    facts = {"hash": "sha256=" + "0" * 64, "requires_python": ">=3.11", "upload_timestamp": 1}
    path.write_text("".join(json.dumps({"filename": name, **facts}) + "\n" for name in names))
    return path


def rebuild(files: int) -> tuple[float, int]:
    """Time a rebuild into a folder; the checksum is the number of projects that have a page."""
    pages = Path(os.environ["BENCHMARK_TABLES"]) / f"pages-{files}"
    words = ["--package-list-json", str(listed(files)), "--packages-url", "../../packages", "--output-dir", str(pages)]
    seconds, _ = timed(lambda: main(words))
    return seconds, sum(1 for _ in (pages / "simple").glob("*/index.html"))


if __name__ == "__main__":
    serve({"rebuild": rebuild})
