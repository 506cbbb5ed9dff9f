"""Other package indexes, each filled with the same files by its own command, and asked what it offers."""

import contextlib
import hashlib
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import requests

from fixtures.distributions import metadata, sdist, wheel
from fixtures.file_server import serve_folder
from fixtures.services.runtimes.ports import free_ports
from fixtures.waiting import eventually

NEWEST = wheel("common", "0.1.2")
FILES = [
    sdist("common", "0.1.0"),
    wheel("common", "0.1.1", requires_python=">=3.11"),
    NEWEST,
    wheel("Common.Tools", "1.0"),
]
OTHER_CONTENT = wheel("common", "0.1.2", "OTHER = True")
JSON = "application/vnd.pypi.simple.v1+json"
FEATURES = [
    "pip installs",
    "pages are files, no server runs",
    "source distributions",
    "normalised names",
    "hashes",
    "requires-python",
    "core metadata (PEP 658)",
    "JSON (PEP 691)",
    "sizes and times (PEP 700)",
    "yanking (PEP 592)",
    "a name keeps its first content",
    "uploads over HTTP",
    "other names found elsewhere",
]


@dataclass
class Peer:
    """An index that is up.

    Attributes:
        url: URL of its first page.
        again: Publishes a file whose name is taken.
        yanks: Whether its command can yank a file, which `common` 0.1.1 then is.
        uploads: URL that files are uploaded to; that of the first page where there is none.
        serves: URL of the first page of a server of its own, which may send installers elsewhere; else as `url`.
        static: Whether its pages are files.
    """

    url: str
    again: Callable[[Path], None] | None
    yanks: bool
    uploads: str = ""
    serves: str = ""
    static: bool = True


@contextlib.contextmanager
def dumb_pypi(program: Path, folder: Path) -> Iterator[Peer]:
    """Make pages of a list; the files are the owner's business."""
    packages = folder / "packages"
    listed = []
    for name, body in FILES:
        _write(packages / name, body)
        listed.append({"filename": name, "hash": f"sha256={hashlib.sha256(body).hexdigest()}"})
    described = hashlib.sha256(metadata("common", "0.1.1", requires_python=">=3.11")).hexdigest()
    listed[1] |= {
        "requires_python": ">=3.11",
        "yanked_reason": "loses log lines",
        "core_metadata": f"sha256={described}",
    }
    (folder / "list").write_text("".join(json.dumps(each) + "\n" for each in listed))
    words = ["--package-list-json", folder / "list", "--packages-url", "../../packages", "--output-dir", folder]
    _run([program, *words])
    with serve_folder(folder) as url:
        yield Peer(f"{url}/simple/", None, yanks=True)


@contextlib.contextmanager
def simple503(program: Path, folder: Path) -> Iterator[Peer]:
    """Copy a folder of files, and make pages beside them."""
    given, made = folder / "given", folder / "made"
    for name, body in FILES:
        _write(given / name, body)

    def publish(path: Path | None = None) -> None:
        if path is not None:
            _write(given / path.name, path.read_bytes())
        _run([program, "--sort", "--copy", given, made])

    publish()
    with serve_folder(made) as url:
        yield Peer(f"{url}/", publish, yanks="yank" in _help(program))


@contextlib.contextmanager
def s3pypi(program: Path, folder: Path, bucket: str, endpoint: str, website: str) -> Iterator[Peer]:
    """Upload to a bucket, below a prefix; no table for locks is found."""
    for name, body in FILES:
        _write(folder / name, body)
    with serve_folder(folder) as elsewhere:
        variables = {**os.environ, "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL_DYNAMODB": elsewhere}

        def publish(*paths: Path) -> None:
            words = ["--bucket", bucket, "--prefix", "s3pypi", "--s3-endpoint-url", endpoint]
            _run([program, "upload", *words, "--index.html", "--put-root-index", *paths], variables)

        publish(*(folder / name for name, _ in FILES))
        yield Peer(f"{website}/s3pypi/", publish, yanks="yank" in _help(program))


@contextlib.contextmanager
def pypiserver(program: Path, folder: Path) -> Iterator[Peer]:
    """Serve a folder, and send whoever asks for another name elsewhere."""
    for name, body in FILES:
        _write(folder / name, body)
    port = free_ports(["http"])["http"]
    url = f"http://127.0.0.1:{port}"
    words = ["run", "-i", "127.0.0.1", "-p", str(port), "-P", ".", "-a", ".", "--fallback-url", f"{url}/elsewhere/"]
    with (folder.parent / "log").open("ab") as log, subprocess.Popen([program, *words, folder], stderr=log) as process:
        try:
            eventually(lambda: requests.get(url, timeout=5), within=60, despite=requests.ConnectionError)
            yanks = "yank" in _help(program)
            yield Peer(f"{url}/simple/", partial(_upload, f"{url}/"), yanks=yanks, uploads=f"{url}/", static=False)
        finally:
            process.terminate()


def offered(peer: Peer, installs: Callable[[str], None], folder: Path) -> dict[str, str]:
    """Return for each feature `yes`, `no`, or `-` where it is no business of the tool."""
    page = requests.get(f"{peer.url}common/", headers={"Accept": "text/html"}, timeout=10).text
    tools = requests.get(f"{peer.url}common-tools/", timeout=10)
    said = [_json(f"{peer.url}common/"), _json(f"{peer.url}common/index.json")]
    pages = next((each for each in said if each), {})
    installs(peer.url)
    found = {
        "pip installs": True,  # else it would have failed
        "pages are files, no server runs": peer.static,
        "source distributions": FILES[0][0] in page,
        "normalised names": tools.ok and FILES[3][0] in tools.text,
        "hashes": "#sha256=" in page,
        "requires-python": 'data-requires-python="&gt;=3.11"' in page,
        "core metadata (PEP 658)": re.search("data-(core|dist-info)-metadata=", page) is not None,
        "JSON (PEP 691)": bool(pages),
        "sizes and times (PEP 700)": all({"size", "upload-time"} <= each.keys() for each in pages.get("files", [{}])),
        "yanking (PEP 592)": peer.yanks and "data-yanked" in page,
        "uploads over HTTP": _takes_uploads(peer, folder),
        "other names found elsewhere": _status(f"{peer.serves or peer.url}flask/") in (302, 303),
    }
    cells = {feature: "yes" if has else "no" for feature, has in found.items()}
    keeps = "-" if peer.again is None else "yes" if _keeps_content(peer, page, folder) else "no"
    return {**cells, "a name keeps its first content": keeps}


def _keeps_content(peer: Peer, page: str, folder: Path) -> bool:
    assert peer.again is not None
    name, body = OTHER_CONTENT
    _write(folder / name, body)
    with contextlib.suppress(Exception):  # a refusal; what counts is what is there afterwards
        peer.again(folder / name)
    link = re.search(f'href="([^"#]*{re.escape(name)})', page)
    assert link is not None
    url = requests.compat.urljoin(f"{peer.url}common/", link[1])
    return requests.get(url, timeout=10).content == NEWEST[1]


def _takes_uploads(peer: Peer, folder: Path) -> bool:
    name, body = wheel("uploaded", "1.0")
    _write(folder / name, body)
    try:
        _upload(peer.uploads or peer.url, folder / name)
    except requests.HTTPError:
        return False
    return True


def _upload(url: str, path: Path) -> None:
    """Upload as twine does."""
    form = {":action": "file_upload", "protocol_version": "1"}
    content = {"content": (path.name, path.read_bytes())}
    requests.post(url, form, files=content, auth=("ann", "secret"), timeout=10).raise_for_status()


def _json(url: str) -> dict:
    answer = requests.get(url, headers={"Accept": JSON}, timeout=10)
    try:
        said = answer.json() if answer.ok else {}
    except ValueError:
        return {}
    return said if "meta" in said else {}


def _status(url: str) -> int:
    return requests.get(url, timeout=10, allow_redirects=False).status_code


def _help(program: Path) -> str:
    return subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout


def _run(command: list, variables: dict[str, str] | None = None) -> None:
    subprocess.run(command, env=variables, capture_output=True, check=True)


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)


def table(columns: dict[str, dict[str, str]]) -> str:
    """Return what tools offer as a simple table of reStructuredText."""
    rows = [
        ["feature", *columns],
        *([feature, *(cells[feature] for cells in columns.values())] for feature in FEATURES),
    ]
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    rule = "  ".join("=" * width for width in widths)
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([rule, lines[0], rule, *lines[1:], rule])
