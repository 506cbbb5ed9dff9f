"""A PostgreSQL connection with a client-side timeout for answers: a server that hangs cannot block a request."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import generators
from psycopg.pq import ExecStatus

# The parts of DISCARD ALL that its documentation lists, except DISCARD PLANS: cached plans hold nothing that a session
# has set, and without them the server would plan the queries of the guard's trigger anew in each request. It is one
# round trip and one transaction, which fails as a whole. RESET ALL comes early: later names are the server's own.
RESET = b"""CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; DEALLOCATE ALL; UNLISTEN *;
SELECT pg_catalog.pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES"""
DONE = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)


class TimedConnection(psycopg.Connection[Any]):
    """A connection that closes itself when an answer takes too long.

    Attributes:
        answer_timeout: Seconds that an answer may take; None waits without a limit.
        returned: Time of its last return to a pool, by `time.monotonic`.
    """

    answer_timeout: float | None = None
    returned: float
    _resetting: bool = False

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for an answer, by default for `answer_timeout` at most."""
        late = timeout is None and self.answer_timeout is not None
        try:
            return super().wait(gen, interval, self.answer_timeout if late else timeout)
        except psycopg.OperationalError as error:
            # psycopg has no public name for its own timeout; it is recognized by carrying no answer of the server.
            if late and error.diag.sqlstate is None:
                self.pgconn.finish()
            raise

    def send_reset(self) -> None:
        """Request that the server discard the session's settings, locks and temporary tables (outside a transaction).

        `is_reset` reads the answer, so that returning a connection to its pool does not wait for it.
        """
        self.pgconn.send_query(RESET)
        self._resetting = True
        self.pgconn.flush()

    def is_reset(self) -> bool:
        """Read the answer to `send_reset`; return whether the session may be used again."""
        if not self._resetting:
            return True
        self._resetting = False
        try:
            results = self.wait(generators.execute(self.pgconn))
        except psycopg.Error:
            return False
        return bool(results) and all(result.status in DONE for result in results)
