"""Registering an instance, and keeping it registered: exactly once, over disconnections and lost sessions."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from typing import Any, Self

from kazoo.exceptions import KazooException, NodeExistsError, NoNodeError

from .access import protect
from .connection import Connection, renew_after_fork
from .errors import Unreachable
from .instance import Instance
from .names import instance_path, service_name

log = logging.getLogger(__name__)

ASK_WHETHER_IT_LISTENS_EVERY = 0.05
MARGIN = 0.5


def gone_within(session_timeout: float) -> float:
    """Return the seconds within which a registration is gone whose process was killed, or is cut off.

    The server counts from the last sign of life and rounds up to its ticks, of which a session's timeout has at least
    two: at most one and a half times the timeout. On top comes half a second for the news to arrive.
    """
    return 1.5 * session_timeout + MARGIN


def accepts(instance: Instance) -> bool:
    """Say whether an instance accepts connections at the address it is known by."""
    try:
        with socket.create_connection((instance.host, instance.port), timeout=1):
            return True
    except OSError:
        return False


class Registration:
    """Keeps one instance of a service registered for as long as this process lives.

    A thread of its own compares what should be with what is, after every change: of the connection's state, of the
    node, and at the latest every session timeout. It never works on the client's event thread, which would
    wait for itself, and it asks for the node rather than remembering what it did: after a short cut the session and its
    node are still there.

    The node is named by the address (see `instance_id`), so that an address is registered once only. Of several
    processes that share it, such as the workers of a server, one holds the node; the others stand by, and when it ends
    the next takes over. After a SIGKILL of the holder that takes until its session ends; meanwhile the node stays.

    It registers only once the address accepts connections: an application's factory runs before its server listens.

    Args:
        connection: Through which it registers; with its credential, if it has one, strangers cannot deregister it.
        service: The service's name.
        instance: Where it is called.
        listening: Says whether the instance can be called by now.

    Raises:
        BadInput: The name cannot be a service's.

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
    ) -> None:
        self.service = service_name(service)
        self.instance = instance
        self.path = instance_path(service, instance)
        self._connection = connection
        self._listening = listening or (lambda: accepts(instance))
        self._renew()
        renew_after_fork(self._renew)

    def _renew(self) -> None:
        # In a forked child nothing is running: the parent goes on. A child that serves by itself starts anew.
        self._wake = threading.Event()
        self._there = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Begin, and return: what follows happens in the background.

        Raises:
            Unreachable: ZooKeeper does not answer.
            NotAllowed: The service belongs to another credential.
        """
        protect(self._connection, self.service)
        self._connection.client()
        if self._thread is None:
            self._ended.clear()
            self._connection.listen(self._wake.set)
            self._thread = threading.Thread(target=self._run, name=f"registration of {self.service}", daemon=True)
            self._thread.start()
        return self

    def wait(self, within: float) -> bool:
        """Wait until the instance is registered, by whichever process shares its address; say whether it is."""
        return self._there.wait(within)

    def close(self) -> None:
        """Deregister, at once. What ZooKeeper cannot be told now it finds out when the session ends."""
        self._ended.set()
        self._connection.unlisten(self._wake.set)
        if self._thread is not None:
            self._wake.set()
            self._thread.join()
            self._thread = None
            try:
                self._remove()
            except (Unreachable, KazooException) as error:
                log.warning("%s at %s could not be deregistered: %s", self.service, self.instance, error)

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
            except (Unreachable, KazooException) as error:
                if self._connection.closed:
                    return
                log.warning("%s at %s is not registered yet: %s", self.service, self.instance, error)
                again = self._connection.session_timeout / 4

    def _reconcile(self) -> float:
        """Do what is missing, and return the seconds until it is to be looked at again."""
        present = self._present()
        if present is not None and present.ephemeralOwner:
            self._there.set()
            return self._connection.session_timeout
        self._there.clear()
        if not self._listening():
            return ASK_WHETHER_IT_LISTENS_EVERY
        if present is not None:
            self._delete()  # somebody made a node that nobody's death would remove
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
        return 0  # look at it, and so watch it

    def _present(self) -> Any:
        """Return the node's facts, or None; what happens to it from now on wakes the thread."""
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
