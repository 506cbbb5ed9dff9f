"""The first use of a client by several threads at once, and its use after a fork."""

import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from kazoo.client import KazooClient

from reference.service_discovery.instance import Instance
from reference.service_discovery.lookup.cache import CachedDiscovery
from reference.service_discovery.register.registration import Registration
from reference.service_discovery.zookeeper.connection import Connection
from scenarios.service_discovery.ways import WAYS

HANGS = "hangs"


def come_while_one_connects(library, service, threads):
    """Let one thread look a service up, and further threads while the first one connects.

    The first is held there until the others are done, or for half a second where they wait for it.

    Returns:
        The result or error of each thread, the first thread's first; and the number of connections made.
    """
    connecting, through, made = threading.Event(), threading.Event(), []

    class HeldBack(KazooClient):
        def start_async(self):
            made.append(self)
            connecting.set()
            through.wait(10)
            return super().start_async()

    def found():
        try:
            return library.find(service)
        except Exception as error:  # noqa: BLE001 whatever it is, it is the outcome
            return error

    library.made_of(HeldBack)
    with ThreadPoolExecutor(threads) as pool:
        first = pool.submit(found)
        assert connecting.wait(10)
        others = [pool.submit(found) for _ in range(threads - 1)]
        wait(others, timeout=0.5)
        through.set()
        return [each.result(30) for each in (first, *others)], len(made)


def bounded(work, seconds):
    """Run work in a thread, and return its result, its error as text, or `hangs` if it takes longer than `seconds`."""
    outcome = [HANGS]

    def run():
        try:
            outcome[0] = work()
        except Exception as error:  # noqa: BLE001 whatever it is, it is the outcome
            outcome[0] = repr(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    return outcome[0]


def main():
    """Look a service up, fork, look it up in the child and again in the parent; print the results as JSON."""
    way, hosts, session_timeout, service, file = sys.argv[1:]
    with pytest.MonkeyPatch.context() as monkeypatch:
        library = WAYS[way](hosts, float(session_timeout), monkeypatch)
        parent = [library.find(service)]
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.write(writer, json.dumps(bounded(lambda: library.find(service), 1)).encode())
            os._exit(0)
        child = json.loads(os.read(reader, 65536))
        parent.append(bounded(lambda: library.find(service), 5))
        Path(file).write_text(json.dumps({"parent": parent, "child": child}))
        library.close()


def registered_anew(connection, registration):
    """Start a registration, and return whether this connection's session owns the node within four seconds."""
    registration.start().wait(4)
    return connection.client().exists(registration.path).ephemeralOwner == connection.session


def cached():
    """Look a service up in a cache and register one, fork, and do so again in the child; write the findings as JSON.

    The child looks up another service, which it did not inherit, and takes the registered node over from its parent.
    """
    hosts, session_timeout, before, after, registered, file = sys.argv[1:]
    connection = Connection(hosts, session_timeout=float(session_timeout))
    lookups = CachedDiscovery(connection, grace=float(session_timeout))
    registration = Registration(connection, registered, Instance("users.example", 8080), listening=lambda: True)
    registration.start().wait(10)
    found = {"before the fork": str(lookups.find(before))}
    to_child, from_parent = os.pipe()
    if os.fork() == 0:
        os.read(to_child, 1)  # by now the parent has deregistered its node
        found["in the child"] = bounded(lambda: str(lookups.find(after)), 4)
        found["registered"] = bounded(lambda: registered_anew(connection, registration), 5)
        Path(file).write_text(json.dumps(found))
        os._exit(0)
    registration.close()
    os.write(from_parent, b".")
    os.wait()
