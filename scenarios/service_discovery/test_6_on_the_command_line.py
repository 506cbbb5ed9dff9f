"""Beyond the document: the command line, to see the registry and to register services that cannot do so themselves."""

import pytest

from fixtures.waiting import eventually


@pytest.mark.claim("disc-7")
def test_command_registers_lists_finds_and_watches(command, running_command, listener, registry):
    watching = running_command("watch")
    registering = running_command("register", "legacy", *listener)
    address = ":".join(listener)
    eventually(lambda: registry.addresses("legacy") == [address], within=10)

    assert command("list") == (0, "legacy\t1\n")
    assert command("find", "legacy") == (0, f"{address}\n")
    eventually(lambda: f"+ legacy {address}\n" in watching.said(), within=5)

    registering.stop()

    assert registry.nodes("legacy") == []
    assert command("list") == (0, "legacy\t0\n")
    assert command("find", "legacy") == (1, "service-discovery: no instance of 'legacy' is registered\n")
    eventually(lambda: f"- legacy {address}\n" in watching.said(), within=5)
