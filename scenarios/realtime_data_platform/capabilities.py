"""Features that newer versions of Pinot have and that would correct an erratum, checked on the version that runs."""

from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Capability:
    """A feature that Pinot got after the document was written.

    Attributes:
        name: Its name in the summary.
        key: The key of a table's `upsertConfig` that enables it.
        value: A valid value of that key.
        corrects: The id of the erratum that it would correct.
    """

    name: str
    key: str
    value: str
    corrects: str


DELETES = Capability("deletes", "deleteRecordColumn", "deleted", "rdp-16")
CONSISTENT_READS = Capability("consistent reads", "consistencyMode", "SNAPSHOT", "rdp-24")
FOUND = pytest.StashKey[dict[Capability, bool]]()


def supports(pinot, table, capability):
    """Return whether this Pinot knows the key; its validation lists the keys that it would ignore."""
    enabled = {**table, "upsertConfig": {**table["upsertConfig"], capability.key: capability.value}}
    return f"/upsertConfig/{capability.key}" not in pinot.unknown_keys(enabled)


def summary(found):
    """Return a line for each feature that was checked: whether this Pinot has it, and what follows for the erratum."""
    return [
        f"Pinot's {each.name} ({each.key}): "
        + (f"supported, corrects {each.corrects}" if supported else f"not supported, {each.corrects} applies")
        for each, supported in found.items()
    ]
