"""The memory of the document's services together.

The chain from PostgreSQL to Trino uses less than 4 GiB as processes and less than 6 GiB in containers; with Airflow and
Superset, less than 8 GiB. The second Pinot server is not among them: only the tests of tiers start it.
"""

from concurrent.futures import ThreadPoolExecutor
from operator import methodcaller

import pytest

GIB = 2**30
CHAIN = {"docker": 6 * GIB, "embedded": 4 * GIB}
ALL = 8 * GIB


@pytest.mark.usefixtures("make_pipeline", "glue")
def test_services_use_less_memory_than_stated(environment, record_property):
    environment.start()  # also Airflow and Superset, which run for their own tests alone
    standing = [running for running in environment if not running.service.on_demand]
    names = [running.name for running in standing]
    with ThreadPoolExecutor() as pool:  # the engine takes two seconds for each answer
        each = dict(zip(names, pool.map(methodcaller("memory"), standing), strict=True))
    for name in ("airflow", "superset"):
        environment.stop(name)

    record_property("bytes", each)
    shares = {name: f"{share / GIB:.2f} GiB" for name, share in each.items()}
    chain = sum(share for name, share in each.items() if name not in {"airflow", "superset"})
    assert chain < CHAIN[environment.mode], shares
    assert sum(each.values()) < ALL, shares
