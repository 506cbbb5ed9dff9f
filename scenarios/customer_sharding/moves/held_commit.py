"""Hold a commit by a deferred trigger that waits for a lock, so that the client can be killed meanwhile."""

import itertools

import psycopg

from fixtures.waiting import eventually

KEYS = itertools.count(9)
# A deferred trigger runs within COMMIT. The lock timeout of the committing session does not apply to it.
MAKE = """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0 AS
'BEGIN PERFORM pg_advisory_xact_lock_shared({key}); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER {name} AFTER {event} ON {table} DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION {name}()
"""
WAITING = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = 0 AND objid = {key} AND NOT granted"


class HeldCommit:
    """Holds the commits of certain changes, for the duration of the block or until `open`.

    Args:
        url: URL of the database.
        table: Table whose changes are held.
        event: `INSERT`, `UPDATE` or `DELETE`.
        condition: SQL condition on NEW and OLD that selects the changes.
    """

    def __init__(self, url, table, event, condition):
        self._connection = psycopg.connect(url, autocommit=True)
        self._key = next(KEYS)
        self._name, self._table = f"gate_{self._key}", table
        self._make = MAKE.format(key=self._key, name=self._name, event=event, table=table, condition=condition)

    def __enter__(self):
        self._connection.execute("SELECT pg_advisory_lock(%s)", [self._key])
        self._connection.execute(self._make)
        return self

    def __exit__(self, *_):
        self._connection.execute("SELECT pg_advisory_unlock_all()")
        self._connection.execute(f"DROP TRIGGER {self._name} ON {self._table}; DROP FUNCTION {self._name}()")
        self._connection.close()

    def waiting(self):
        """Return the server processes whose commit is held."""
        return [pid for (pid,) in self._connection.execute(WAITING.format(key=self._key))]

    def reached(self, within=30):
        """Wait until a commit is held."""
        return eventually(self.waiting, within=within, every=0.01, message="a commit before the gate")

    def open(self, *, committed):
        """Let the held transactions commit, or roll them back; their clients may have been killed."""
        held = self.waiting()
        if not committed:
            for pid in held:
                self._connection.execute("SELECT pg_terminate_backend(%s)", [pid])
            eventually(lambda: not self.waiting(), within=10, every=0.01)
        self._connection.execute("SELECT pg_advisory_unlock(%s)", [self._key])
        over = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = ANY(%s) AND xact_start IS NOT NULL)"
        eventually(lambda: self._connection.execute(over, [held]).fetchone()[0], within=10, every=0.01)
