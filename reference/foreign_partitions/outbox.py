"""An outbox: rows for several servers written in one transaction of the base, and delivered until they are there.

PostgreSQL has no atomic commit over foreign servers. The base alone can commit at once that all rows are wanted;
delivery inserts each in a transaction of its own, with the key that was given at the start, so that doing it again does
no harm. Readers may meanwhile see some of the rows and not the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from .description import Description
from .rows import Rows, translate_connection_loss


class Outbox:
    """The outbox of a described table, which must have an identity.

    Args:
        connection: To the base.
        description: Of the table.
    """

    def __init__(self, connection: psycopg.Connection[Any], description: Description) -> None:
        self.connection = connection
        self.table = description.table
        self._rows = Rows(connection, description)
        self._base = sql.Identifier(self.table.schema, self.table.name)
        self._name = sql.Identifier(self.table.schema, f"{self.table.name}_outbox")

    def create(self) -> None:
        """Make the outbox's table where it is missing."""
        statement = (
            "CREATE TABLE IF NOT EXISTS {} (place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, row jsonb NOT NULL)"
        )
        with self.connection.transaction():
            self.connection.execute(sql.SQL(statement).format(self._name))

    def put(self, rows: Sequence[Mapping[str, Any]]) -> list[int]:
        """Write rows down: all, or none where the caller's transaction fails.

        Returns:
            The identities that they will have.
        """
        with self.connection.transaction():
            numbers = self._rows.reserve(len(rows))
            statement = sql.SQL("INSERT INTO {} (row) VALUES (%s)").format(self._name)
            for number, row in zip(numbers, rows, strict=True):
                self.connection.execute(statement, [Jsonb({**row, self.table.identity: number})])
        return numbers

    def deliver(self) -> int:
        """Insert what is waiting, each row in a transaction of its own, and strike it out afterwards.

        May be called at any time, by several at once, and again after any crash.

        Returns:
            How many rows were waiting.

        Raises:
            PartitionUnavailable: A partition's server does not answer; what is left waits on.
        """
        columns = sql.SQL(", ").join(map(sql.Identifier, self.table.columns))
        insert = sql.SQL(
            """INSERT INTO {base} ({columns}) OVERRIDING SYSTEM VALUE
            SELECT {columns} FROM jsonb_populate_record(NULL::{base}, %s) ON CONFLICT DO NOTHING"""
        ).format(base=self._base, columns=columns)
        with self.connection.transaction():
            select = sql.SQL("SELECT place, row FROM {} ORDER BY place").format(self._name)
            waiting = self.connection.execute(select).fetchall()
        for place, row in waiting:
            with translate_connection_loss(), self.connection.transaction():
                self.connection.execute(insert, [Jsonb(row)])
            with self.connection.transaction():
                self.connection.execute(sql.SQL("DELETE FROM {} WHERE place = %s").format(self._name), [place])
        return len(waiting)
