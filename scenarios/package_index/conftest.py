"""Fixtures of the scenario: the bucket, its website, indexes in it, installers and servers."""

import functools
import json
import subprocess
import sys

import pytest
import requests
from typer.testing import CliRunner

from fixtures.file_server import serve_folder
from fixtures.services.runtimes.ports import free_ports
from fixtures.venvs import venv
from fixtures.waiting import eventually
from reference.package_index import Index, cli, open_store
from scenarios.package_index import published
from scenarios.package_index.installers import CleanEnvironment

BUCKET = "localhost"
COMMAND = "from reference.package_index.cli import app; app()"


@pytest.fixture(scope="module")
def client(s3):
    """The owner's client of the object store."""
    client = s3.service.client(s3)
    yield client
    client.close()


@pytest.fixture
def bucket(client):
    """The bucket, empty, open to readers by the document's policy, and with website hosting."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    keys = [{"Key": entry["Key"]} for page in pages for entry in page.get("Contents", ())]
    for at in range(0, len(keys), 1000):
        client.delete_objects(Bucket=BUCKET, Delete={"Objects": keys[at : at + 1000]})
    policy = json.dumps(published.POLICY).replace("BUCKET", BUCKET)
    client.put_bucket_policy(Bucket=BUCKET, Policy=policy)
    client.put_bucket_website(Bucket=BUCKET, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    return BUCKET


@pytest.fixture
def keys(client, bucket):
    """Return the keys of the bucket that begin with a prefix."""

    def keys(prefix=""):
        return [each["Key"] for each in client.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", ())]

    return keys


@pytest.fixture(scope="module")
def website(s3):
    """URL of the bucket's website."""
    return f"http://{BUCKET}:{s3.address('website').port}"


@pytest.fixture(scope="module")
def rest(s3):
    """URL of the bucket at the REST endpoint."""
    return f"{s3.url}/{BUCKET}"


@pytest.fixture
def credentials(s3, monkeypatch):
    """The owner's credentials, where boto3 looks for them."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.service.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.service.secret_key)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.url)


@pytest.fixture
def store(s3, bucket, credentials):  # noqa: ARG001  # they are in the environment
    """The bucket as the library's store."""
    return open_store(f"s3://{bucket}", endpoint=s3.url)


@pytest.fixture
def index(store):
    """The team's index in the bucket, without projects."""
    return Index(store, published.TEAM, by="ann")


@pytest.fixture
def index_url(website):
    """URL of the index, as an installer is given it."""
    return f"{website}/simple/{published.TEAM}/"


@pytest.fixture
def command(bucket, credentials):  # noqa: ARG001  # they are in the environment
    """Run `package-index` on the bucket; its exit code and output."""

    def run(*words, store=f"s3://{bucket}"):
        result = CliRunner().invoke(cli.app, ["--store", str(store), "--team", published.TEAM, *map(str, words)])
        return result.exit_code, result.output

    return run


@pytest.fixture(scope="session")
def tools():
    """The environment with pip, poetry, twine and dumb-pypi."""
    return venv("packaging")


@pytest.fixture
def clean(tools, tmp_path):
    """A clean environment, and installers that install into it."""
    return CleanEnvironment(tmp_path, tools)


@pytest.fixture
def deployment(tools, client, bucket, rest):
    """The document's script in a checkout."""
    programs = {"poetry": tools.program("poetry"), "dumb_pypi": tools.program("dumb-pypi")}
    return functools.partial(published.Deployment, s3=client, bucket=bucket, url=rest, **programs)


@pytest.fixture
def public(tmp_path):
    """A second index, which plays the public one: the URL of its first page, and the index to publish to."""
    folder = tmp_path / "public"
    folder.mkdir()
    index = Index(open_store(str(folder)), "everybody", by="somebody")
    with serve_folder(folder) as url:
        yield f"{url}/simple/everybody/", index


@pytest.fixture
def serving(bucket, credentials, tmp_path):  # noqa: ARG001  # they are in the environment
    """Serve the index by `package-index serve` in a process of its own; its URL."""
    started = []

    def serve(*words):
        address = f"127.0.0.1:{free_ports(['http'])['http']}"
        with (tmp_path / "served").open("ab") as log:
            command = [sys.executable, "-c", COMMAND, "--store", f"s3://{bucket}", "--team"]
            command += [published.TEAM, "serve", "--bind", address, *words]
            started.append(subprocess.Popen(command, stdout=log, stderr=log))
        eventually(
            lambda: requests.get(f"http://{address}/healthy", timeout=5).ok, within=60, despite=requests.ConnectionError
        )
        return f"http://{address}"

    yield serve
    for process in started:
        process.terminate()
    for process in started:
        process.wait(30)
