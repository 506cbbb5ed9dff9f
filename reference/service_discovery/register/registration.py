"""Registering an instance, and keeping it registered: exactly once, over disconnections and lost sessions.

Open this module to see when an instance is registered, who deregisters it, and within which time a dead one is gone.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from typing import Any, Literal, Self

from kazoo.exceptions import KazooException, NodeExistsError, NoNodeError

from reference.service_discovery.errors import BadInput, DiscoveryError
from reference.service_discovery.hosts import is_loopback
from reference.service_discovery.instance import Instance
from reference.service_discovery.names import instance_path, service_name
from reference.service_discovery.zookeeper.access import protect
from reference.service_discovery.zookeeper.connection import Connection, renew_after_fork

from .health import HealthCheck

log = logging.getLogger(__name__)

ASK_WHETHER_IT_LISTENS_EVERY = 0.05
# Seconds for callers to learn that a node is gone.
MARGIN = 0.5

AtStart = Literal["fail", "wait"]


def gone_within(session_timeout: float) -> float:
    """Return the seconds within which the registration of a killed or disconnected process is gone.

    The server counts from the last heartbeat and rounds up to its ticks, of which a session's timeout has at least two:
    at most one and a half times the timeout. Half a second is added for callers to learn of it.

    Args:
        session_timeout: Seconds that the server granted, which need not be those asked for: see
            `Connection.granted_session_timeout`.
    """
    return 1.5 * session_timeout + MARGIN


def accepts(instance: Instance) -> bool:
    """Say whether something accepts connections at the instance's address."""
    try:
        with socket.create_connection((instance.host, instance.port), timeout=1):
            return True
    except (OSError, UnicodeError):
        return False


class Registration:
    """Keeps one instance of a service registered for as long as this process lives.

    A thread of its own compares the registry with what it should hold, after every change of the connection's state
    and of the node, and at the latest every session timeout. It does not work on the client's event thread, which
    would wait for itself. It reads the node instead of remembering what it did, since the session and its node survive
    a short cut of the connection.

    The node is named by the address (see `instance_id`), so that an address is registered once only. Of several
    processes that share it, such as the workers of a server, one holds the node and the others stand by; when it ends,
    another takes over. After a SIGKILL of the holder that takes until its session ends; meanwhile the node stays.
    Two machines that register one address, such as `localhost`, look like such processes. `start` only warns of it:
    `localhost` is correct where all instances and callers are on one machine, and a process cannot know whether another
    machine uses the registry.

    It registers only once the address accepts connections: an application's factory runs before its server listens.

    Args:
        connection: The connection to register by; if it has a credential, strangers cannot deregister the instance.
        service: The service's name.
        instance: The address of the instance.
        listening: Says whether the instance can be called by now.
        health: Deregisters the instance while it is unhealthy, and registers it again. Without it, an instance is
            registered for as long as its session lives.
        at_start: What `start` does when ZooKeeper does not answer: `fail` raises, `wait` registers once it answers.

    Raises:
        BadInput: The name cannot be a service's, or `at_start` is neither of the two.

    Examples:
        ::

            with Connection("zookeeper.example:2181") as connection:
                with Registration(connection, "users", Instance.here(8080)):
                    serve()
    """

    def __init__(
        self,
        connection: Connection,
        service: str,
        instance: Instance,
        *,
        listening: Callable[[], bool] | None = None,
        health: HealthCheck | None = None,
        at_start: AtStart = "fail",
    ) -> None:
        if at_start not in ("fail", "wait"):
            raise BadInput(f"at_start is 'fail' or 'wait', not {at_start!r}")
        self.service = service_name(service)
        self.instance = instance
        self.path = instance_path(service, instance)
        self.health = health
        self.at_start = at_start
        self._connection = connection
        self._listening = listening or (lambda: accepts(instance))
        self._renew()
        renew_after_fork(self._renew)

    def _renew(self) -> None:
        # In a forked child nothing is running: the parent goes on. A child that serves by itself starts anew.
        self._wake = threading.Event()
        self._registered = threading.Event()
        self._ended = threading.Event()
        self._closing = threading.Lock()
        self._thread: threading.Thread | None = None
        self._removed = True

    @property
    def gone_within(self) -> float:
        """Seconds within which this registration is gone when its process is killed, by the granted session timeout."""
        return gone_within(self._connection.granted_session_timeout)

    def start(self) -> Self:
        """Begin, and return: the registration itself happens in the background.

        Raises:
            Unreachable: ZooKeeper does not answer, and `at_start` is `fail`.
            NotAllowed: The service belongs to another credential, and `at_start` is `fail`.
        """
        if is_loopback(self.instance.host):
            log.warning(
                "%s registers as %s, which only this machine can call, and which another machine may register too: "
                "give it a host of its own",
                self.service,
                self.instance,
            )
        if self.at_start == "fail":
            protect(self._connection, self.service)
            self._connection.client()
        if self._thread is None:
            self._ended.clear()
            self._connection.listen(self._wake.set)
            self._thread = threading.Thread(target=self._run, name=f"registration of {self.service}", daemon=True)
            self._thread.start()
            if self.health is not None:
                self.health.start(self._wake.set)
        return self

    def wait(self, within: float) -> bool:
        """Wait until the instance is registered, by any process that shares its address, and return whether it is."""
        return self._registered.wait(within)

    def close(self) -> bool:
        """Deregister at once, and return whether it is certain that no node of this process is left.

        If ZooKeeper cannot be reached, the node disappears when the session ends; call `close` again to try again.
        """
        with self._closing:
            self._ended.set()
            self._connection.unlisten(self._wake.set)
            if self.health is not None:
                self.health.stop()
            if self._thread is not None:
                self._wake.set()
                self._thread.join()
                self._thread = None
                self._removed = False
                self._registered.clear()
            if not self._removed:
                self._removed = self._is_removed()
            return self._removed

    def _is_removed(self) -> bool:
        """Remove the node where it is this session's, and say whether that is certain."""
        if not self._connection.used:
            return True  # never connected, not since a fork, or closed: there is no node of ours
        try:
            self._remove()
        except (DiscoveryError, KazooException) as error:
            log.warning("%s at %s could not be deregistered: %s", self.service, self.instance, error)
            return False
        return True

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        again: float = 0
        while True:
            self._wake.wait(again)
            self._wake.clear()
            if self._ended.is_set():
                return
            try:
                again = self._reconcile()
            except Exception as error:  # noqa: BLE001 whatever it is, the instance must be registered afterwards
                if self._connection.closed:
                    return
                self._registered.clear()
                reason = str(error) or repr(error)
                log.warning("%s at %s is not registered yet: %s", self.service, self.instance, reason)
                again = min(self._connection.session_timeout / 4, 1)

    def _reconcile(self) -> float:
        """Create or delete the node as needed, and return the seconds after which to compare again."""
        present = self._present()
        healthy = self.health is None or self.health.healthy()
        again = self._connection.session_timeout if self.health is None else self.health.every
        if present is not None and present.ephemeralOwner:
            if not healthy and present.ephemeralOwner == self._connection.session:
                log.warning("%s at %s is unhealthy, and is deregistered", self.service, self.instance)
                self._registered.clear()
                self._delete()
            else:
                self._registered.set()
            return again
        self._registered.clear()
        if not healthy:
            return again
        if not self._listening():
            return ASK_WHETHER_IT_LISTENS_EVERY
        if present is not None:
            self._delete()  # a persistent node would remain after every process has ended
        protect(self._connection, self.service)
        credential = self._connection.credential
        try:
            self._connection.ask(
                lambda client: client.create_async(
                    self.path,
                    self.instance.to_json(),
                    acl=credential.acl if credential else None,
                    ephemeral=True,
                    makepath=True,
                )
            )
            log.info("%s registered at %s", self.service, self.instance)
        except NodeExistsError:
            pass  # another process was quicker, or the answer to our own request was lost
        return 0  # compare again at once, which watches the new node

    def _present(self) -> Any:
        """Return the node's status, or None if it does not exist; the next change of the node wakes the thread."""
        return self._connection.ask(lambda client: client.exists_async(self.path, watch=self._seen))

    def _seen(self, _: object) -> None:
        self._wake.set()

    def _remove(self) -> None:
        present = self._connection.ask(lambda client: client.exists_async(self.path))
        if present is not None and present.ephemeralOwner == self._connection.session:
            self._delete()

    def _delete(self) -> None:
        with contextlib.suppress(NoNodeError):
            self._connection.ask(lambda client: client.delete_async(self.path))
