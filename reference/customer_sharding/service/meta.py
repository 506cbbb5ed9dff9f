"""The meta database, in PostgreSQL: its tables, and transactions in it.

Open it for the schema in which databases, placements of customers and moves are stored.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from reference.customer_sharding.credentials import Credentials, Flavor
from reference.customer_sharding.errors import BadInput
from reference.customer_sharding.requests.pools import Pool
from reference.customer_sharding.settings import PoolLimits

TABLES = (
    """CREATE TABLE IF NOT EXISTS sharding_database (
        name text PRIMARY KEY, number bigint GENERATED ALWAYS AS IDENTITY UNIQUE, host text NOT NULL, port int NOT NULL,
        "user" text NOT NULL, password text NOT NULL, database text NOT NULL, flavor text NOT NULL,
        admin_user text NOT NULL, admin_password text NOT NULL, identifier_field text NOT NULL,
        customers bigint NOT NULL DEFAULT 0, ready boolean NOT NULL DEFAULT false,
        row_security boolean NOT NULL DEFAULT false,
        UNIQUE (host, port, database))""",
    """CREATE TABLE IF NOT EXISTS sharding_place (
        customer text PRIMARY KEY, database text NOT NULL REFERENCES sharding_database, epoch bigint NOT NULL DEFAULT 1,
        attempt bigint NOT NULL DEFAULT 0)""",
    """CREATE TABLE IF NOT EXISTS sharding_move (
        customer text PRIMARY KEY REFERENCES sharding_place, source text NOT NULL, target text NOT NULL,
        epoch bigint NOT NULL, phase text NOT NULL DEFAULT 'copying', switched_at timestamptz, tables text[],
        lease float8 NOT NULL DEFAULT 1, drain float8 NOT NULL DEFAULT 30)""",
    # Meta databases that an earlier version created lack these columns.
    """ALTER TABLE sharding_move ADD COLUMN IF NOT EXISTS tables text[],
        ADD COLUMN IF NOT EXISTS lease float8 NOT NULL DEFAULT 1,
        ADD COLUMN IF NOT EXISTS drain float8 NOT NULL DEFAULT 30""",
    "ALTER TABLE sharding_database ADD COLUMN IF NOT EXISTS row_security boolean NOT NULL DEFAULT false",
)


class Meta:
    """A PostgreSQL database that stores databases, customers and moves; safe to share between threads.

    Passwords are stored in clear: whoever can read this database can log in to every other one.

    Args:
        dsn: Address of the meta database, `postgresql://...`. Missing tables are created.
        limits: Number of connections and timeouts.

    Raises:
        BadInput: The DSN is invalid.
        DatabaseUnavailable: The meta database does not answer.
    """

    def __init__(self, dsn: str, limits: PoolLimits | None = None) -> None:
        self._pool = Pool(_credentials(dsn), limits or PoolLimits())
        with self.transaction() as ask:
            # Two services may start at once, and CREATE IF NOT EXISTS alone does not prevent the race.
            ask("SELECT pg_advisory_xact_lock(4710013)")
            for statement in TABLES:
                ask(statement)

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._pool.close()

    @contextmanager
    def transaction(self) -> Generator[Any]:
        """Yield a function that executes a statement and returns its rows, in a transaction.

        Raises:
            DatabaseUnavailable: The meta database does not answer.
        """
        database = self._pool.database

        def ask(statement: str, *values: object) -> list[Any]:
            cursor = database.execute_sql(statement, values or None)
            return cursor.fetchall() if cursor.description else []

        taken = self._pool.take()
        try:
            with database.atomic():
                yield ask
        finally:
            if taken:
                self._pool.give_back()


def _credentials(dsn: str) -> Credentials:
    try:
        parts: Mapping[str, Any] = conninfo_to_dict(dsn)
        user = str(parts.get("user", "postgres"))
        host, port = str(parts.get("host", "127.0.0.1")), int(parts.get("port", 5432))
        return Credentials(
            host, port, user, str(parts.get("password", "")), str(parts.get("dbname", user)), Flavor.POSTGRES
        )
    except (psycopg.ProgrammingError, ValueError):
        # The driver's message, which is not repeated here, may contain the password.
        raise BadInput("give the meta database as postgresql://USER:PASSWORD@HOST:PORT/DATABASE") from None
