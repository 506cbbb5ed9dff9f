"""Publishing into indexes of growing size, beside other tools and twenty at once; how long pip takes to resolve."""

import contextlib
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache
from random import Random

import pytest
import requests

from fixtures.distributions import metadata, wheel
from fixtures.file_server import serve_folder
from fixtures.measure import Timed
from fixtures.services.runtimes.ports import free_ports
from fixtures.venvs import venv
from fixtures.waiting import eventually
from reference.package_index import Distribution, Entry, Event, File, Index, Project, Root
from reference.package_index.pages import project_html, root_html
from reference.package_index.records import HTML, JSON
from reference.package_index.stores.s3 import S3Store

BUCKET = "packages"
FILES = [10, 1000, 10_000]
FILES_A_PROJECT = 10
PUBLISHERS = 20
LIBRARIES = 20
LIBRARY_BYTES = 500_000
COMMAND = [sys.executable, "-c", "from reference.package_index.cli import app; app()"]
VERSIONS = itertools.count()
TEAMS = itertools.count()


@pytest.fixture(scope="module")
def client(s3):
    with contextlib.closing(s3.service.client(s3)) as client:
        yield client


@pytest.fixture(scope="module")
def store(client):
    return S3Store(client, BUCKET)


@pytest.fixture(scope="module")
def holding(store):
    """`holding(number)` is an index with so many files, ten a project."""

    @cache
    def holding(number):
        index = Index(store, f"of-{number}", by="ann")
        projects = [project(n) for n in range(number // FILES_A_PROJECT)]
        root = Root({each.name: Entry.of(each) for each in projects})

        def put(each):
            base = index.records.files_url(each.name)
            store.put(index.records.page_key(each.name, "index.json"), each.to_json(base), JSON)
            store.put(index.records.page_key(each.name, "index.html"), project_html(each, base), HTML)

        # Pages alone: nobody who publishes reads the files of others.
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(put, projects))
        store.put(index.records.root_key("index.json"), root.to_json(), JSON)
        store.put(index.records.root_key("index.html"), root_html(root, index.team), HTML)
        return index

    return holding


def project(number):
    """Return the record of a project with ten files."""
    at = datetime.now(UTC)
    names = [f"project_{number}-1.{n}-py3-none-any.whl" for n in range(FILES_A_PROJECT)]
    files = {name: File(name, "0" * 64, 1000, at, ">=3.11", "0" * 64) for name in names}
    events = tuple(Event(at, "publish", name, "ann") for name in names)
    return Project(f"project-{number}", files, {}, events, "A test", serial=FILES_A_PROJECT)


def new_version(name="own"):
    return Distribution.from_bytes(*wheel(name, f"1.{next(VERSIONS)}"))


def published(index):
    """Publish the next version of a project and return the name of its file."""
    version = new_version()
    assert index.publish([version]).added == [version.filename]
    return version.filename


def test_publication_by_the_number_of_files(growth, holding, sizes):
    growth(published, FILES[:2] if sizes == "smoke" else FILES, setup=holding)


def test_publication_against_a_full_rebuild(versus, holding, peer, sizes):
    # A rebuild of 10,000 takes seconds: the gate has 2,000, with the same bound.
    number = {"smoke": 1000, "gate": 2000}.get(sizes, FILES[-1])
    index, rebuild = holding(number), peer("package_rebuild", environment="packaging")

    def ours():
        """Return, not timed, how many projects have a page now, but for the one that is published."""
        start = time.perf_counter()
        name = published(index)
        seconds = time.perf_counter() - start
        assert name in index.project("own").files
        return Timed(seconds, len(index.root().entries.keys() - {"own"}))

    versus(
        ours,
        lambda: rebuild.run("rebuild", number, within=60),
        rounds=8,
        warmup=1,
        memory=False,
        facts={"files": number, "peer": "dumb-pypi 1.15.0"},
    )


@pytest.fixture(scope="module")
def variables(s3):
    """The owner's credentials for commands, and nothing of this machine's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PIP_"))}
    return {
        **kept,
        "AWS_ACCESS_KEY_ID": s3.service.access_key,
        "AWS_SECRET_ACCESS_KEY": s3.service.secret_key,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": s3.url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
    }


def test_publishing_command_against_s3pypi(versus, holding, client, s3, variables, tmp_path, sizes):
    """Run both commands from start to end on a bucket with as many projects; s3pypi finds no table for its locks."""
    number = FILES[-1] if sizes == "full" else FILES[1]
    index = holding(number)
    theirs = f"s3pypi-{number}"
    client.create_bucket(Bucket=theirs)

    def put(n):
        client.put_object(Bucket=theirs, Key=f"project-{n}/index.html", Body=b"")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, range(number // FILES_A_PROJECT)))

    def file():
        name, body = wheel("own", f"1.{next(VERSIONS)}")
        (tmp_path / name).write_bytes(body)
        return tmp_path / name

    def ours(path):
        words = ["--store", f"s3://{BUCKET}", "--team", index.team, "publish", str(path)]
        subprocess.run([*COMMAND, *words], env=variables, check=True, capture_output=True)
        assert path.name in index.project("own").files
        return "published"

    with serve_folder(tmp_path) as elsewhere:
        without_locks = {**variables, "AWS_ENDPOINT_URL_DYNAMODB": elsewhere}
        program = str(venv("index_peers").program("s3pypi"))

        def other(path):
            words = ["--bucket", theirs, "--s3-endpoint-url", s3.url, "--index.html", "--put-root-index", str(path)]
            subprocess.run([program, "upload", *words], env=without_locks, check=True, capture_output=True)
            page = client.get_object(Bucket=theirs, Key="own/index.html")["Body"].read().decode()
            assert path.name in page
            return "published"

        facts = {"files": number, "peer": "s3pypi 2.0.1"}
        versus(ours, other, rounds=8, warmup=1, setup=file, memory=False, facts=facts)
    assert len(index.root().entries) == number // FILES_A_PROJECT + 1


def test_publishers_at_once_against_one_after_the_other(versus, s3, sizes):
    """Twenty publishers, ten in the gate, each with a connection and a project of its own, in one index."""
    publishers = PUBLISHERS if sizes == "full" else PUBLISHERS // 2
    names = [f"project-{number}" for number in range(publishers)]

    def published_by(at_once):
        team = f"team-{next(TEAMS)}"
        files = [new_version(name) for name in names]
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(contextlib.closing(s3.service.client(s3))) for _ in files]
            indexes = [Index(S3Store(each, BUCKET, trusted=True), team, by="ann") for each in clients]
            barrier = threading.Barrier(at_once)

            def publish(some):
                barrier.wait()
                for number in some:
                    indexes[number].publish([files[number]])

            with ThreadPoolExecutor(at_once) as pool:
                start = time.perf_counter()
                list(pool.map(publish, [range(publishers)[n::at_once] for n in range(at_once)]))
                seconds = time.perf_counter() - start
            assert set(indexes[0].root().entries) == set(names)
            return Timed(seconds, [len(indexes[0].project(name).files) for name in names])

    facts = {"publishers": publishers}
    versus(lambda: published_by(publishers), lambda: published_by(1), rounds=8, warmup=1, memory=False, facts=facts)


@pytest.fixture(scope="module")
def distributions():
    """An application and the libraries it depends on, three versions each."""
    random = Random(0)
    needed = b"".join(b"Requires-Dist: library-%d\n" % number for number in range(LIBRARIES))
    described = metadata("application", "1.0").rstrip() + b"\n" + needed
    made = [wheel("application", "1.0", described=described)]
    for number in range(LIBRARIES):
        for version in ("1.0", "1.1", "1.2"):
            data = {f"library_{number}.bin": random.randbytes(LIBRARY_BYTES)}
            made.append(wheel(f"library-{number}", version, more=data))
    return made


@pytest.fixture(scope="module")
def resolve(tmp_path_factory, variables):
    """Let pip resolve the application against an index, without installing it; what it would install."""
    python = str(venv("packaging").python)
    report = tmp_path_factory.mktemp("resolved") / "report.json"

    def resolve(url):
        words = ["--dry-run", "--ignore-installed", "--no-cache-dir", "--index-url", url, "--report", str(report)]
        command = [python, "-m", "pip", "install", "--quiet", *words, "application"]
        subprocess.run(command, env=variables, check=True, capture_output=True)
        found = (each["metadata"] for each in json.loads(report.read_text())["install"])
        return sorted((each["name"], each["version"]) for each in found)

    return resolve


@pytest.fixture(scope="module")
def serving(variables):
    """Run a server until the end of the module; `{port}` in its words is replaced. Its URL."""
    with contextlib.ExitStack() as stack:

        def serve(*words):
            port = str(free_ports(["http"])["http"])
            command = [word.replace("{port}", port) for word in words]
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            process = stack.enter_context(subprocess.Popen(command, env=variables, **quiet))
            stack.callback(process.terminate)
            url = f"http://127.0.0.1:{port}"
            eventually(lambda: requests.get(url, timeout=5).status_code, within=60, despite=requests.ConnectionError)
            return url

        yield serve


@pytest.mark.full
def test_resolution_by_pip_against_pypiserver(versus, resolve, serving, distributions, store, tmp_path):
    """Resolve an application with twenty libraries: ours serves a bucket, and metadata beside the wheels."""
    for name, body in distributions:
        (tmp_path / name).write_bytes(body)
    Index(store, "resolved", by="ann").publish(Distribution.from_bytes(*each) for each in distributions)
    ours = serving(*COMMAND, "--store", f"s3://{BUCKET}", "--team", "resolved", "serve", "--bind", "127.0.0.1:{port}")
    program = str(venv("index_peers").program("pypi-server"))
    other = serving(program, "run", "-i", "127.0.0.1", "-p", "{port}", "--disable-fallback", str(tmp_path))
    versus(
        lambda: resolve(f"{ours}/simple/resolved/"),
        lambda: resolve(f"{other}/simple/"),
        rounds=8,
        warmup=1,
        memory=False,
        facts={"libraries": LIBRARIES, "peer": "pypiserver 2.4.2"},
    )
