"""The memory that all services of the document use together, against the bound that the README gives."""

from concurrent.futures import ThreadPoolExecutor

import pytest

GIB = 2**30
LIMIT = 6 * GIB


def memory_used(running):
    """Return the memory of a container in bytes, without the page cache that the kernel may drop."""
    memory = running._handle().stats(stream=False)["memory_stats"]
    details = memory["stats"]
    return memory["usage"] - details.get("inactive_file", details.get("total_inactive_file", 0))


@pytest.mark.usefixtures("platform")
def test_services_use_less_memory_than_stated(environment, record_property):
    environment.start()
    names = [running.name for running in environment]
    with ThreadPoolExecutor() as pool:  # the engine takes two seconds for each answer
        each = dict(zip(names, pool.map(memory_used, environment), strict=True))

    record_property("bytes", each)
    assert sum(each.values()) < LIMIT, {name: f"{share / GIB:.2f} GiB" for name, share in each.items()}
