"""The first use of a client by several threads at once, and its use after a fork."""

import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from kazoo.client import KazooClient

from scenarios.service_discovery.ways import WAYS

HANGS = "hangs"


def come_while_one_connects(library, service, threads):
    """Have one thread look a service up, and the others once it is on its way to connect.

    It is held there until they are through, or for half a second where they wait for it.

    Returns:
        What each found, or the error that it got; the first one's first. And how many connections were made.
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
    """Do something in a thread, and call it hanging when it takes longer than that."""
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
    """Look a service up, fork, look it up in the child and then in the parent again; write what each found as JSON."""
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
