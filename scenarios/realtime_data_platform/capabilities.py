"""What Pinots differ in, as far as errata of the document are concerned: asked of the one that runs."""

from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Capability:
    """Something that Pinot learnt after the document was written.

    Attributes:
        name: What it is.
        key: The key of a table's `upsertConfig` by which it is asked for.
        value: A value that the key takes.
        cures: The erratum that it would cure.
    """

    name: str
    key: str
    value: str
    cures: str


DELETES = Capability("deletes", "deleteRecordColumn", "deleted", "rdp-16")
CONSISTENT_READS = Capability("consistent reads", "consistencyMode", "SNAPSHOT", "rdp-24")
FOUND = pytest.StashKey[dict[Capability, bool]]()


def knows(pinot, table, capability):
    """Whether a Pinot knows the key in a table that it has: it names those that it would ignore."""
    asked = {**table, "upsertConfig": {**table["upsertConfig"], capability.key: capability.value}}
    return f"/upsertConfig/{capability.key}" not in pinot.unknown_keys(asked)


def told(found):
    """Say what the Pinot of a run can do, a line each."""
    return [
        f"Pinot's {each.name} ({each.key}): "
        + (f"there, cures {each.cures}" if there else f"none, {each.cures} stands")
        for each, there in found.items()
    ]
