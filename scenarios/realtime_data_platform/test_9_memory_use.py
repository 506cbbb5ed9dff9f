"""The memory that all services of the document use together: under 4 GiB as processes, under 6 GiB in containers.

The second Pinot server is not among them: only the tests of tiers start it.
"""

from concurrent.futures import ThreadPoolExecutor
from operator import methodcaller

import pytest

GIB = 2**30
LIMIT = {"docker": 6 * GIB, "embedded": 4 * GIB}


@pytest.mark.usefixtures("make_pipeline", "glue")
def test_services_use_less_memory_than_stated(environment, record_property):
    environment.start()  # Airflow, too, which runs for its own tests alone
    standing = [running for running in environment if not running.service.on_demand]
    names = [running.name for running in standing]
    with ThreadPoolExecutor() as pool:  # the engine takes two seconds for each answer
        each = dict(zip(names, pool.map(methodcaller("memory"), standing), strict=True))

    record_property("bytes", each)
    assert sum(each.values()) < LIMIT[environment.mode], {
        name: f"{share / GIB:.2f} GiB" for name, share in each.items()
    }
