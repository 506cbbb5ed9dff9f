"""Connections opened before gunicorn forks its workers are used by none of them, or workers would mix up answers."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from fixtures.services.runtimes.ports import free_ports
from fixtures.serving import ROOT, Served
from fixtures.venvs import venv
from fixtures.waiting import eventually
from scenarios.customer_sharding.services.preloaded import FIRST
from scenarios.customer_sharding.services.processes import TOKEN, WITHIN, ShardingService

WORKERS, CLIENTS, REQUESTS = 4, 8, 60  # requests of each client
PRELOAD = ("--preload",)
INSERT = "INSERT INTO person (name, address, customer_id) VALUES (%s, 'here', %s)"


@pytest.fixture
def at_once():
    """Return a function that calls another with each of several arguments at once, `REQUESTS` times.

    It returns a list of the results for each argument.
    """

    def at_once(function, arguments):
        with ThreadPoolExecutor(len(arguments)) as pool:
            return list(pool.map(lambda argument: [function(argument) for _ in range(REQUESTS)], arguments))

    return at_once


@pytest.mark.claim("shard-16")
def test_workers_share_no_connection_of_their_parent(sharding_service, databases, serve, at_once, evidence):
    """All customers are in one database, which the parent process has queried."""
    customers = [f"customer-{number}" for number in range(CLIENTS)]
    for customer in (FIRST, *customers):
        sharding_service.place(customer, "first")
        databases["first"].rows(f"{INSERT} RETURNING id", customer, customer)
    settings = {"SHARDING_MODE": "api", **sharding_service.settings, "SHARDING_IDENTIFIER_FIELD": "customer_id"}
    service = serve(_preloaded, settings, workers=WORKERS, options=PRELOAD)

    def ask(customer):
        url, headers = f"{service.url}/person/{customer}", {"X-Customer-ID": customer}
        answer = requests.get(url, headers=headers, timeout=WITHIN)
        assert answer.status_code == 200, answer.text
        return answer.headers["X-Worker"], [(person["name"], person["customer_id"]) for person in answer.json()]

    answers = dict(zip(customers, at_once(ask, customers), strict=True))

    workers = {worker for each in answers.values() for worker, _ in each}
    evidence.json("workers that answered", len(workers))
    assert len(workers) > 1
    assert all(rows == [(customer, customer)] for customer, each in answers.items() for _, rows in each)


@pytest.mark.claim("shard-16")
def test_forked_service_workers_mix_no_answers(serve, meta, databases, at_once):
    """The sharding service connects to the meta database before it is forked."""
    service = serve(ShardingService, meta, workers=WORKERS, options=PRELOAD)
    for name, database in databases.items():
        service.register(name, database)
    places = {f"customer-{number}": name for number, name in enumerate([*databases, *databases])}
    for customer, name in places.items():
        service.place(customer, name)

    def ask(customer):
        answer = service.ask("GET", f"/write/{customer}", token=TOKEN)
        assert answer.status_code == 200, answer.text
        return answer.json()["port"]

    answers = dict(zip(places, at_once(ask, list(places)), strict=True))

    ports = {name: database.owner["port"] for name, database in databases.items()}
    assert {customer: {int(port) for port in each} for customer, each in answers.items()} == {
        customer: {ports[name]} for customer, name in places.items()
    }


@pytest.fixture
def under_gevent(tmp_path):
    """Return a function that starts the service with gunicorn's gevent worker, in a virtual environment of its own.

    It returns the port, the process and the log file.
    """
    log = tmp_path / "gevent.log"
    processes = []

    def start(settings, *options):
        port = free_ports(["http"])["http"]
        application = "scenarios.customer_sharding.services.application:create_app()"
        gunicorn = ["-m", "gunicorn", "--worker-class=gevent", f"--bind=127.0.0.1:{port}", *options, application]
        environment = {**os.environ, **settings, "SHARDING_IDENTIFIER_FIELD": "customer_id", "PYTHONPATH": str(ROOT)}
        with log.open("w") as output:
            words = [str(venv("gevent").python), *gunicorn]
            started = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=output, stderr=output)
        processes.append(started)
        return port, started, log

    yield start
    for process in processes:
        process.terminate()
        process.wait(30)


class TestGevent:
    """The library refuses gevent's workers in one sentence."""

    REFUSAL = "gevent has patched this process, which is not supported: use gunicorn's sync or gthread workers"

    @pytest.mark.claim("shard-16")
    def test_gevent_worker_does_not_start(self, under_gevent, sharding_service, evidence):
        _, process, log = under_gevent({"SHARDING_MODE": "api", **sharding_service.settings})

        assert process.wait(WITHIN) != 0

        refusal = next(line for line in log.read_text().splitlines() if "gevent has patched" in line)
        evidence.text("what it says", refusal)
        assert self.REFUSAL in refusal

    @pytest.mark.claim("shard-16")
    def test_preloaded_gevent_worker_queries_nothing(self, under_gevent, sharding_service, databases):
        """The application was created before its process was patched."""
        port, _, log = under_gevent({"SHARDING_MODE": "api", **sharding_service.settings}, *PRELOAD)

        def ask(method, path, **headers):
            return requests.request(method, f"http://127.0.0.1:{port}{path}", headers=headers, timeout=WITHIN)

        eventually(lambda: ask("GET", "/health").ok, within=WITHIN, despite=requests.ConnectionError)
        assert ask("POST", "/person/1", **{"X-Customer-ID": "1"}).status_code == 500

        assert self.REFUSAL in log.read_text()
        assert databases["first"].customers() == {}


def _preloaded(folder, settings, **options):
    return Served("scenarios.customer_sharding.services.preloaded:create_app()", folder, settings, **options)
