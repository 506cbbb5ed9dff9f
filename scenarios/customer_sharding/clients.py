"""Clients that insert, change, delete and read people continuously, and record every answer in a journal."""

import contextlib
import json
import random
import threading
import time
from collections import Counter
from typing import NamedTuple

import urllib3

from fixtures.waiting import eventually

PAUSE, AFTER_A_REFUSAL = 0.01, 0.02  # seconds; without pauses the clients leave the movers no processor
ANSWERS = 3  # of each client and kind, after which it is said to go on


class Refused(Exception):
    """The service answered 503 with Retry-After."""


class Answer(NamedTuple):
    """The time of a request, its kind, and the seconds until its answer."""

    asked: float
    op: str
    seconds: float


class Client(threading.Thread):
    """A client of a customer: does one operation after the other, and retries a write until it is acknowledged.

    Args:
        url: URL of the service.
        journal: Journal of its operations and their outcomes. Keys are `[customer, name]`, values addresses.
        customer: Identifier of the customer.
        number: Number of the client among the customer's clients, and seed of its operations.
        names: The names that all clients of the customer have written.
        certain: Whether a refusal proves that a write had no effect, which holds while no database is killed.
        pause: Seconds from an answer to the next request.
        server: Name of the database that the customer stays in, for the journal; None where the customer may move.
    """

    def __init__(self, url, journal, customer, number, names, *, certain, pause, server):
        super().__init__(name=f"{customer}/{number}", daemon=True)
        self.customer = customer
        self.counts = Counter()
        self.answers, self.refusals = [], []
        self.problem, self.error = None, None
        self.writing, self.stop = threading.Event(), threading.Event()
        self.writing.set()
        self._url, self._journal, self._names = f"{url}/person/{customer}", journal, names
        self._certain, self._pause, self._server = certain, pause, server
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
        except Exception as error:  # noqa: BLE001 raised later, in the test's thread
            self.error = error

    def longest_refusal(self):
        """Seconds from a first refusal of a write to the last one asked for before another write is acknowledged."""
        outcomes = [(each.asked, each.asked + each.seconds, True) for each in self.refusals if each.op == "write"]
        outcomes += [(each.asked, each.asked + each.seconds, False) for each in self.answers if each.op == "write"]
        longest, since = 0.0, None
        for asked, answered, refused in sorted(outcomes):
            since = (since or answered) if refused else None
            longest = max(longest, asked - since) if refused else longest
        return longest

    def _write(self, number):
        """Of five writes, three insert a person, one changes an address, one deletes; names are never reused."""
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
            noted = {"failed": failed, "server": self._server}
            with self._journal.operation(self.name, op, [self.customer, name], value, **noted) as operation:
                yield operation
        except Refused:
            self.refusals.append(Answer(asked, kind, time.monotonic() - asked))
            self.counts["refused"] += 1
            self.stop.wait(AFTER_A_REFUSAL)
            return
        self.answers.append(Answer(asked, kind, time.monotonic() - asked))
        self.counts[kind] += 1
        self.stop.wait(self._pause)

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
    """The clients of several customers, which run for the duration of a block.

    Args:
        url: URL of the service.
        journal: Journal of their operations.
        customers: Identifiers of the customers.
        each: Number of clients of each customer.
        certain: Whether a refusal proves that a write had no effect.
        pause: Seconds from an answer to a client's next request.
        servers: By customer, the database that the customer stays in.
    """

    def __init__(self, url, journal, customers, *, each=2, certain=True, pause=PAUSE, servers=None):
        self._all = []
        for customer in customers:
            names = []
            self._all += [
                Client(
                    url,
                    journal,
                    customer,
                    number,
                    names,
                    certain=certain,
                    pause=pause,
                    server=(servers or {}).get(customer),
                )
                for number in range(each)
            ]

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
        """Return the clients of some customers, or of all."""
        return [client for client in self._all if not customers or client.customer in customers]

    def go_on(self, *customers, what=("read", "write"), within=30):
        """Wait until each client of these customers, or of all, has had some more answers of each kind.

        Raises:
            AssertionError: A client had an answer that no client should have.
        """
        self.go_on_each(dict.fromkeys(customers or [each.customer for each in self._all], what), within)

    def go_on_each(self, what, within=30):
        """Wait until each client of some customers has had some more answers, of the kinds given for each customer."""
        before = {client: client.counts.copy() for client in self.of(*what)}

        def on():
            self.raise_errors()
            return all(
                client.counts[kind] >= then[kind] + ANSWERS
                for client, then in before.items()
                for kind in what[client.customer]
            )

        eventually(on, within=within, every=0.02, message=f"answers to clients: {what}")

    def raise_errors(self):
        """Raise the first unexpected answer of a client."""
        for client in self._all:
            if client.error is not None:
                raise client.error

    def only_read(self, customer):
        """Stop the writes of a customer's clients, and wait until the last one has ended."""
        for client in self.of(customer):
            client.writing.clear()
        self.go_on(customer, what=["read"])

    def write_again(self, customer):
        """Undo `only_read`."""
        for client in self.of(customer):
            client.writing.set()
