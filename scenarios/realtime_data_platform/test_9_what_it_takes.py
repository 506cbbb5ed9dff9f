"""What the services take, together: the bound that the README gives."""

from concurrent.futures import ThreadPoolExecutor

import pytest

GIB = 2**30
MOST = 6 * GIB


def used(running):
    """Return the bytes that a container holds, but for files that its kernel may drop."""
    memory = running._handle().stats(stream=False)["memory_stats"]
    kept = memory["stats"]
    return memory["usage"] - kept.get("inactive_file", kept.get("total_inactive_file", 0))


@pytest.mark.usefixtures("platform")
def test_memory_of_all_services_together_after_the_story(environment, record_property):
    names = [running.name for running in environment]
    with ThreadPoolExecutor() as pool:  # each answer takes the engine two seconds
        each = dict(zip(names, pool.map(used, environment), strict=True))

    record_property("bytes", each)
    assert sum(each.values()) < MOST, {name: f"{share / GIB:.2f} GiB" for name, share in each.items()}
