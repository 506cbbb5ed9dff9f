"""Beyond the document: PgBouncer between the runner and a server, in transaction mode and in session mode."""

from types import SimpleNamespace
from urllib.parse import urlsplit

import psycopg
import pytest

FILES = {"001-person.sql": "CREATE TABLE person (id bigint);", "001-person.rollback.sql": "DROP TABLE person;"}


@pytest.fixture
def through(database, environment):
    """The URL of the test's database by way of a pooler."""

    def url(pooler):
        return environment[pooler].url.rpartition("/")[0] + urlsplit(database.url).path

    return url


@pytest.fixture
def words(bucket, listed):
    """The command's options for a URL."""
    return lambda url: ("-s", bucket.put("s", FILES), "-d", listed(SimpleNamespace(name="orders", url=url)))


@pytest.mark.claim("mig-14")
def test_transaction_mode_shares_session_state(through):
    """Why the runner refuses it: another client gets the session with its lock and its time limit."""
    url = through("transaction-pooler")
    with psycopg.connect(url, autocommit=True) as holder, psycopg.connect(url, autocommit=True) as other:
        assert holder.execute("SELECT pg_try_advisory_lock(14)").fetchone() == (True,)
        holder.execute("SET lock_timeout = '14s'")

        taken, limit = other.execute("SELECT pg_try_advisory_lock(14), current_setting('lock_timeout')").fetchone()

        assert (taken, limit) == (True, "14s")
        other.execute("SELECT pg_advisory_unlock_all()")
        other.execute("RESET lock_timeout")


@pytest.mark.claim("mig-14")
@pytest.mark.parametrize("pooler", ["transaction-pooler", "session-pooler"])
@pytest.mark.parametrize("action", ["apply", "status"])
def test_pooler_is_refused_and_nothing_changed(pooler, action, command, database, through, words):
    code, said, errors = command(action, *words(through(pooler)))

    assert code == 1
    assert "the connection goes through a pooler such as PgBouncer" in said + errors
    assert database.all_tables() == []


@pytest.mark.claim("mig-14")
def test_pooler_in_session_mode_may_be_allowed(command, database, through, words):
    given = words(through("session-pooler"))

    code, *_ = command("apply", *given, "--pooler")

    assert code == 0
    assert database.tables() == ["person"]
    assert database.applied() == ["001-person"]
