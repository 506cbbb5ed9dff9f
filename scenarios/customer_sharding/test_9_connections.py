"""A connection that was idle when its database failed may lead to a server that is no more: it is not used again."""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from fixtures.waiting import eventually
from reference.customer_sharding.credentials import Credentials
from reference.customer_sharding.errors import DatabaseUnavailable
from reference.customer_sharding.requests.pools import Pool
from reference.customer_sharding.settings import PoolLimits


def process_of(pool):
    """Return the server's process at the other end of this thread's connection."""
    return pool.database.execute_sql("SELECT pg_backend_pid()").fetchone()[0]


@pytest.mark.claim("shard-10")
def test_idle_connection_is_dropped_at_a_failure(databases):
    database = databases["first"]
    pool = Pool(Credentials(**database.user), PoolLimits(size=2, retry_after=0.01))
    with contextlib.closing(pool), ThreadPoolExecutor(1) as other:
        pool.take()
        idle = process_of(pool)
        other.submit(pool.take).result()
        failing = other.submit(process_of, pool).result()
        pool.give_back()

        database.rows("SELECT pg_terminate_backend(%s, 5000)", failing)
        with pytest.raises(DatabaseUnavailable):
            other.submit(process_of, pool).result()
        other.submit(pool.give_back).result()

        eventually(pool.take, within=5, despite=DatabaseUnavailable)
        assert process_of(pool) not in (idle, failing)
        pool.give_back()
