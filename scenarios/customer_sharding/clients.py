"""Clients that put, change, delete and read people without a pause, and note every answer in a journal."""

import contextlib
import json
import random
import threading
import time
from collections import Counter
from typing import NamedTuple

import urllib3

from fixtures.waiting import eventually

PAUSE, AFTER_A_REFUSAL = 0.002, 0.02  # seconds


class Refused(Exception):
    """503, with Retry-After: try again later."""


class Answer(NamedTuple):
    """When something was asked, what, and after how many seconds it was answered."""

    asked: float
    op: str
    seconds: float


class Client(threading.Thread):
    """A client of a customer: one operation after the other, a write again and again until it is acknowledged.

    Args:
        url: Of the service.
        journal: Where it notes what it sent and what was answered. Keys are `[customer, name]`, values addresses.
        customer: Whose people it knows.
        number: Tells the customer's clients apart, and seeds what they do.
        names: All that the customer's clients have written.
        certain: Whether a refusal proves that nothing was done: so it is while no database dies.
    """

    def __init__(self, url, journal, customer, number, names, *, certain):
        super().__init__(name=f"{customer}/{number}", daemon=True)
        self.customer = customer
        self.counts = Counter()
        self.answers, self.refusals = [], []
        self.problem, self.error = None, None
        self.writing, self.stop = threading.Event(), threading.Event()
        self.writing.set()
        self._url, self._journal, self._names = f"{url}/person/{customer}", journal, names
        self._certain = certain
        self._own = []
        self._chance = random.Random(number)
        headers = {"X-Customer-ID": customer, "Content-Type": "application/json"}
        self._http = urllib3.PoolManager(headers=headers, retries=False, timeout=60)

    def run(self):
        try:
            for number in range(100_000):
                if self.stop.is_set():
                    return
                if self.writing.is_set():
                    self._write(number)
                self._read()
        except Exception as error:  # noqa: BLE001 whatever it is belongs to the test
            self.error = error

    def _write(self, number):
        """Three in five are new people, one moves house, one is deleted; a name is never used again."""
        kind = ("new", "new", "change", "new", "delete")[number % 5]
        name = f"{number}-of-{self.name.rpartition('/')[2]}"
        if kind != "new" and self._own:
            name = self._own.pop(self._chance.randrange(len(self._own)))
        op, address = ("delete", None) if kind == "delete" else ("write", f"{number} St James's Square")
        while not self._done(op, name, address):
            if not self._certain or self.stop.is_set():
                return
            self._read()
        if op == "write":
            self._own.append(name)
            self._names.append(name)

    def _done(self, op, name, address):
        with self._operation(op, name, address):
            self._ask("PUT" if op == "write" else "DELETE", name, address)
            return True
        return False

    def _read(self):
        name = self._chance.choice(self._names[-30:] or ["0"])
        with self._operation("read", name) as operation:
            found = self._ask("GET", name)["addresses"]
            operation.saw(found[0] if len(found) == 1 else found or None)

    @contextlib.contextmanager
    def _operation(self, op, name, value=None):
        kind = "read" if op == "read" else "write"
        asked = time.monotonic()
        failed = (Refused,) if self._certain else ()
        try:
            with self._journal.operation(self.name, op, [self.customer, name], value, failed=failed) as operation:
                yield operation
        except Refused:
            self.refusals.append(Answer(asked, kind, time.monotonic() - asked))
            self.counts["refused"] += 1
            self.stop.wait(AFTER_A_REFUSAL)
            return
        self.answers.append(Answer(asked, kind, time.monotonic() - asked))
        self.counts[kind] += 1
        self.stop.wait(PAUSE)

    def _ask(self, method, name, address=None):
        body = None if address is None else json.dumps({"address": address})
        answer = self._http.request(method, f"{self._url}/{name}", body=body)
        content = answer.json()
        if answer.status == 503:
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert int(answer.headers["Retry-After"]) >= 1
            self.problem = content
            raise Refused
        assert answer.status == 200, (answer.status, content)
        return content


class Clients:
    """The clients of several customers; they end with the block.

    Args:
        url: Of the service.
        journal: Where they note their answers.
        customers: Whose they are.
        each: How many a customer has.
        certain: Whether a refusal proves that nothing was done.
    """

    def __init__(self, url, journal, customers, *, each=2, certain=True):
        self._all = []
        for customer in customers:
            names = []
            self._all += [Client(url, journal, customer, number, names, certain=certain) for number in range(each)]

    def __enter__(self):
        for client in self._all:
            client.start()
        return self

    def __exit__(self, *_):
        for client in self._all:
            client.stop.set()
        for client in self._all:
            client.join(90)
            assert not client.is_alive()

    def of(self, *customers):
        """Those of some customers, or all."""
        return [client for client in self._all if not customers or client.customer in customers]

    def go_on(self, *customers, what=("read", "write"), within=30):
        """Wait until each client of these customers, or of all, has had five more answers of each kind.

        Raises:
            AssertionError: A client had an answer that no client should have.
        """
        before = {client: client.counts.copy() for client in self.of(*customers)}

        def on():
            self.raise_errors()
            return all(client.counts[kind] >= then[kind] + 5 for client, then in before.items() for kind in what)

        eventually(on, within=within, every=0.02, message=f"{', '.join(what)} by clients of {customers or 'all'}")

    def raise_errors(self):
        """Raise the first unexpected answer of a client."""
        for client in self._all:
            if client.error is not None:
                raise client.error

    def only_read(self, customer):
        """Have a customer's clients write no more, and wait until the last write is over."""
        for client in self.of(customer):
            client.writing.clear()
        self.go_on(customer, what=["read"])

    def write_again(self, customer):
        """Undo `only_read`."""
        for client in self.of(customer):
            client.writing.set()
