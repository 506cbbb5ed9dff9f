"""Looking up instances in a local copy that watches ZooKeeper: without a round trip, and with a bound on its age.

Open this module to see how old an answer may be, and what lookups answer while ZooKeeper is away or just back.
"""

from __future__ import annotations

import logging
import math
import random
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import cycle, repeat
from time import monotonic
from typing import NamedTuple, Self

from kazoo.exceptions import KazooException, NoNodeError

from reference.service_discovery.errors import BadInput, DiscoveryError, NotAllowed, Unreachable
from reference.service_discovery.instance import Instance
from reference.service_discovery.names import ROOT, service_path
from reference.service_discovery.register.registration import gone_within
from reference.service_discovery.zookeeper.connection import Connection, renew_after_fork

from .discovery import Lookup, read_all

log = logging.getLogger(__name__)

GRACE = 30.0
ROUNDS = 3  # a session timeout
# A thread that wakes up so many seconds late was stopped together with its process.
STOPPED = 1.0
# The drawn order of the instances is repeated after at least so many lookups.
DRAWN = 256


class Known(NamedTuple):
    """The cached state of a service at one time.

    Attributes:
        choose: Returns a random instance, or None where there is none.
        until: Time, by `time.monotonic`, after which it is too old to be used.
        instances: All instances, sorted.
    """

    choose: Callable[[], Instance | None]
    until: float
    instances: tuple[Instance, ...]


class Watched:
    """A node whose children are watched: the root's are services, a service's are instances.

    Attributes:
        path: The node's path.
        nodes: Instance by child, as last read.
        kept: Instances that vanished when ZooKeeper came back, and that may register again.
        pzxid: Number of the transaction that last changed which children there are; None where there is no node.
        stale: Whether the children may have changed since they were read.
        fault: Why the children cannot be read, if they cannot.
        rounds: How often the node was found to be missing.
    """

    def __init__(self, path: str, wake: threading.Event) -> None:
        self.path = path
        self.nodes: Mapping[str, Instance] = {}
        self.kept: Mapping[str, Instance] = {}
        self.pzxid: int | None = None
        self.stale = True
        self.fault: DiscoveryError | None = None
        self.rounds = 0
        self._wake = wake

    def changed(self, _: object = None) -> None:
        """Record that the children may have changed; called on the client's event thread."""
        self.stale = True
        self._wake.set()


class CachedDiscovery(Lookup):
    """Answers from a local copy; the first lookup of a service waits until it has been read.

    A thread of its own keeps the copy. It reads a service's instances again when a watch, a change of the
    connection's state or its own rounds (three in a session timeout) show that they may have changed. Each round that
    ZooKeeper answers confirms the copy as of the moment when the round began. A service that cannot be read, or a
    malformed node, does not affect the lookups of other services. A name that no service has is forgotten after three
    rounds, and read again at its next lookup.

    **How old an answer may be.** An instance that died is handed out for at most `gone_within(session_timeout)` (one
    and a half session timeouts and half a second), with the session timeout that the server granted to the instance.
    That counts from its death, or from ZooKeeper's return if it was away meanwhile, since ZooKeeper then gives every
    session its whole timeout again. One that was stopped is gone as soon as the news arrives.

    **While ZooKeeper does not answer**, no death can be noticed. So that its absence is not everybody's, the copy is
    handed out for `grace` seconds after it was last confirmed. From then on lookups raise `Unreachable`
    until it answers again, instead of sending callers to addresses that may have other owners by now. A process
    that was itself stopped finds its copy too old in the same way, and a server that has lost its leader does not
    confirm the copy, though it would answer. So no answer is ever older than `bound`.

    **When ZooKeeper returns** after half a session timeout or more, it may have ended the sessions of all instances,
    which then register again one after the other. Instances that vanish within a session timeout of the return are kept
    for that time, so that the remaining ones do not get all the requests; one that was stopped in order is kept, too.

    Args:
        connection: The connection to read by.
        grace: Seconds, at least the session timeout; `math.inf` to answer for ever.

    Raises:
        BadInput: The grace is shorter than the session timeout.
    """

    def __init__(self, connection: Connection, *, grace: float = GRACE) -> None:
        if not grace >= connection.session_timeout:
            raise BadInput(
                f"the grace is at least the session timeout of {connection.session_timeout:g} s, not {grace!r}"
            )
        self.grace = grace
        self._connection = connection
        self._closed = False
        self._renew()
        renew_after_fork(self._renew)

    def _renew(self) -> None:
        # A forked child inherits what is known, but not the thread that keeps it.
        self._known: dict[str, Known] = {}
        self._watched: dict[str, Watched] = {}
        self._wake = threading.Event()
        self._root = Watched(ROOT, self._wake)
        self._registered: frozenset[str] | None = frozenset()
        self._lock = threading.Lock()
        self._read = threading.Condition()
        self._thread: threading.Thread | None = None
        self._answered = monotonic()
        self._returned = -math.inf
        self._stopped = False

    @property
    def bound(self) -> float:
        """The most seconds after an instance's death, or ZooKeeper's return, that it may still be handed out.

        It holds where ZooKeeper granted no instance a longer session timeout than this connection.
        """
        return gone_within(self._connection.granted_session_timeout) + self.grace

    def find(self, service: str) -> Instance | None:
        """Return a random instance, each as likely as any other; None when there is none."""
        # The hot path of every request: as few steps as possible.
        try:
            choose, until, _ = self._known[service]
        except (KeyError, TypeError):  # TypeError: a name that is no string
            until = -math.inf
        if until < monotonic():
            choose = self._fresh(service).choose
        return choose()

    def instances(self, service: str) -> Sequence[Instance]:
        """Return all instances of a service, sorted; an empty sequence for a service that was never registered."""
        known = self._known.get(service)
        if known is None or known.until < monotonic():
            known = self._fresh(service)
        return known.instances

    def close(self) -> None:
        """Stop keeping the copy; lookups answer until it is too old."""
        self._closed = True
        self._connection.unlisten(self._reconnected)
        if self._thread is not None:
            self._wake.set()
            self._thread.join()
            self._thread = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _fresh(self, service: str) -> Known:
        """Wait until a service has been read or confirmed."""
        path = service_path(service)
        if self._closed:
            raise Unreachable("these lookups have been closed")
        self._connection.client()
        self._start()
        self._wake.set()
        found: list[Known | DiscoveryError] = []

        def fresh() -> bool:
            watched = self._watch(service, path)
            known = self._known.get(service)
            if known is not None and known.until >= monotonic():
                found.append(known)
            elif watched.fault is not None:
                found.append(watched.fault)
            return bool(found)

        # Where ZooKeeper has been away for long already, no caller waits for it.
        patience = self._connection.connect_timeout - self._connection.down_for
        with self._read:
            if not self._read.wait_for(fresh, timeout=patience):
                raise Unreachable(
                    f"ZooKeeper at {self._connection.hosts} does not answer: what is known of {str(service)!r} is "
                    f"older than {self.grace:g} s, or nothing is known"
                )
        if isinstance(found[0], DiscoveryError):
            raise type(found[0])(*found[0].args)
        return found[0]

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._answered = monotonic()
                self._connection.listen(self._reconnected)
                self._thread = threading.Thread(target=self._run, name="cached discovery", daemon=True)
                self._thread.start()

    def _watch(self, service: str, path: str) -> Watched:
        with self._lock:
            watched = self._watched.get(service)
            if watched is None:
                watched = self._watched[service] = Watched(path, self._wake)
        if service not in self._known:
            self._wake.set()
        return watched

    def _run(self) -> None:
        while True:
            pause, since = self._connection.granted_session_timeout / ROUNDS, monotonic()
            self._wake.wait(pause)
            self._wake.clear()
            if self._closed:
                return
            self._stopped |= monotonic() - since > pause + STOPPED
            try:
                self._round()
            except Unreachable as error:
                if self._connection.closed:
                    return
                log.warning("the copy of the registry is not confirmed: %s", error)
            except Exception:  # the thread must survive whatever it meets
                log.exception("the copy of the registry is not confirmed")

    def _reconnected(self) -> None:
        for watched in (self._root, *list(self._watched.values())):
            watched.changed()

    def _round(self) -> None:
        """Confirm what is known of every watched service, or read it again."""
        began = monotonic()
        services = dict(self._watched)
        pzxids = self._pzxids([ROOT, *(watched.path for watched in services.values() if self._exists(watched))])
        self._note_absence(began)
        self._read_root(pzxids[ROOT])
        for service, watched in services.items():
            try:
                self._confirm(service, watched, pzxids.get(watched.path), began)
            except Unreachable:
                raise
            except Exception as error:  # noqa: BLE001 one service's error must not affect the others
                self._set_fault(service, watched, error)

    def _note_absence(self, began: float) -> None:
        """Record when ZooKeeper came back after an absence, unless it was this process that had been stopped."""
        now = monotonic()
        self._stopped |= now - began > self._connection.connect_timeout + STOPPED
        if now - self._answered > self._connection.granted_session_timeout / 2:
            self._returned = -math.inf if self._stopped else now
        self._answered, self._stopped = now, False

    def _exists(self, watched: Watched) -> bool:
        """Say whether a service has a node, as far as the root's children are known."""
        return self._registered is None or watched.path.rpartition("/")[2] in self._registered

    def _read_root(self, pzxid: int | None) -> None:
        root = self._root
        if not root.stale and pzxid == root.pzxid:
            return
        root.stale = False
        try:
            services, root.pzxid = self._children(root)
            self._registered = frozenset(services)
        except NotAllowed:
            self._registered = None  # each service is asked for by its name
        except BaseException:
            root.stale = True
            raise

    def _confirm(self, service: str, watched: Watched, pzxid: int | None, began: float) -> None:
        """Make sure that what is known of a service was so when the round began."""
        if not self._exists(watched):
            watched.nodes, watched.pzxid, watched.stale = {}, None, True
        elif watched.stale or pzxid != watched.pzxid:
            watched.stale = False  # a change from here on may not be read any more
            try:
                self._read_service(watched)
            except BaseException:
                watched.stale = True
                raise
        kept_until = self._returned + self._connection.granted_session_timeout
        if monotonic() >= kept_until:
            watched.kept = {}
        watched.fault = None
        watched.rounds = watched.rounds + 1 if watched.pzxid is None else 0
        instances = tuple(sorted({*watched.nodes.values(), *watched.kept.values()}))
        before = self._known.get(service)
        choose = before.choose if before is not None and before.instances == instances else choices(instances)
        until = min(began + self.grace, kept_until) if watched.kept else began + self.grace
        with self._read:
            self._known[service] = Known(choose, until, instances)
            self._read.notify_all()
        if watched.rounds > ROUNDS and not watched.kept:
            with self._lock:
                del self._watched[service], self._known[service]

    def _read_service(self, watched: Watched) -> None:
        nodes, watched.pzxid = self._children(watched)
        new = read_all(self._connection, watched.path, [node for node in nodes if node not in watched.nodes])
        known = {**watched.nodes, **new}
        there = {node: known[node] for node in nodes if node in known}
        if monotonic() < self._returned + self._connection.granted_session_timeout:
            watched.kept = {**watched.kept, **watched.nodes}
        watched.kept = {node: instance for node, instance in watched.kept.items() if node not in there}
        watched.nodes = there

    def _set_fault(self, service: str, watched: Watched, error: Exception) -> None:
        if not isinstance(error, DiscoveryError):
            error = DiscoveryError(f"the instances of {service!r} cannot be read: {error!r}")
        if watched.fault is None:
            log.warning("%s", error)
        with self._read:
            watched.fault, watched.nodes, watched.kept = error, {}, {}
            self._known.pop(service, None)
            self._read.notify_all()

    def _pzxids(self, paths: Sequence[str]) -> dict[str, int | None]:
        """Ask for all nodes at once: the number of the last change of each one's children, None without a node.

        The server that answers is brought up to date first: one that has lost its leader would go on answering what it
        knew then, for as long as it does not notice.
        """
        _, *stats = self._connection.ask_all(
            lambda client: [client.sync_async(ROOT), *(client.exists_async(path) for path in paths)]
        )
        return {
            path: None if stat is None or isinstance(stat, KazooException) else int(stat.pzxid)
            for path, stat in zip(paths, stats, strict=True)
        }

    def _children(self, watched: Watched) -> tuple[Iterable[str], int | None]:
        """Return the children of a node and the number of their last change; the next change is watched for."""
        try:
            children, stat = self._connection.ask(
                lambda client: client.get_children_async(watched.path, watch=watched.changed, include_data=True)
            )
        except NoNodeError:
            # A service's node shows in the root's children, which are watched; a watch for it would never end.
            if watched is self._root and self._connection.ask(
                lambda client: client.exists_async(watched.path, watch=watched.changed)
            ):
                watched.changed()  # the node came into being between the two requests
            return (), None
        except NotAllowed as error:
            raise NotAllowed(f"{watched.path} may not be read: its ACL does not name the credential shown") from error
        return children, int(stat.pzxid)


def choices(instances: Sequence[Instance]) -> Callable[[], Instance | None]:
    """Return a function that returns a random instance at each call, safe for all threads; None where there is none.

    It repeats a drawn order in which each instance stands equally often: three times as fast as a draw a call.
    """
    if not instances:
        return repeat(None).__next__
    times = math.ceil(DRAWN / len(instances))
    order = [each for _ in range(times) for each in random.sample(instances, len(instances))]
    return cycle(order).__next__
