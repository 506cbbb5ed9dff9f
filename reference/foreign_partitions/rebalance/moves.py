"""Determine which partitions a rebalance replaces, and by which: compare the present ones with the description."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reference.foreign_partitions.deploy.partitions import Attached
from reference.foreign_partitions.description import Description, Partition


@dataclass(frozen=True)
class Move:
    """A partition that is replaced by one or more others, in one transaction of the base.

    Attributes:
        source: The partition as it is now.
        targets: The partitions that take its rows, by remainder of the described modulus.
    """

    source: Attached
    targets: Mapping[int, Partition]

    def __str__(self) -> str:
        targets = ", ".join(f"{each.name} on {each.server or 'the base'}" for each in self.targets.values())
        return f"{self.source.name} on {self.source.server or 'the base'} -> {targets}"


def moves(description: Description, attached: Sequence[Attached]) -> tuple[list[Move], list[str]]:
    """Return the replacements that lead to the described partitions, and the reasons why they are impossible.

    A hash partition of modulus m and remainder r has exactly the rows of the partitions of modulus n * m and remainders
    r, r + m, r + 2m and so on. PostgreSQL allows both moduli in one table, so each partition is replaced in a step of
    its own.

    Args:
        description: The description of the table after the rebalance.
        attached: The partitions that the table has now.
    """
    name, modulus = description.table.name, description.modulus
    if not attached:
        return [], [f"{name} has no partitions on the base: apply its description first"]
    found, conflicts = [], []
    servers = {server.name for server in description.servers}
    for each in sorted(attached, key=lambda one: (one.remainder, one.modulus)):
        if not each.modulus:
            conflicts.append(f"{each.name} is not a partition by hash: only those can be replaced")
        elif modulus % each.modulus:
            conflicts.append(
                f"{each.name} is one of {each.modulus} partitions, and {modulus} are described: describe a multiple of "
                f"{each.modulus}"
            )
        elif each.server is not None and each.server not in servers:
            conflicts.append(
                f"{each.name} is on {each.server}, which is not described: keep it among the servers until the "
                f"rebalance is done"
            )
        else:
            targets = {r: description.partitions[r] for r in range(each.remainder, modulus, each.modulus)}
            only = targets[each.remainder] if len(targets) == 1 else None
            if only == Partition(each.name, each.server):
                continue
            if only is not None and only.server == each.server:
                conflicts.append(
                    f"{only.name} would only rename {each.name}, on the same server: keep the name {each.name}"
                )
                continue
            found.append(Move(each, targets))
    taken = {each.name for each in attached}
    conflicts += [
        f"{target.name} is the name of a partition that has other rows or another server now: give the new partition a "
        f"name of its own"
        for move in found
        for target in move.targets.values()
        if target.name in taken
    ]
    if sum(max(modulus // each.modulus, 1) for each in attached if each.modulus) != modulus and not conflicts:
        conflicts.append(f"{name} lacks some partition on the base: apply its present description first")
    return found, conflicts
