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
    """Seconds within which the registration of a process that was killed is gone: the stated bound."""
    return gone_within(session_timeout)


@pytest.fixture(scope="module")
def whole_registry(zookeeper, session_timeout):
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
    """All processes of the test."""
    started = []
    yield started
    for process in started:
        process.kill()


def deleted(client, path):
    """Delete a node and what is below it; a registration that ends may create its node once more meanwhile."""
    client.delete(path, recursive=True)
    return True


@pytest.fixture
def chroots(whole_registry):
    """Name a path that is not there; what is made of it is removed after the test."""
    made = []

    def name(path):
        made.append(f"/chroot{time.time_ns()}")
        return f"{made[-1]}{path}"

    yield name
    for path in made:
        # A protected registry below it can be removed by nobody else.
        whole_registry.client.add_auth("digest", "users:secret")
        eventually(lambda path=path: deleted(whole_registry.client, path), within=10, despite=NotEmptyError)


@pytest.fixture
def extension(hosts, session_timeout, listener):
    """Make an application with the extension, for an address that listens."""
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
    """Start processes of a service, without waiting for them."""

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
    """Start processes of services, and wait until they serve and are registered."""

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
    """Start one process of a service."""
    return lambda name, **options: providers(name, **options)[0]


@pytest.fixture
def library(way, hosts, session_timeout, monkeypatch):
    """The published library or the corrected one, in this process."""
    library = WAYS[way](hosts, session_timeout, monkeypatch)
    yield library
    library.close()


@pytest.fixture
def forked(way, hosts, session_timeout, fork_server, tmp_path, processes):
    """Look a service up in a process, in its child after a fork, and in the process again."""

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
    """Open connections of the corrected library, which are closed after the test."""
    with contextlib.ExitStack() as stack:

        def connect(to=hosts, **options):
            options = {"session_timeout": session_timeout, **options}
            return stack.enter_context(Connection(to, **options))

        yield connect


@pytest.fixture
def background_threads():
    """Run work in several threads at once, ignoring errors without ZooKeeper; return the threads."""

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
    """Ask until ZooKeeper does not answer; the error, and after how many seconds it came.

    One that is being frozen may finish what it is at.
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
    """Open a connection of the corrected library without a proxy in between, for measurements."""
    return partial(connect, str(zookeeper.direct_address()))


@pytest.fixture
def cached(directly, session_timeout):
    """Lookups from the cache."""
    with CachedDiscovery(directly(), grace=session_timeout) as cached:
        yield cached


@pytest.fixture
def vanishing(registry, provider):
    """Register a service whose instance vanishes as soon as a client of a certain class has listed it."""

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
    """The address of a server that is `absent`, or `silent`: that accepts connections and never answers."""
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
    """Take the time of a block: `seconds`, afterwards."""
    took = SimpleNamespace()
    start = time.monotonic()
    try:
        yield took
    finally:
        took.seconds = time.monotonic() - start


@pytest.fixture
def stopwatch():
    """Takes the time of a block."""
    return measured


@pytest.fixture
def asking(directly):
    """Lookups that ask ZooKeeper each time."""
    return Discovery(directly())


@pytest.fixture
def short_cut(zookeeper):
    """Break every connection for half a second, far shorter than a session timeout."""

    def cut():
        zookeeper.cut()
        zookeeper.mend()

    return cut


@pytest.fixture
def register(whole_registry):
    """Register an instance without a process."""

    def register(name, instance):
        path = instance_path(name, instance)
        whole_registry.client.create(path, instance.to_json(), ephemeral=True, makepath=True)

    return register


@pytest.fixture
def registered(connect):
    """Let the library register an instance that pretends to listen; returns when it is registered."""

    def register(name, instance, **options):
        registration = Registration(connect(**options), name, instance, listening=lambda: True).start()
        assert registration.wait(10)

    return register


@pytest.fixture
def registering(connect):
    """Begin to register an instance that pretends to listen, by its own connection or a given one; both of them."""
    with contextlib.ExitStack() as stack:

        def register(name, instance, connection=None, **options):
            connection = connection or connect()
            registration = Registration(connection, name, instance, listening=lambda: True, **options)
            return stack.enter_context(registration), connection

        yield register


class Ill:
    """A health check of something that falls ill, in one of three ways, and recovers."""

    def __init__(self):
        self.calls = 0
        self._illness = None
        self._recovered = threading.Event()

    def __call__(self):
        self.calls += 1
        if self._illness == "raises":
            raise RuntimeError(self._illness)
        if self._illness == "hangs":
            self._recovered.wait(30)
        return self._illness is None

    def begins(self, illness):
        self._illness = illness

    def ends(self):
        self._illness = None
        self._recovered.set()


@pytest.fixture
def ill():
    """A health check that can be made to fail."""
    ill = Ill()
    yield ill
    ill.ends()


@pytest.fixture
def after_a_fork(hosts, session_timeout, fork_server, tmp_path, processes):
    """Look a service up and register another in a process, fork, and do so in the child; what was found."""

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
    """A client without a credential."""
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
    """Start two processes that look a service up repeatedly, and wait until each has found an instance."""

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
    """Host and port of a socket that listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield tuple(map(str, server.getsockname()))


@pytest.fixture
def command(hosts):
    """Run the command to its end, and return its exit code and output."""

    def run(*words):
        result = CliRunner().invoke(cli.app, ["--hosts", hosts, *words])
        return result.exit_code, result.output

    return run


@pytest.fixture
def running_command(fork_server, hosts, tmp_path, processes):
    """Start the command in a process of its own."""

    def start(*words):
        output = tmp_path / f"{words[0]} says"
        arguments = ("--hosts", hosts, *words)
        pid = fork_server.start("reference.service_discovery.cli:app", *arguments, OUTPUT=str(output))
        processes.append(Child(pid, words[0], output))
        return processes[-1]

    return start
