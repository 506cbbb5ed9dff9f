"""An optional health check: an instance that runs but does not work is deregistered while that lasts."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from reference.service_discovery.errors import BadInput

log = logging.getLogger(__name__)


class HealthCheck:
    """Calls a function periodically, in a thread of its own, and keeps its last result.

    The instance counts as unhealthy after `failures` calls in a row that returned a false value or raised, and while a
    call takes longer than `within`. It counts as healthy again after one good call.

    Args:
        check: Returns whether the instance is healthy; an exception counts as a failure.
        every: Seconds between the end of one call and the next.
        within: Seconds that a call may take.
        failures: Calls in a row that must fail.

    Raises:
        BadInput: A number is not positive.
    """

    def __init__(
        self,
        check: Callable[[], bool],
        *,
        every: float = 5.0,
        within: float = 5.0,
        failures: int = 2,
    ) -> None:
        for name, value in (("every", every), ("within", within), ("failures", failures)):
            if not 0 < value < 86_400:
                raise BadInput(f"{name} of a health check is more than 0 and less than 86,400, not {value!r}")
        self.every, self.within, self.failures = every, within, failures
        self._check = check
        self._failed = 0
        self._began: float | None = None
        self._stop = threading.Event()

    def start(self, changed: Callable[[], None] = lambda: None) -> None:
        """Begin to call the check, in a new thread.

        Args:
            changed: Called, from the check's thread, after each call.
        """
        self.stop()
        self._failed, self._began, self._stop = 0, None, threading.Event()
        threading.Thread(target=self._run, args=(self._stop, changed), name="health check", daemon=True).start()

    def stop(self) -> None:
        """Stop calling the check, without waiting for a call in progress."""
        self._stop.set()

    def healthy(self) -> bool:
        """Return whether the instance is healthy, without waiting for a call."""
        began = self._began
        hangs = began is not None and time.monotonic() - began > self.within
        return not hangs and self._failed < self.failures

    def _run(self, stop: threading.Event, changed: Callable[[], None]) -> None:
        while not stop.wait(self.every):
            self._began = time.monotonic()
            try:
                good = bool(self._check())
            except Exception as error:  # noqa: BLE001 a check may fail in any way
                log.warning("the health check failed: %r", error)
                good = False
            late = time.monotonic() - self._began > self.within
            self._failed = 0 if good and not late else self._failed + 1
            self._began = None
            changed()
