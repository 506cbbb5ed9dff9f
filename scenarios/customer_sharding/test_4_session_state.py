"""What a request leaves behind in its database session never reaches the next request on the same connection."""

import contextlib

import peewee
import pytest

from reference.customer_sharding.credentials import Credentials, Flavor
from reference.customer_sharding.requests.pools import Pool
from reference.customer_sharding.settings import PoolLimits

COLLEAGUE = """
DO $$BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'colleague') THEN CREATE ROLE colleague; END IF;
END$$;
GRANT colleague TO app;
DO $$BEGIN EXECUTE format('GRANT TEMPORARY, CREATE ON DATABASE %I TO app', current_database()); END$$;
"""

OWN_SETTING = "SELECT coalesce(current_setting('{}', true), '')"
# By kind of state: what a request executes, and how the next one would see it.
LEFT_BEHIND = {
    "a setting": (["SET work_mem = '2MB'"], "SHOW work_mem"),
    "a setting of the application": (["SET app.customer = '1'"], OWN_SETTING.format("app.customer")),
    "the customer of row-level security": (
        ["SET sharding.customer = 'another'"],
        OWN_SETTING.format("sharding.customer"),
    ),
    "a setting for the guard": (["SET sharding.mover = on"], OWN_SETTING.format("sharding.mover")),
    "a search path": (["SET search_path = pg_temp, pg_catalog"], "SHOW search_path"),
    "read-only transactions": (["SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"], "SHOW transaction_read_only"),
    "serializable transactions": (["SET default_transaction_isolation = serializable"], "SHOW transaction_isolation"),
    "a role": (["SET ROLE colleague"], "SELECT current_user"),
    "an open transaction": (["BEGIN", "SET LOCAL work_mem = '2MB'"], "SHOW work_mem"),
    "a failed transaction": (["BEGIN", "SELECT 1 / 0"], "SHOW work_mem"),
    "a temporary table": (
        ["CREATE TEMPORARY TABLE sharding_customer AS SELECT 'open' AS state"],
        "SELECT count(*) FROM pg_class WHERE relname = 'sharding_customer' AND relpersistence = 't'",
    ),
    "an advisory lock": (
        ["SELECT pg_advisory_lock(1)", "SELECT pg_advisory_lock_shared(2)"],
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
    ),
    "a prepared statement": (["PREPARE secret AS SELECT 1"], "SELECT count(*) FROM pg_prepared_statements"),
    "a cursor": (
        ["DECLARE secrets CURSOR WITH HOLD FOR SELECT 1"],
        "SELECT count(*) FROM pg_cursors WHERE is_holdable",
    ),
    "a channel listened to": (["LISTEN news"], "SELECT count(*) FROM pg_listening_channels()"),
    "the last generated id": (["SELECT nextval(pg_get_serial_sequence('person', 'id'))"], "SELECT lastval()"),
}


@pytest.fixture
def pool(databases):
    """A pool of one connection to a database, as the applications' user."""
    databases["first"].connection.execute(COLLEAGUE)
    user = databases["first"].user
    entry = Credentials(user["host"], user["port"], user["user"], user["password"], user["database"], Flavor.POSTGRES)
    with contextlib.closing(Pool(entry, PoolLimits(size=1))) as pool:
        yield pool


@pytest.fixture
def request_on(pool):
    """Return a function that executes statements as a request does, on a connection of the pool.

    It returns the rows of the last statement, or the name of its error.
    """

    def request(*statements):
        pool.take()
        try:
            for statement in statements:
                try:
                    answer = pool.database.execute_sql(statement)
                except peewee.PeeweeException as error:
                    answer = type(error).__name__
            return answer if isinstance(answer, str) else answer.fetchall() if answer.description else None
        finally:
            pool.give_back()

    return request


@pytest.mark.claim("shard-16")
@pytest.mark.parametrize("kind", LEFT_BEHIND)
def test_session_state_does_not_reach_next_request(kind, request_on):
    """The next request sees what a new connection would see, on the connection that the first one used."""
    leaves, sees = LEFT_BEHIND[kind]
    backend = request_on("SELECT pg_backend_pid()")
    new = request_on(sees)

    left = request_on(*leaves, sees)
    seen = request_on(sees)

    assert left != new, "the request changed nothing that the next one could see"
    assert seen == new
    assert request_on("SELECT pg_backend_pid()") == backend
