"""Looking up instances in a local copy that watches ZooKeeper: no round trip, and a bound on how old it may be."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from random import getrandbits
from time import monotonic
from typing import NamedTuple, Self

from kazoo.exceptions import KazooException, NoNodeError

from .connection import Connection, renew_after_fork
from .discovery import Lookup, read_all
from .errors import BadInput, Unreachable
from .instance import Instance
from .names import service_path
from .registration import gone_within

log = logging.getLogger(__name__)

GRACE = 30.0
ROUNDS = 3  # a session timeout


class Known(NamedTuple):
    """What was known of a service at one moment.

    Attributes:
        instances: All of them.
        number: How many.
        until: When it is too old to be handed out, by `time.monotonic`.
    """

    instances: tuple[Instance, ...]
    number: int
    until: float


class Watched:
    """A service that has been asked for.

    Attributes:
        path: Where its instances are.
        nodes: Instance by node, as last read.
        pzxid: Number of the transaction that last changed which nodes there are; None where nobody ever registered.
        stale: Whether they may have changed since.
    """

    def __init__(self, path: str, wake: threading.Event) -> None:
        self.path = path
        self.nodes: Mapping[str, Instance] = {}
        self.pzxid: int | None = None
        self.stale = True
        self._wake = wake

    def changed(self, _: object = None) -> None:
        """Take note that they may have changed; called on the client's event thread."""
        self.stale = True
        self._wake.set()


class CachedDiscovery(Lookup):
    """Answers from a local copy; the first question about a service waits for it to be read.

    A thread of its own keeps the copy. It reads a service's instances anew when a watch, a change of the
    connection's state or its own rounds (three a session timeout) say that they may have changed, and each round that
    ZooKeeper answers confirms the copy as it was when the round began.

    **How old an answer may be.** An instance that died is handed out for at most `gone_within(session_timeout)` (one
    and a half session timeouts and half a second), the session timeout being the one that was granted to the instance.
    That counts from its death, or from ZooKeeper's return if it was away meanwhile: it gives every session its whole
    timeout again. One that was stopped is gone as soon as the news arrives.

    **While ZooKeeper does not answer**, nobody's death can be learned of. Its absence should not be everybody's, so
    the copy is handed out for `grace` seconds after it was last confirmed. From then on lookups raise `Unreachable`
    instead of sending callers to addresses that may be anybody's by now, until it answers again. A process
    that was itself frozen finds its copy too old in the same way. So no answer is ever older than `bound`.

    Args:
        connection: Through which it reads.
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
        self._lock = threading.Lock()
        self._read = threading.Condition()
        self._thread: threading.Thread | None = None

    @property
    def bound(self) -> float:
        """The most seconds after an instance's death, or ZooKeeper's return, that it may still be handed out."""
        return gone_within(self._connection.session_timeout) + self.grace

    def find(self, service: str) -> Instance | None:
        """Return an instance by chance, each as likely as any other; None when there is none."""
        # What every request of a caller's pays: as few steps as there can be.
        try:
            instances, number, until = self._known[service]
        except KeyError:
            until = -math.inf
        if until < monotonic():
            instances, number, _ = self._fresh(service)
        # Fair to one part in 2**32 / number, and no secret; three times as fast as random.choice.
        return instances[getrandbits(32) % number] if number else None

    def instances(self, service: str) -> Sequence[Instance]:
        """Return all instances of a service, sorted; none for a service nobody ever registered."""
        known = self._known.get(service)
        if known is None or known.until < monotonic():
            known = self._fresh(service)
        return known.instances

    def close(self) -> None:
        """Stop keeping the copy; what is known then grows too old."""
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
        with self._lock:
            if service not in self._watched:
                self._watched[service] = Watched(path, self._wake)
            if self._thread is None:
                self._connection.listen(self._reconnected)
                self._thread = threading.Thread(target=self._run, name="cached discovery", daemon=True)
                self._thread.start()
        self._wake.set()
        # Where ZooKeeper has been away for long already, nobody is kept waiting for it.
        patience = self._connection.connect_timeout - self._connection.down_for

        def fresh() -> bool:
            known = self._known.get(service)
            return known is not None and known.until >= monotonic()

        with self._read:
            if not self._read.wait_for(fresh, timeout=patience):
                raise Unreachable(
                    f"ZooKeeper at {self._connection.hosts} does not answer: what is known of {str(service)!r} is "
                    f"older than {self.grace:g} s, or nothing"
                )
        return self._known[service]

    def _run(self) -> None:
        while True:
            self._wake.wait(self._connection.session_timeout / ROUNDS)
            self._wake.clear()
            if self._closed:
                return
            try:
                for service, watched in list(self._watched.items()):
                    self._confirm(service, watched)
            except (Unreachable, KazooException) as error:
                if self._connection.closed:
                    return
                log.warning("the copy of the registry is not confirmed: %s", error)

    def _reconnected(self) -> None:
        for watched in list(self._watched.values()):
            watched.changed()

    def _confirm(self, service: str, watched: Watched) -> None:
        """Make sure that what is known of a service was so when this began."""
        began = monotonic()
        if watched.stale or self._pzxid(watched.path) != watched.pzxid:
            watched.stale = False  # what changes from here on may not be read any more
            try:
                self._reread(watched)
            except BaseException:
                watched.stale = True
                raise
        instances = tuple(sorted(set(watched.nodes.values())))
        with self._read:
            self._known[service] = Known(instances, len(instances), began + self.grace)
            self._read.notify_all()

    def _pzxid(self, path: str, watch: Callable[[object], None] | None = None) -> int | None:
        stat = self._connection.ask(lambda client: client.exists_async(path, watch=watch))
        return None if stat is None else int(stat.pzxid)

    def _reread(self, watched: Watched) -> None:
        path = watched.path
        try:
            nodes, stat = self._connection.ask(
                lambda client: client.get_children_async(path, watch=watched.changed, include_data=True)
            )
        except NoNodeError:
            watched.nodes, watched.pzxid = {}, None
            if self._pzxid(path, watched.changed) is not None:
                watched.changed()  # it came into being between the two questions
            return
        new = read_all(self._connection, path, [node for node in nodes if node not in watched.nodes])
        known = {**watched.nodes, **new}
        watched.nodes = {node: known[node] for node in nodes if node in known}
        watched.pzxid = stat.pzxid
