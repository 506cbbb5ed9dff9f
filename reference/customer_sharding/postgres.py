"""A connection to PostgreSQL whose statements have a timeout in the client: a server that hangs is given up."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import generators
from psycopg.pq import ExecStatus


class TimedConnection(psycopg.Connection[Any]):
    """A connection that is closed when an answer is late.

    Attributes:
        answer_timeout: Seconds that an answer may take; None waits without a limit.
        returned: When it was last given back to a pool, by `time.monotonic`.
    """

    answer_timeout: float | None = None
    returned: float
    _resetting: bool = False

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait for an answer, for `answer_timeout` at most where nothing else is said."""
        late = timeout is None and self.answer_timeout is not None
        try:
            return super().wait(gen, interval, self.answer_timeout if late else timeout)
        except psycopg.OperationalError as error:
            # psycopg has no public name for its own timeout; it is the one that carries no answer of the server.
            if late and error.diag.sqlstate is None:
                self.pgconn.finish()
            raise

    def send_reset(self) -> None:
        """Have the server forget what the session, which is in no transaction, has set, locked or made temporarily.

        The answer is read by `is_reset`: whoever gives a connection back does not wait for it.
        """
        self.pgconn.send_query(b"DISCARD ALL")
        self._resetting = True
        self.pgconn.flush()

    def is_reset(self) -> bool:
        """Read the answer to `send_reset`, and return whether the session may be used again."""
        if not self._resetting:
            return True
        self._resetting = False
        try:
            results = self.wait(generators.execute(self.pgconn))
        except psycopg.Error:
            return False
        return bool(results) and all(result.status == ExecStatus.COMMAND_OK for result in results)
