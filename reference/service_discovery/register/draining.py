"""Graceful shutdown: at SIGTERM deregister, go on serving while callers learn of it, and only then stop the server.

A server that gets a stop signal closes its socket while callers still hold its address, since nothing deregisters it
before its process ends. Here SIGTERM first deregisters the instance; the server's own handler of the signal is called
once no request has been under way for a while.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any, TypeAlias

from werkzeug.wsgi import ClosingIterator

from reference.service_discovery.errors import BadInput

log = logging.getLogger(__name__)

DRAIN = 0.5
# Draining must end well before gunicorn kills a worker, thirty seconds after SIGTERM (its `graceful_timeout`).
LONGEST = 20.0
TRY_AGAIN_AFTER = 0.1

WSGI: TypeAlias = Callable[..., Iterable[bytes]]


class RequestsUnderWay:
    """WSGI middleware that counts the requests whose answers have not been sent in full.

    Args:
        application: The WSGI application.

    Attributes:
        drained_in: Id of the process that handles SIGTERM by draining; None where none does.
    """

    drained_in: int | None = None

    def __init__(self, application: WSGI) -> None:
        self._application = application
        self._lock = threading.Lock()
        self._number = 0
        self._idle_since = time.monotonic()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        if self.drained_in not in (None, os.getpid()):
            self.drained_in = None
            log.error(
                "this process was forked after the service was started, so SIGTERM stops it without draining: "
                "pass start=False, and call start in each worker (gunicorn's --preload: by its hook post_worker_init)"
            )
        self._count(1)
        try:
            answer = self._application(environ, start_response)
        except BaseException:
            self._count(-1)
            raise
        return ClosingIterator(answer, lambda: self._count(-1))

    def idle_for(self) -> float:
        """Return the seconds since the last request ended; 0 while one is under way."""
        with self._lock:
            return 0.0 if self._number else time.monotonic() - self._idle_since

    def _count(self, change: int) -> None:
        with self._lock:
            self._number += change
            self._idle_since = time.monotonic()


class Draining:
    """Handles SIGTERM: deregisters, waits until the requests have ended, and lets the server's own handler stop it.

    It must be installed by the process's main thread, in the process that serves: under gunicorn in each worker. The
    handler that was installed before is called when no request has been under way for `drain` seconds, and after
    twenty seconds at the latest.

    Args:
        deregister: Removes the instance from the registry, and returns whether it is removed. It is called from a
            thread, repeatedly until it returns True.
        requests: Counts the requests under way.
        drain: Seconds without a request after which the server stops; callers learn of the end meanwhile.

    Raises:
        BadInput: `drain` is not from 0 to 20.
    """

    def __init__(self, deregister: Callable[[], bool], requests: RequestsUnderWay, *, drain: float = DRAIN) -> None:
        if not 0 <= drain <= LONGEST:
            raise BadInput(f"the drain is from 0 to {LONGEST:g} seconds, not {drain!r}")
        self._deregister, self._requests, self._drain = deregister, requests, drain
        self._begun = threading.Lock()
        self._drained = False
        self._before: Any = None
        self._wakeups: tuple[socket.socket, socket.socket] | None = None
        self._forward_to = -1

    def install(self) -> bool:
        """Handle SIGTERM from now on, and return whether that was possible: only the main thread can install it."""
        if threading.current_thread() is not threading.main_thread():
            log.warning("SIGTERM does not deregister: the extension was not initialised by the main thread")
            return False
        self._requests.drained_in = os.getpid()
        self._before = signal.signal(signal.SIGTERM, self._handle)
        # Like gunicorn's own handler, this one does not interrupt a request's system calls.
        signal.siginterrupt(signal.SIGTERM, False)
        # The main thread runs a handler only between two steps of Python; while it waits in a system call of a
        # request, this socket wakes a thread instead.
        reader, writer = self._wakeups = socket.socketpair()
        writer.setblocking(False)
        self._forward_to = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        threading.Thread(target=self._read, args=(reader,), name="SIGTERM", daemon=True).start()
        return True

    def begin(self) -> None:
        """Begin to drain, in a thread of its own, unless it has begun before."""
        if self._begun.acquire(blocking=False):
            threading.Thread(target=self._run, name="draining", daemon=True).start()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if not self._drained:
            self.begin()
        elif callable(self._before):
            self._before(number, frame)
        elif self._before is not signal.SIG_IGN:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)

    def _read(self, reader: socket.socket) -> None:
        while numbers := reader.recv(64):
            if signal.SIGTERM in numbers:
                self.begin()
            if self._forward_to >= 0:
                with contextlib.suppress(OSError):  # its reader may be full, or gone
                    os.write(self._forward_to, numbers)

    def _run(self) -> None:
        until = time.monotonic() + LONGEST
        # While ZooKeeper is unreachable, callers do not learn that the instance is leaving, and go on calling it.
        while not self._deregistered() and time.monotonic() < until:
            time.sleep(TRY_AGAIN_AFTER)
        gone = time.monotonic()
        while time.monotonic() < until:
            quiet = min(self._requests.idle_for(), time.monotonic() - gone)
            if quiet >= self._drain:
                break
            time.sleep(min(self._drain - quiet, 0.05))
        self._drained = True
        os.kill(os.getpid(), signal.SIGTERM)

    def _deregistered(self) -> bool:
        try:
            return self._deregister()
        except Exception:  # the server must stop whatever happens
            log.exception("the instance could not be deregistered")
            return True
