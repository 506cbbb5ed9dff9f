"""The connection to ZooKeeper that all threads of a process share; a forked child gets a connection of its own.

Open this module to see what happens at first use, when ZooKeeper does not answer, and after a fork.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, Self, TypeVar, cast

from kazoo.client import KazooClient
from kazoo.exceptions import ConnectionClosedError, ConnectionLoss, NoAuthError, NoNodeError
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.protocol.serialization import Connect
from kazoo.protocol.states import KazooState
from kazoo.retry import KazooRetry, RetryFailedError

from reference.service_discovery.errors import BadInput, NotAllowed, Unreachable
from reference.service_discovery.hosts import check_connection_string

from .credential import Credential

A = TypeVar("A")

HOSTS = "127.0.0.1:2181"
CONNECT_TIMEOUT = 5.0
SESSION_TIMEOUT = 10.0
# kazoo's own pause between two attempts to reconnect grows up to an hour.
RECONNECT_AT_LEAST_EVERY = 1.0
# kazoo wakes its loop through a pair of sockets that holds some 270 requests. Whoever sends one more waits for the
# loop, and so does `stop`: for ever where the loop has ended meanwhile.
MOST_REQUESTS_AT_ONCE = 100


class Connection:
    """A connection to ZooKeeper that all threads of a process may share.

    It connects at first use. Once connected, it reconnects automatically for as long as it takes; if ZooKeeper has
    ended the session meanwhile, it gets a new one. A forked child connects anew at its first use, since it inherits the
    sockets but not the threads that serve them. At exit the connection closes, which removes its ephemeral nodes.

    Args:
        hosts: `HOST:PORT,...`, and optionally a `/PATH` (chroot) below which all nodes are.
        session_timeout: Seconds without a heartbeat after which ZooKeeper ends the session. The server may grant
            another timeout, between two and twenty of its ticks: see `granted_session_timeout`.
        connect_timeout: The most seconds that connecting, or one request, may take; each of several servers gets its
            share of them to accept a connection.
        credential: The credential that this process presents to ZooKeeper, if any.
        client_class: The class of the client: `functools.partial(KazooClient, use_ssl=True, ca="ca.pem")` for TLS.

    Raises:
        BadInput: A timeout is not between 0 and 3600 seconds, or the hosts are not of that form.
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
        self.servers, self.chroot = check_connection_string(hosts)
        self.hosts = hosts
        self.session_timeout = session_timeout
        self.connect_timeout = connect_timeout
        self.credential = credential
        self.client_class = client_class
        self._closed = False
        self._renew()
        renew_after_fork(self._renew)

    def _renew(self) -> None:
        # In a forked child: another thread may have held the old lock, and the old client has no threads to stop.
        inherited = getattr(self, "_client", None)
        if inherited is not None:
            atexit.unregister(inherited.handler.stop)
        self._lock = threading.Lock()
        self._requests = threading.BoundedSemaphore(MOST_REQUESTS_AT_ONCE)
        self._listeners: set[Callable[[], None]] = set()
        self._client: KazooClient | None = None
        self._attempts = 0
        self._failure: Unreachable | None = None
        self._down_since: float | None = None
        self._granted: float | None = None

    def client(self) -> KazooClient:
        """Return this process's client, which has been connected at least once.

        Threads that call this while another thread connects wait for that thread, and get its error.

        Raises:
            Unreachable: There is no connection within `connect_timeout` (the next call tries again), or the connection
                has been closed.
            BadInput: The process's threads are gevent's.
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
        _refuse_gevent()
        client = self.client_class(
            self.hosts,
            timeout=self.session_timeout,
            auth_data=[self.credential.auth] if self.credential else None,
            connection_retry=KazooRetry(
                max_tries=-1, delay=0.05, max_delay=min(RECONNECT_AT_LEAST_EVERY, self.session_timeout / 4)
            ),
        )
        client.add_listener(self._changed)
        self._adapt(client)
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

    def _adapt(self, client: KazooClient) -> None:
        """Note the session timeout that the server grants, and limit the time that an address may take to accept.

        kazoo drops the timeout that was granted, and waits for a whole session timeout until an address accepts: a
        server whose machine is gone would cost the session, or the start, although the others answer.
        """
        connection = getattr(client, "_connection", None)
        if connection is None:
            return
        share = min(self.session_timeout, self.connect_timeout) / len(client.hosts)
        invoke, connect = connection._invoke, client.handler.create_connection  # noqa: SLF001 - no public names

        def noting(timeout: float, request: Any, xid: int | None = None) -> Any:
            answer = invoke(timeout, request, xid)
            if isinstance(request, Connect) and answer[0].time_out > 0:  # milliseconds; 0 where the session is over
                self._granted = answer[0].time_out / 1000
            return answer

        def connecting(*arguments: Any, timeout: float, **options: Any) -> Any:
            return connect(*arguments, timeout=min(timeout, share), **options)

        connection._invoke, client.handler.create_connection = noting, connecting  # noqa: SLF001

    @property
    def granted_session_timeout(self) -> float:
        """Seconds of session timeout that the server granted; the seconds asked for until it is connected."""
        return self.session_timeout if self._granted is None else self._granted

    def ask(self, request: Callable[[KazooClient], Any], within: float | None = None) -> Any:
        """Send a request to ZooKeeper and return the answer; a request is sent again when the connection is lost.

        So a request must be one that may be carried out twice.

        Args:
            request: Calls one of the client's `_async` methods and returns its result.
            within: The most seconds that it may take in all; `connect_timeout` by default.

        Raises:
            Unreachable: There is no answer in that time.
            NotAllowed: ZooKeeper refuses: the node's ACL does not name this connection's credential.
            kazoo.exceptions.KazooException: Another answer of ZooKeeper that is an error, such as NoNodeError.
        """
        try:
            return self._answered(lambda client, left: request(client).get(timeout=left()), within)
        except NoAuthError as error:
            raise NotAllowed("ZooKeeper refuses: the node's ACL does not name this credential") from error

    def ask_all(self, requests: Callable[[KazooClient], list[Any]], within: float | None = None) -> list[Any]:
        """Send several requests at once, as `ask` does.

        Returns:
            An answer a request; for a node that is not there, or may not be read, the error instead.
        """

        def one(result: Any, seconds: float) -> Any:
            try:
                return result.get(timeout=seconds)
            except (NoNodeError, NoAuthError) as error:
                return error

        return self._answered(lambda client, left: [one(result, left()) for result in requests(client)], within)

    def _answered(self, answer: Callable[[KazooClient, Callable[[], float]], A], within: float | None) -> A:
        within = self.connect_timeout if within is None else within
        client = self.client()
        until = time.monotonic() + within
        retry = KazooRetry(max_tries=-1, delay=0.02, max_delay=0.2, deadline=within)

        def left() -> float:
            return max(until - time.monotonic(), 0.001)

        def attempt() -> A:
            # A request sent while there is no connection would stay in kazoo's queue after its time is over.
            if not client.connected:
                raise ConnectionLoss
            if not self._requests.acquire(timeout=left()):
                raise KazooTimeoutError
            try:
                return answer(client, left)
            finally:
                self._requests.release()

        try:
            return cast(A, retry(attempt))
        except (KazooTimeoutError, RetryFailedError, ConnectionClosedError) as error:
            raise Unreachable(f"no answer from ZooKeeper at {self.hosts} within {within:g} s") from error

    @property
    def down_for(self) -> float:
        """Seconds since the connection was lost; 0 while it is not known to be lost."""
        since = self._down_since
        return 0.0 if since is None else time.monotonic() - since

    @property
    def session(self) -> int | None:
        """The id of the present session; None while it is not connected."""
        identity = None if self._client is None else self._client.client_id
        return None if identity is None else int(identity[0])

    @property
    def used(self) -> bool:
        """Whether this process has connected and not closed, so that a session of its own may go on."""
        return self._client is not None

    @property
    def closed(self) -> bool:
        """Whether the connection has been closed, which is final."""
        return self._closed

    def listen(self, listener: Callable[[], None]) -> None:
        """Call a function at each change of the connection's state.

        It is called on the thread that serves the connection. So it must neither block nor send requests, whose
        answers only this thread could receive.
        """
        self._listeners.add(listener)

    def unlisten(self, listener: Callable[[], None]) -> None:
        """Stop calling the function."""
        self._listeners.discard(listener)

    def _changed(self, state: str) -> None:
        if state == KazooState.CONNECTED:
            self._down_since = None
        elif self._down_since is None:
            self._down_since = time.monotonic()
        for listener in list(self._listeners):
            listener()

    def close(self) -> None:
        """End the session, and with it its ephemeral nodes, at once."""
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


def _refuse_gevent() -> None:
    """Refuse threads that gevent replaced: kazoo's handler of threads does not support them."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None and monkey.is_module_patched("threading"):
        raise BadInput("gevent has replaced Python's threads, which a connection needs: use gunicorn's gthread workers")


def _end(client: KazooClient) -> None:
    client.stop()
    client.close()


def renew_after_fork(method: Callable[[], None]) -> None:
    """Call a method in every forked child, for as long as its object lives."""
    reference = weakref.WeakMethod(method)

    def renew() -> None:
        if (alive := reference()) is not None:
            alive()

    os.register_at_fork(after_in_child=renew)
