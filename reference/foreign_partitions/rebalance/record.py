"""The record of a rebalance, a table on the base: which partitions are to be replaced, and which have been."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import dict_row

from reference.foreign_partitions.deploy.partitions import RECORDED, Attached, is_there
from reference.foreign_partitions.description import Description

from .moves import Move


class Record:
    """The table that exists on the base while a rebalance is under way.

    Args:
        base: A connection to the base.
        description: The description of the table after the rebalance.
    """

    def __init__(self, base: Connection[Any], description: Description) -> None:
        self._base, self._description = base, description
        self._name = sql.Identifier(description.table.schema, description.table.rebalance_table)

    def exists(self) -> bool:
        """Return whether a rebalance is under way.

        Raises:
            Conflict: Another table has the name of the record.
        """
        found = is_there(self._base, self._name, RECORDED, "the record of a rebalance")
        self._base.rollback()
        return found

    def read(self) -> tuple[list[Move], set[str]]:
        """Return the replacements that are done, and the layouts to which the recorded rebalance leads."""
        if not self.exists():
            return [], set()
        with self._base.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(sql.SQL("SELECT * FROM {}").format(self._name)).fetchall()
        self._base.rollback()
        partitions = self._description.partitions
        done = [
            Move(
                Attached(row["source"], row["server"], row["modulus"], row["remainder"]),
                {r: partitions[r] for r in range(row["remainder"], len(partitions), row["modulus"])},
            )
            for row in rows
            if row["switched"]
        ]
        return done, {row["layout"] for row in rows}

    def begin(self, found: Sequence[Move]) -> None:
        """Record the replacements to be done, and commit."""
        self._base.execute(
            sql.SQL(
                """CREATE TABLE {} (source text PRIMARY KEY, server text, modulus integer NOT NULL,
                remainder integer NOT NULL, layout text NOT NULL, switched boolean NOT NULL DEFAULT false)"""
            ).format(self._name)
        )
        for move in found:
            each = move.source
            self._base.execute(
                sql.SQL("INSERT INTO {} VALUES (%s, %s, %s, %s, %s)").format(self._name),
                [each.name, each.server, each.modulus, each.remainder, self._description.layout],
            )
        self._base.commit()

    def switched(self, move: Move) -> None:
        """Record that a partition is replaced, in the transaction that replaces it."""
        statement = sql.SQL("UPDATE {} SET switched = true WHERE source = %s").format(self._name)
        self._base.execute(statement, [move.source.name])

    def end(self) -> None:
        """Remove the record, and commit."""
        self._base.execute(sql.SQL("DROP TABLE {}").format(self._name))
        self._base.commit()
