"""One connection to ZooKeeper a process: made at first use by whichever thread comes first, and anew after a fork."""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, Self, TypeVar, cast

from kazoo.client import KazooClient
from kazoo.exceptions import ConnectionClosedError, NoNodeError
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.hosts import collect_hosts
from kazoo.protocol.states import KazooState
from kazoo.retry import KazooRetry, RetryFailedError

from .credential import Credential
from .errors import BadInput, Unreachable

A = TypeVar("A")

HOSTS = "127.0.0.1:2181"
CONNECT_TIMEOUT = 5.0
SESSION_TIMEOUT = 10.0
# kazoo's own pause between two attempts to reconnect grows up to an hour.
RECONNECT_AT_LEAST_EVERY = 1.0


class Connection:
    """A connection to ZooKeeper that may be shared by all threads of a process, and survives a fork.

    It connects at first use. Once connected it reconnects by itself for as long as it takes; when ZooKeeper has
    meanwhile ended the session, it gets a new one. A forked child gets a connection of its own: it inherits the
    sockets but none of the threads that serve them. It closes at exit; what is ephemeral goes with it.

    Args:
        hosts: `HOST:PORT,...`, and optionally a `/PATH` that everything is below.
        session_timeout: Seconds without a sign of life after which ZooKeeper ends the session. The server may grant
            another one: between two and twenty of its ticks.
        connect_timeout: Seconds that connecting, and any question asked, may take.
        credential: What this process shows to ZooKeeper, if anything.
        client_class: What it is made of: `functools.partial(KazooClient, use_ssl=True, ca="ca.pem")` for TLS.

    Raises:
        BadInput: A timeout is not positive, or the hosts are not of that form.
    """

    def __init__(
        self,
        hosts: str = HOSTS,
        *,
        session_timeout: float = SESSION_TIMEOUT,
        connect_timeout: float = CONNECT_TIMEOUT,
        credential: Credential | None = None,
        client_class: Callable[..., KazooClient] = KazooClient,
    ) -> None:
        for name, seconds in (("session_timeout", session_timeout), ("connect_timeout", connect_timeout)):
            if not 0 < seconds < 3600:
                raise BadInput(f"{name} is more than 0 and less than 3600 seconds, not {seconds!r}")
        self.hosts = _checked(hosts)
        self.session_timeout = session_timeout
        self.connect_timeout = connect_timeout
        self.credential = credential
        self._client_class = client_class
        self._closed = False
        self._renew()
        renew_after_fork(self._renew)

    def _renew(self) -> None:
        self._lock = threading.Lock()  # another thread may have held the old one as the process forked
        self._listeners: set[Callable[[], None]] = set()
        self._client: KazooClient | None = None
        self._attempts = 0
        self._failure: Unreachable | None = None
        self._down_since: float | None = None

    def client(self) -> KazooClient:
        """Return this process's client, connected at least once.

        Threads that come while another one connects wait for it, and share its error.

        Raises:
            Unreachable: No connection within `connect_timeout`; the next call tries again. Or it has been closed.
        """
        client = self._client
        if client is None:
            attempts = self._attempts
            with self._lock:
                if self._closed:
                    raise Unreachable(f"the connection to {self.hosts} has been closed")
                if self._client is None:
                    if self._attempts > attempts and self._failure is not None:
                        raise Unreachable(*self._failure.args)
                    self._client = self._connected()
                client = self._client
        return client

    def _connected(self) -> KazooClient:
        client = self._client_class(
            self.hosts,
            timeout=self.session_timeout,
            auth_data=[self.credential.auth] if self.credential else None,
            connection_retry=KazooRetry(
                max_tries=-1, delay=0.05, max_delay=min(RECONNECT_AT_LEAST_EVERY, self.session_timeout / 4)
            ),
        )
        client.add_listener(self._changed)
        if not client.start_async().wait(self.connect_timeout):
            # Stopping may take as long as a silent server is waited for: not on the caller's time.
            threading.Thread(target=_end, args=(client,), daemon=True).start()
            self._attempts += 1
            self._failure = Unreachable(
                f"no connection to ZooKeeper at {self.hosts} within {self.connect_timeout:g} s: does it run there?"
            )
            raise self._failure
        atexit.register(self.close)
        return client

    def ask(self, request: Callable[[KazooClient], Any], within: float | None = None) -> Any:
        """Ask ZooKeeper and return its answer, again and again over lost connections.

        So a request must be one that may be carried out twice.

        Args:
            request: Calls one of the client's `_async` methods and returns its result.
            within: Seconds it may take in all; `connect_timeout` by default.

        Raises:
            Unreachable: No answer in that time.
            kazoo.exceptions.KazooException: What ZooKeeper answered, such as NoNodeError.
        """
        return self._answered(lambda client, left: request(client).get(timeout=left()), within)

    def ask_all(self, requests: Callable[[KazooClient], list[Any]], within: float | None = None) -> list[Any]:
        """Ask several things at once, as `ask` does; None stands for the answer about a node that is not there."""

        def one(result: Any, seconds: float) -> Any:
            try:
                return result.get(timeout=seconds)
            except NoNodeError:
                return None

        return self._answered(lambda client, left: [one(result, left()) for result in requests(client)], within)

    def _answered(self, answer: Callable[[KazooClient, Callable[[], float]], A], within: float | None) -> A:
        within = self.connect_timeout if within is None else within
        client = self.client()
        until = time.monotonic() + within
        retry = KazooRetry(max_tries=-1, delay=0.02, max_delay=0.2, deadline=within)
        try:
            return cast(A, retry(answer, client, lambda: max(until - time.monotonic(), 0.001)))
        except (KazooTimeoutError, RetryFailedError, ConnectionClosedError) as error:
            raise Unreachable(f"no answer from ZooKeeper at {self.hosts} within {within:g} s") from error

    @property
    def down_for(self) -> float:
        """Seconds since the connection was lost; 0 while it is there, as far as it knows."""
        since = self._down_since
        return 0.0 if since is None else time.monotonic() - since

    @property
    def session(self) -> int | None:
        """Id of the present session, if there is one."""
        identity = None if self._client is None else self._client.client_id
        return None if identity is None else int(identity[0])

    @property
    def closed(self) -> bool:
        """Whether it was closed, for good."""
        return self._closed

    def listen(self, listener: Callable[[], None]) -> None:
        """Have a function called at each change of the connection's state.

        It is called on the very thread that serves the connection. So it must not block, nor ask ZooKeeper anything:
        it would wait for itself.
        """
        self._listeners.add(listener)

    def unlisten(self, listener: Callable[[], None]) -> None:
        """Have it called no more."""
        self._listeners.discard(listener)

    def _changed(self, state: str) -> None:
        if state == KazooState.CONNECTED:
            self._down_since = None
        elif self._down_since is None:
            self._down_since = time.monotonic()
        for listener in list(self._listeners):
            listener()

    def close(self) -> None:
        """End the session, and with it every ephemeral node of it, at once."""
        with self._lock:
            self._closed = True
            client, self._client = self._client, None
        if client is not None:
            atexit.unregister(self.close)
            _end(client)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _end(client: KazooClient) -> None:
    client.stop()
    client.close()


def renew_after_fork(method: Callable[[], None]) -> None:
    """Have a method called in every forked child, for as long as its object lives."""
    reference = weakref.WeakMethod(method)

    def renew() -> None:
        if (alive := reference()) is not None:
            alive()

    os.register_at_fork(after_in_child=renew)


def _checked(hosts: str) -> str:
    try:
        found, _ = collect_hosts(hosts)
    except ValueError:
        found = []
    if not found or not all(host.strip() and 0 < port < 65536 for host, port in found):
        raise BadInput(f"hosts are written HOST:PORT,HOST:PORT, optionally with a /PATH at the end, not {hosts!r}")
    return hosts
