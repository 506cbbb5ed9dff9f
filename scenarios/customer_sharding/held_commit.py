"""Holds a commit in a database, so that its client can be killed in the midst of it."""

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
    """Holds commits of some changes while the block lasts, until `open`.

    Args:
        url: Of the database.
        table: Whose change is held.
        event: `INSERT`, `UPDATE` or `DELETE`.
        condition: Of NEW and OLD: which change.
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
        """The server processes whose commit is held."""
        return [pid for (pid,) in self._connection.execute(WAITING.format(key=self._key))]

    def reached(self, within=30):
        """Wait until a commit is held."""
        return eventually(self.waiting, within=within, every=0.01, message="a commit before the gate")

    def open(self, *, committed):
        """Let what is held be committed, or have it rolled back; whoever asked for it need not be there any more."""
        held = self.waiting()
        if not committed:
            for pid in held:
                self._connection.execute("SELECT pg_terminate_backend(%s)", [pid])
            eventually(lambda: not self.waiting(), within=10, every=0.01)
        self._connection.execute("SELECT pg_advisory_unlock(%s)", [self._key])
        over = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = ANY(%s) AND xact_start IS NOT NULL)"
        eventually(lambda: self._connection.execute(over, [held]).fetchone()[0], within=10, every=0.01)
