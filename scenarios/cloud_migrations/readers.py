"""The two ways to read migrations and apply them to one database: the published package, and the library."""

import json
import subprocess
import sys
from pathlib import Path

from yoyo import get_backend

from reference.cloud_migrations import Database, Migrations, Runner, Settings, read_migrations

WORKER = Path(__file__).with_name("published_worker.py")


class Failed(Exception):
    """Reading or applying failed; the message begins with the type of the error where an exception was raised."""


class Published:
    """The published package, in a process of its own environment that is started when it is first needed.

    Args:
        python: The environment's interpreter, when it is needed.
        variables: Its environment variables, as they are when it is started.
    """

    def __init__(self, python, variables):
        self._python, self._variables = python, variables
        self._process = None

    def ids(self, *paths, **options):
        return self._ask(do="ids", paths=paths, **options)

    def apply(self, database, *paths):
        self._ask(do="apply", paths=paths, url=database.url)

    def close(self):
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def _ask(self, **request):
        if self._process is None:
            self._process = subprocess.Popen(
                [self._python(), WORKER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=dict(self._variables),
            )
            assert json.loads(self._process.stdout.readline()) == {"answer": "ready"}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise Failed(answer["error"])
        return answer["answer"]


class Corrected:
    """The library, in this process."""

    def ids(self, *paths, **options):
        return [each.id for each in read_migrations(*paths, **options)]

    def apply(self, database, *paths):
        runner = Runner(Migrations(read_migrations(*paths)), Settings(lock_timeout=None), trust_public=True)
        (outcome,) = runner.apply([Database.of(database.url)])
        if not outcome.good:
            raise Failed(f"{outcome.problem} | {outcome.left}")

    def close(self):
        """Nothing is left open."""


def apply_with_yoyo(migrations, url):
    """Apply migrations by yoyo alone, as the document does."""
    from contextlib import closing

    backend = get_backend(url.replace("postgresql:", "postgresql+psycopg:"))
    with closing(backend.connection), backend.lock():
        backend.apply_migrations(backend.to_apply(migrations))


def command_line(*words):
    """Return the command line of `cloud-migrations` for a process of its own."""
    return [sys.executable, "-c", "from reference.cloud_migrations.cli import app; app()", *map(str, words)]
