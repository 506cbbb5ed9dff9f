"""Callers in threads: each looks a service up and calls the instance that it finds, again and again."""

import threading
import time
from typing import NamedTuple

import requests

from fixtures.waiting import eventually

PAUSE = 0.01
WITHIN = 20  # seconds for an answer


class Call(NamedTuple):
    """One call: when it was begun, by `time.monotonic`, which instance it went to, and why it failed."""

    began: float
    address: str | None
    error: Exception | None


class Calls:
    """Calls of a service by some threads, from the beginning of a `with` block to its end.

    Args:
        find: Looks the service up.
        call: Calls an instance; by default each thread sends a GET request, and the first keeps its connections open.
        threads: Number of callers.
    """

    def __init__(self, find, call=None, threads=3):
        self._find, self._call = find, call
        self._done, self._stop = [], threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(threads)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        eventually(lambda: self._done, within=10)
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(WITHIN + 5)
            assert not thread.is_alive()

    def failed(self):
        """Return the calls that failed, or found no instance."""
        return [call for call in list(self._done) if call.error or not call.address]

    def to(self, address):
        """Return the calls that went to an address."""
        return [call for call in list(self._done) if call.address == address]

    def go_to(self, *addresses, latest=50):
        """Return whether the latest calls went to these addresses, to each of them, and to none else."""
        done = list(self._done)[-latest:]
        return len(done) == latest and {call.address for call in done} == set(addresses)

    def _run(self, number):
        with requests.Session() as session:
            while not self._stop.wait(PAUSE):
                began, found, error = time.monotonic(), None, None
                try:
                    found = self._find()
                    if found is not None and self._call is not None:
                        self._call(found)
                    elif found is not None:
                        (requests if number else session).get(found.url, timeout=WITHIN).raise_for_status()
                except Exception as failure:  # noqa: BLE001 whatever it is, the test looks at it
                    error = failure
                self._done.append(Call(began, found and str(found), error))
