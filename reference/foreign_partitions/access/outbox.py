"""A transactional outbox: rows for several servers are recorded in one transaction of the base, then delivered.

PostgreSQL has no atomic commit over foreign servers. But the base can record in one commit that all rows are to be
inserted. Each row is then delivered in a transaction of its own, which inserts it and removes it from the outbox. The
partition's server commits before the base does, so after a crash between the two commits the row is delivered again;
the second insert has no effect, since the key exists. Until all rows are delivered, readers may see only some of them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus
from psycopg.types.json import Jsonb

from reference.foreign_partitions.description import Description
from reference.foreign_partitions.errors import (
    BadDescription,
    BadRow,
    Conflict,
    InTransaction,
    KeyTaken,
    PartitionUnavailable,
)

from .rows import Rows, check_columns, partition_of, translate_connection_loss

# Permanent errors of a row: its values are refused, or a trigger refuses it.
OF_THE_ROW = (KeyTaken, BadRow, psycopg.DataError, psycopg.IntegrityError, psycopg.errors.RaiseException)
FETCHED = 500  # rows at a time
LOCK = 0x66647731  # key of the advisory lock by which only one outbox is created at a time
COLUMNS = ("place", "row", "error")
# Settings that the spelling of values depends on, with values under which every session parses them back unchanged.
SPELLING = {"datestyle": "ISO", "intervalstyle": "postgres", "extra_float_digits": "1"}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SetAside:
    """A row of the outbox whose insert was refused for its values.

    Attributes:
        place: Number of the row in the outbox.
        row: The columns of the row, each value as PostgreSQL spells it.
        error: The reason of the refusal.
    """

    place: int
    row: Mapping[str, str | None]
    error: str


class Outbox:
    """The outbox of a described table, which must have an identity.

    Args:
        connection: A connection to the base.
        description: Description of the table.

    Raises:
        BadDescription: The table has no identity, which is needed to recognize a second delivery.
    """

    def __init__(self, connection: psycopg.Connection[Any], description: Description) -> None:
        self.connection = connection
        self.description = description
        self.table = description.table
        if self.table.identity is None:
            raise BadDescription(f"{self.table.name} has no identity: an outbox needs one to deliver a row only once")
        self.identity: str = self.table.identity
        self._rows = Rows(connection, description)
        self._name = sql.Identifier(self.table.schema, self.table.outbox)
        self._types: dict[str, str] = {}

    def create(self) -> None:
        """Create the outbox's table if it is missing.

        Raises:
            Conflict: A table of this name exists and is not an outbox.
        """
        with self.connection.transaction():
            self.connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            for statement in (
                """CREATE TABLE IF NOT EXISTS {} (
                    place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, row jsonb NOT NULL, error text)""",
                "SELECT place, row FROM {} LIMIT 0",
                "ALTER TABLE {} ADD COLUMN IF NOT EXISTS error text",
            ):
                try:
                    self.connection.execute(sql.SQL(statement).format(self._name))
                except psycopg.errors.UndefinedColumn:
                    raise Conflict(f"{self.table.outbox} exists and is not an outbox: rename it") from None

    def put(self, rows: Sequence[Mapping[str, Any]]) -> list[int]:
        """Write rows to the outbox, all or none, in the caller's transaction or in a new one.

        Values are interpreted as by `Rows.insert`. A row without an identity gets a number from the base's sequence.

        Returns:
            The identities that the rows will have.

        Raises:
            BadRow: A column is not part of the description.
        """
        rows = list(rows)  # a generator could be read only once
        for row in rows:
            check_columns(self.table, row)
        statement = sql.SQL("INSERT INTO {} (row) VALUES (%s)").format(self._name)
        with self.connection.transaction():
            drawn = iter(self._rows.reserve(sum(row.get(self.identity) is None for row in rows)))
            numbered = [
                {**row, self.identity: next(drawn) if row.get(self.identity) is None else row[self.identity]}
                for row in rows
            ]
            before = {name: self._setting(name) for name in SPELLING}
            self._set(SPELLING)
            spelled = [self._spelled(row) for row in numbered]
            self._set(before)
            for each in spelled:
                self.connection.execute(statement, [Jsonb(each)])
        return [row[self.identity] for row in numbered]

    def deliver(self) -> int:
        """Insert the waiting rows, each in a transaction of its own that also removes it from the outbox.

        The call is safe at any time, concurrently with other calls, and after a crash. A row whose values are refused
        is set aside (see `set_aside`); rows of servers that do not answer stay; all other rows are delivered.

        Returns:
            Number of rows that this call delivered.

        Raises:
            InTransaction: The connection is in a transaction: deliveries must commit one by one.
            PartitionUnavailable: A partition's server does not answer.
            psycopg.Error: Delivery failed for a reason other than the row's values, such as a missing table.
        """
        if self.connection.info.transaction_status != TransactionStatus.IDLE:
            raise InTransaction("deliver commits each row by itself: commit or roll back first")
        delivered, last = 0, -1
        failure: Exception | None = None
        unavailable: set[str | None] = set()
        while waiting := self._waiting(last):
            for place, row in waiting:
                last = place
                if unavailable and self._server(row) in unavailable:
                    continue
                try:
                    delivered += self._deliver(place, row)
                except PartitionUnavailable as error:
                    failure = failure or error
                    unavailable.add(self._server(row))
                except OF_THE_ROW as error:
                    self._set_aside(place, error)
                except psycopg.Error as error:
                    if self.connection.closed:
                        raise
                    failure = failure or error
        if failure is not None:
            raise failure
        return delivered

    def set_aside(self) -> list[SetAside]:
        """Return the rows that were refused for their values, in the order of `put`."""
        query = sql.SQL("SELECT place, row, error FROM {} WHERE error IS NOT NULL ORDER BY place").format(self._name)
        with self.connection.transaction():
            return [SetAside(place, _texts(row), error) for place, row, error in self.connection.execute(query)]

    def retry(self) -> int:
        """Let the next delivery retry the rows that were set aside, and return their number."""
        statement = sql.SQL("UPDATE {} SET error = NULL WHERE error IS NOT NULL").format(self._name)
        with self.connection.transaction():
            return self.connection.execute(statement).rowcount

    def _waiting(self, after: int) -> list[tuple[int, dict[str, str | None]]]:
        query = sql.SQL("SELECT place, row FROM {} WHERE error IS NULL AND place > %s ORDER BY place LIMIT {}").format(
            self._name, sql.Literal(FETCHED)
        )
        with self.connection.transaction():
            return [(place, _texts(row)) for place, row in self.connection.execute(query, [after]).fetchall()]

    def _deliver(self, place: int, row: Mapping[str, str | None]) -> bool:
        # Only the holder of the row's lock delivers it: otherwise one of two could insert a row that was delivered by
        # the other and has been deleted since.
        hold = sql.SQL("SELECT FROM {} WHERE place = %s AND error IS NULL FOR UPDATE SKIP LOCKED").format(self._name)
        remove = sql.SQL("DELETE FROM {} WHERE place = %s").format(self._name)
        with translate_connection_loss(), self.connection.transaction():
            if self.connection.execute(hold, [place]).fetchone() is None:
                return False
            self._rows.insert({**row, self.identity: int(row[self.identity] or 0)})
            self.connection.execute(remove, [place])
        return True

    def _set_aside(self, place: int, error: Exception) -> None:
        reason = " ".join(str(error).split())
        logger.warning("%s: the row at %s of the outbox is set aside: %s", self.table.name, place, reason)
        statement = sql.SQL("UPDATE {} SET error = %s WHERE place = %s").format(self._name)
        with self.connection.transaction():
            self.connection.execute(statement, [reason, place])

    def _server(self, row: Mapping[str, str | None]) -> str | None:
        """Return the server of a row's partition."""
        with self.connection.transaction():
            found = self.connection.execute(partition_of(self.description), [row.get(self.table.hash)]).fetchone()
        return self.description.partitions[found[0]].server if found is not None else None

    def _setting(self, name: str) -> str:
        ((value,),) = self.connection.execute("SELECT current_setting(%s)", [name]).fetchall()
        setting: str = value
        return setting

    def _set(self, settings: Mapping[str, str]) -> None:
        for name, value in settings.items():
            self.connection.execute("SELECT set_config(%s, %s, true)", [name, value])

    def _spelled(self, row: Mapping[str, Any]) -> dict[str, str | None]:
        """Return the values of a row as text that PostgreSQL parses to the same values as `Rows.insert` stores."""
        if not self._types:
            # Without modifiers: a cast to varchar(3) would cut off what an insert refuses.
            kinds = {name: column.base_type for name, column in self.table.columns.items()}
            query = "SELECT n, format_type(to_regtype(t), -1) FROM unnest(%s::text[], %s::text[]) c(n, t)"
            self._types = dict(self.connection.execute(query, [list(kinds), list(kinds.values())]).fetchall())
        values = sql.SQL(", ").join(sql.SQL("%s::{}::text").format(sql.SQL(self._types[name])) for name in row)
        (found,) = self.connection.execute(sql.SQL("SELECT {}").format(values), list(row.values())).fetchall()
        return dict(zip(row, found, strict=True))


def _texts(row: Mapping[str, Any]) -> dict[str, str | None]:
    return {k: v if v is None or isinstance(v, str) else json.dumps(v) for k, v in row.items()}
