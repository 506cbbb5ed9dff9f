"""Fixtures of the scenario: a bucket, empty databases, and the two ways to read and apply.

For one's own test:

- `bucket`: a bucket of the test, `bucket.put(directory, files)` returns its URL; `public_bucket` is read by everyone.
- `database`: an empty PostgreSQL database; `databases("a", "b")` are several, `mariadb` is one of MariaDB.
- `reader`: the published package or the library, as the test's `way` says.
- `command`: the command `cloud-migrations`, in this process; `started` in one of its own, which can be killed.
- `gate`: a table that a migration waits at, until the test opens it.
"""

import contextlib
import itertools
import os
import subprocess
from contextlib import closing

import psycopg
import pytest
from typer.testing import CliRunner

from fixtures.venvs import venv
from reference.cloud_migrations.cli import app
from scenarios.cloud_migrations.bucket import Bucket
from scenarios.cloud_migrations.databases import MariaDB, Postgres
from scenarios.cloud_migrations.readers import Corrected, Published, command_line

NUMBERS = itertools.count()


@pytest.fixture(autouse=True)
def settings_of_the_sdk(s3, monkeypatch, tmp_path):
    """The SDK's settings: the store as endpoint, the owner's credentials, and nothing of this machine's."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    settings = {
        "AWS_ENDPOINT_URL": s3.url,
        "AWS_ACCESS_KEY_ID": s3.service.access_key,
        "AWS_SECRET_ACCESS_KEY": s3.service.secret_key,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def without_credentials(monkeypatch):
    """No credentials in the environment."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")


@pytest.fixture(scope="module")
def owner(s3):
    """boto3's client of the owner, without the proxy in between."""
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=f"http://{s3.direct_address()}",
        aws_access_key_id=s3.service.access_key,
        aws_secret_access_key=s3.service.secret_key,
        region_name="us-east-1",
    )
    with closing(client):
        yield client


@pytest.fixture
def bucket(owner):
    """A bucket that its owner alone reads."""
    return Bucket(owner, f"migrations-{next(NUMBERS)}")


@pytest.fixture
def public_bucket(bucket):
    """A bucket that everyone reads."""
    bucket.make_public()
    return bucket


@pytest.fixture
def databases(environment):
    """Make empty PostgreSQL databases by name."""
    with contextlib.ExitStack() as stack:
        numbers = itertools.count()

        def make(*names):
            server = environment["first"].url
            return [stack.enter_context(closing(Postgres(server, name, next(numbers)))) for name in names]

        yield make


@pytest.fixture
def database(databases):
    """An empty PostgreSQL database."""
    return databases("orders")[0]


@pytest.fixture
def mariadb(environment):
    """An empty database of MariaDB."""
    with closing(MariaDB(environment["mariadb"].url)) as database:
        yield database


@pytest.fixture
def published():
    """The published package, which begins with the environment variables that the test sets."""
    with closing(Published(lambda: venv("yoyo_cloud").python, os.environ)) as published:
        yield published


@pytest.fixture
def reader(way, published):
    """The published package or the library."""
    return {"published": published, "corrected": Corrected()}[way]


@pytest.fixture
def command():
    """Run the command to its end in this process; return exit code, standard output and standard error."""

    def run(*words):
        done = CliRunner().invoke(app, [str(word) for word in words])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout, done.stderr

    return run


@pytest.fixture
def started():
    """Start the command in a process of its own."""
    processes = []

    def start(*words):
        processes.append(subprocess.Popen(command_line(*words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture
def listed(tmp_path):
    """Write a file of databases and return its path."""

    def write(*databases):
        file = tmp_path / "databases.toml"
        file.write_text("".join(f'{each.name} = "{each.url}"\n' for each in databases))
        return file

    return write


@pytest.fixture
def gate():
    """Hold a table of a database, so that whoever writes to it waits; a context manager."""

    @contextlib.contextmanager
    def closed(database, table):
        with psycopg.connect(database.url) as connection:
            connection.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
            yield
            connection.rollback()

    return closed
