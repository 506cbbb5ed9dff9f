"""Fixtures of the scenario: the registry, processes that register and look up, and faults."""

import contextlib
import json
import socket
import threading
import time
from functools import partial
from types import SimpleNamespace

import pytest
from flask import Flask
from kazoo.client import KazooClient
from kazoo.exceptions import NotEmptyError
from typer.testing import CliRunner

from fixtures.fork_server import ForkServer
from fixtures.waiting import eventually
from reference.service_discovery import cli
from reference.service_discovery.errors import Unreachable
from reference.service_discovery.flask import ServiceDiscovery
from reference.service_discovery.lookup.cache import CachedDiscovery
from reference.service_discovery.lookup.discovery import Discovery
from reference.service_discovery.names import instance_path
from reference.service_discovery.register.registration import Registration, gone_within
from reference.service_discovery.zookeeper.connection import Connection
from scenarios.service_discovery.lookups import Lookups
from scenarios.service_discovery.processes import Child, Provider
from scenarios.service_discovery.registry import Registry
from scenarios.service_discovery.ways import WAYS


@pytest.fixture(scope="module")
def session_timeout(zookeeper):
    """The longest session timeout that the server grants, in seconds."""
    return 20 * zookeeper.service.tick / 1000


@pytest.fixture(scope="module")
def expired(session_timeout):
    """The stated bound: seconds within which the registration of a killed process is gone."""
    return gone_within(session_timeout)


@pytest.fixture(scope="module")
def whole_registry(zookeeper, session_timeout):
    """The registry in ZooKeeper, shared by the tests of a module and not emptied between them."""
    registry = Registry(str(zookeeper.direct_address()), session_timeout)
    yield registry
    registry.close()


@pytest.fixture
def registry(whole_registry):
    """The registry in ZooKeeper, empty at first."""
    whole_registry.clear()
    return whole_registry


@pytest.fixture
def hosts(zookeeper, registry):
    """Address of ZooKeeper for clients, with an empty registry."""
    assert registry.services() == []
    return zookeeper.url


@pytest.fixture(scope="package")
def fork_server():
    """A fork server that has imported what providers and callers need."""
    ours = [f"scenarios.service_discovery.{name}" for name in ("application", "caller", "first_use")]
    fork_server = ForkServer(["gunicorn.app.wsgiapp", "gunicorn.workers.sync", "gunicorn.workers.gthread", *ours])
    yield fork_server
    fork_server.close()


@pytest.fixture
def processes():
    """The processes that a test starts, which are killed when it ends."""
    started = []
    yield started
    for process in started:
        process.kill()


def deleted(client, path):
    """Delete a node and what is below it, and return True.

    A registration that is ending may create its node once more meanwhile: then NotEmptyError is raised.
    """
    client.delete(path, recursive=True)
    return True


@pytest.fixture
def chroots(whole_registry):
    """Return a function that names a path that does not exist yet; what a test creates there is deleted afterwards."""
    named = []

    def name(path):
        named.append(f"/chroot{time.time_ns()}")
        return f"{named[-1]}{path}"

    yield name
    for path in named:
        # A protected registry below it can only be deleted with its credential.
        whole_registry.client.add_auth("digest", "users:secret")
        eventually(lambda path=path: deleted(whole_registry.client, path), within=10, despite=NotEmptyError)


@pytest.fixture
def extension(hosts, session_timeout, listener):
    """Return a function that adds the extension to a Flask application whose address listens."""
    with contextlib.ExitStack() as stack:

        def extension(at_start):
            app = Flask("users")
            app.config |= {"SERVICE": "users", "HOST": listener[0], "PORT": listener[1], "ZOOKEEPER": hosts}
            app.config |= {"ZOOKEEPER_AT_START": at_start, "ZOOKEEPER_CONNECT_TIMEOUT": 0.3}
            app.config |= {"ZOOKEEPER_SESSION_TIMEOUT": session_timeout}
            discovery = ServiceDiscovery(app)
            stack.callback(discovery.close)
            return discovery

        yield extension


@pytest.fixture
def starting(way, hosts, session_timeout, fork_server, tmp_path, processes):
    """Return a function that starts a process of a service and does not wait for it."""

    def start(name, *, implementation=way, listener="on_the_event_thread", start_in="factory", **options):
        environment = {
            "WAY": implementation,
            "LISTENER": listener,
            "START_IN": start_in,
            "ZOOKEEPER": hosts,
            "ZOOKEEPER_SESSION_TIMEOUT": str(session_timeout),
            "ZOOKEEPER_GRACE": str(session_timeout),
        }
        process = Provider(fork_server, tmp_path, name, **{**environment, **options})
        processes.append(process)
        return process

    return start


@pytest.fixture
def providers(starting, registry):
    """Return a function that starts processes of services, and waits until they serve and are registered."""

    def start(*names, **options):
        started = [starting(name, **options) for name in names]
        for each in started:
            each.answers()
        for each in started:
            eventually(lambda each=each: each.address in registry.addresses(each.name), within=10)
        return started

    return start


@pytest.fixture
def provider(providers):
    """Return a function that starts a process of a service, and waits until it serves and is registered."""
    return lambda name, **options: providers(name, **options)[0]


@pytest.fixture
def library(way, hosts, session_timeout, monkeypatch):
    """The published library or the corrected one, in this process."""
    library = WAYS[way](hosts, session_timeout, monkeypatch)
    yield library
    library.close()


@pytest.fixture
def forked(way, hosts, session_timeout, fork_server, tmp_path, processes):
    """Return a function that looks a service up in a process, in its child after a fork, and in the process again.

    It returns the instances that were found.
    """

    def run(service):
        file = tmp_path / "found"
        arguments = (way, hosts, str(session_timeout), service, str(file))
        child = Child(fork_server.start("scenarios.service_discovery.first_use:main", *arguments), "forked")
        processes.append(child)
        child.process.wait(30)
        return json.loads(file.read_text())

    return run


@pytest.fixture
def connect(hosts, session_timeout):
    """Return a function that opens connections of the corrected library, which are closed after the test."""
    with contextlib.ExitStack() as stack:

        def connect(to=hosts, **options):
            options = {"session_timeout": session_timeout, **options}
            return stack.enter_context(Connection(to, **options))

        yield connect


@pytest.fixture
def background_threads():
    """Return a function that starts threads which do some work, where ZooKeeper may be unreachable."""

    def start(number, work):
        def run():
            with contextlib.suppress(Unreachable):
                work()

        threads = [threading.Thread(target=run, daemon=True) for _ in range(number)]
        for thread in threads:
            thread.start()
        return threads

    return start


@pytest.fixture
def refusal():
    """Return a function that asks until ZooKeeper does not answer.

    It returns the error, and after how many seconds the last question failed. A server that is being frozen may still
    answer a first question.
    """

    def ask(question):
        while True:
            start = time.monotonic()
            try:
                question()
            except Unreachable as error:
                return error, time.monotonic() - start

    return ask


@pytest.fixture
def directly(connect, zookeeper):
    """Return a function that opens a connection without a proxy in between, for measurements."""
    return partial(connect, str(zookeeper.direct_address()))


@pytest.fixture
def cached(directly, session_timeout):
    """A cache of the corrected library, on a connection without a proxy."""
    with CachedDiscovery(directly(), grace=session_timeout) as cached:
        yield cached


@pytest.fixture
def vanishing(registry, provider):
    """Return a function that registers a service, and returns the class of a client that sees its instance vanish.

    The instance is deleted as soon as such a client has listed it.
    """

    def register(name):
        provider(name)

        class Listing(KazooClient):
            def get_children_async(self, *arguments, **options):
                answer = super().get_children_async(*arguments, **options)
                answer.wait()
                registry.clear()
                return answer

        return Listing

    return register


@pytest.fixture
def unanswering():
    """Return a function for the address of an `absent` server, or a `silent` one, which accepts and never answers."""
    with contextlib.ExitStack() as stack:

        def start(server):
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            host, port = listener.getsockname()
            if server == "absent":
                listener.close()
            return f"{host}:{port}"

        yield start


@contextlib.contextmanager
def measured():
    """Measure the time of a block; the object that it yields then has it as `seconds`."""
    took = SimpleNamespace()
    start = time.monotonic()
    try:
        yield took
    finally:
        took.seconds = time.monotonic() - start


@pytest.fixture
def stopwatch():
    """A context manager that measures the time of a block."""
    return measured


@pytest.fixture
def asking(directly):
    """Lookups of the corrected library that ask ZooKeeper each time."""
    return Discovery(directly())


@pytest.fixture
def short_cut(zookeeper):
    """Return a function that breaks every connection for a moment, far shorter than a session timeout."""

    def cut():
        zookeeper.cut()
        zookeeper.mend()

    return cut


@pytest.fixture
def register(whole_registry):
    """Return a function that registers an instance by creating its node, without a process that renews it."""

    def register(name, instance):
        path = instance_path(name, instance)
        whole_registry.client.create(path, instance.to_json(), ephemeral=True, makepath=True)

    return register


@pytest.fixture
def registered(connect):
    """Return a function that registers an instance with the library, which takes it for listening, and waits for it."""

    def register(name, instance, **options):
        registration = Registration(connect(**options), name, instance, listening=lambda: True).start()
        assert registration.wait(10)

    return register


@pytest.fixture
def registering(connect):
    """Return a function that begins to register an instance with the library, which takes it for listening.

    It returns the registration and its connection: the given one, or one of its own.
    """
    with contextlib.ExitStack() as stack:

        def register(name, instance, connection=None, **options):
            connection = connection or connect()
            registration = Registration(connection, name, instance, listening=lambda: True, **options)
            return stack.enter_context(registration), connection

        yield register


class FailingCheck:
    """A health check that a test can make fail in one of three ways, and recover."""

    def __init__(self):
        self.calls = 0
        self._failure = None
        self._recovered = threading.Event()

    def __call__(self):
        self.calls += 1
        if self._failure == "raises":
            raise RuntimeError(self._failure)
        if self._failure == "hangs":
            self._recovered.wait(30)
        return self._failure is None

    def fail(self, failure):
        """Fail from now on: the check `raises`, `hangs`, or `returns False`."""
        self._failure = failure

    def recover(self):
        self._failure = None
        self._recovered.set()


@pytest.fixture
def failing_check():
    """A health check that the test can make fail; a call that hangs ends with the test."""
    check = FailingCheck()
    yield check
    check.recover()


@pytest.fixture
def after_a_fork(hosts, session_timeout, fork_server, tmp_path, processes):
    """Return a function that looks a service up and registers another in a process, and again in its forked child.

    It returns what the two processes found.
    """

    def run(before, after, registered):
        file = tmp_path / "after the fork"
        arguments = (hosts, str(session_timeout), before, after, registered, str(file))
        child = Child(fork_server.start("scenarios.service_discovery.first_use:cached", *arguments), "forked")
        processes.append(child)
        child.process.wait(30)
        return json.loads(file.read_text())

    return run


@pytest.fixture
def stranger(zookeeper):
    """A ZooKeeper client that has no credential."""
    client = KazooClient(zookeeper.url)
    client.start()
    yield client
    client.stop()
    client.close()


@pytest.fixture
def journal(tmp_path):
    """The journal of the callers' lookups and of the faults injected into the services."""
    with Lookups(tmp_path / "journal") as journal:
        yield journal


@pytest.fixture
def callers(fork_server, hosts, session_timeout, journal, processes):
    """Return a function that starts two processes that look a service up repeatedly, and waits for a first result."""

    def start(service, of):
        for provider in of:
            journal.birth(provider)
        started = []
        for name in ("one", "other"):
            arguments = (hosts, str(session_timeout), service, str(journal.path), name)
            caller = Child(fork_server.start("scenarios.service_discovery.caller:main", *arguments), name)
            processes.append(caller)
            started.append(caller)
        for caller in started:
            eventually(lambda caller=caller: journal.done("read", caller.name), within=10)
        return started

    return start


@pytest.fixture
def listener():
    """Host and port of a socket that listens, as texts."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield tuple(map(str, server.getsockname()))


@pytest.fixture
def command(hosts):
    """Return a function that runs the command to its end, and returns its exit code and output."""

    def run(*words):
        result = CliRunner().invoke(cli.app, ["--hosts", hosts, *words])
        return result.exit_code, result.output

    return run


@pytest.fixture
def running_command(fork_server, hosts, tmp_path, processes):
    """Return a function that starts the command in a process of its own."""

    def start(*words):
        output = tmp_path / f"{words[0]} says"
        arguments = ("--hosts", hosts, *words)
        pid = fork_server.start("reference.service_discovery.cli:app", *arguments, OUTPUT=str(output))
        processes.append(Child(pid, words[0], output))
        return processes[-1]

    return start
