"""Verify a deployed table: each row is in the partition where queries look for it, and exists once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import Connection, sql

from reference.foreign_partitions.access.rows import CONNECTION_LOST, column_list, translate_connection_loss
from reference.foreign_partitions.description import Description

from .planning import Plan

SHOWN = 20  # duplicates in a report


@dataclass(frozen=True)
class Report:
    """The findings of `verify`.

    Attributes:
        drift: Statements that would turn the state into the description, passwords masked.
        conflicts: Differences that `apply` would not repair, unreadable partitions, a sequence that lags behind its
            rows, and rows that the outbox could not deliver.
        misplaced: The number of rows that do not belong to a leaf, by leaf: no query by the partition key finds them.
        duplicates: The first twenty keys that occur more than once, with their leaves.
        rows: The number of rows, by leaf.
    """

    drift: Sequence[str] = ()
    conflicts: Sequence[str] = ()
    misplaced: Mapping[str, int] = field(default_factory=dict)
    duplicates: Sequence[Mapping[str, Any]] = ()
    rows: Mapping[str, int] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Whether there are no findings."""
        return not (self.drift or self.conflicts or self.misplaced or self.duplicates)


def verify(connection: Connection[Any], description: Description, due: Plan) -> Report:
    """Report drift, misplaced rows, duplicates, a sequence that lags behind and rows that the outbox could not deliver.

    It reads the key of every row from every server once, through the base table, and changes nothing.

    Args:
        connection: A connection to the base.
        description: The description of the table.
        due: The plan of `apply`: the changes that it would make, and the conflicts that it would report.

    Raises:
        PartitionUnavailable: A server does not answer the base.
    """
    drift, conflicts = [str(each) for each in due.changes], list(due.conflicts)
    table = description.table
    base = sql.Identifier(table.schema, table.name)
    attached = {
        row[0]
        for row in connection.execute(
            """SELECT c.relname FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
            WHERE inhparent = to_regclass(%s)""",
            [base.as_string()],
        )
    }
    rows, misplaced, unreadable = {}, {}, []
    with translate_connection_loss():
        for remainder, leaf in enumerate(description.partitions):
            if leaf.name not in attached:
                continue
            # Materialized: otherwise postgres_fdw pushes the function down with the base table's OID, which means
            # nothing on the other server.
            query = sql.SQL(
                """WITH keys AS MATERIALIZED (SELECT {0} FROM {1})
                SELECT count(*), count(*) FILTER (WHERE NOT satisfies_hash_partition(%s::regclass, %s, %s, {0}))
                FROM keys"""
            ).format(sql.Identifier(table.hash), sql.Identifier(table.schema, leaf.name))
            try:
                with connection.transaction():
                    found = connection.execute(query, [base.as_string(), description.modulus, remainder]).fetchone()
            except CONNECTION_LOST:
                raise
            except psycopg.Error as error:
                unreadable.append(f"{leaf.name} cannot be read: {error.diag.message_primary or error}")
                continue
            assert found is not None
            rows[leaf.name] = found[0]
            if found[1]:
                misplaced[leaf.name] = found[1]
        complete = bool(attached) and not unreadable and _is_readable(connection, description)
        duplicates = _duplicates(connection, description) if complete else []
        conflicts += unreadable
        if complete:
            conflicts += _lagging_sequence(connection, description)
    conflicts += _set_aside(connection, description)
    return Report(drift, conflicts, misplaced, duplicates, rows)


def _is_readable(connection: Connection[Any], description: Description) -> bool:
    """Return whether the base table can be read: it cannot if a foreign partition lacks a column."""
    name = sql.Identifier(description.table.schema, description.table.name)
    columns = column_list(description.table.columns)
    try:
        with connection.transaction():
            connection.execute(sql.SQL("SELECT {} FROM {} LIMIT 0").format(columns, name))
    except CONNECTION_LOST:
        raise
    except psycopg.Error:
        return False
    return True


def _lagging_sequence(connection: Connection[Any], description: Description) -> list[str]:
    """Return a sentence if the base's sequence would generate numbers that rows already have, else an empty list."""
    table = description.table
    if table.identity is None:
        return []
    name = sql.Identifier(table.schema, table.name)
    query = sql.SQL(
        """SELECT max({column}), (SELECT COALESCE(pg_sequence_last_value(s::regclass), 0)
        FROM pg_get_serial_sequence({name}, {identity}) s) FROM {table}"""
    ).format(
        column=sql.Identifier(table.identity),
        name=sql.Literal(name.as_string()),
        identity=sql.Literal(table.identity),
        table=name,
    )
    ((highest, last),) = connection.execute(query).fetchall()
    if highest is None or last is None or highest <= last:
        return []
    statement = f"SELECT setval(pg_get_serial_sequence('{name.as_string()}', '{table.identity}'), {highest})"
    return [f"base: the sequence of {table.identity} is at {last}, below the highest number {highest}: {statement}"]


def _set_aside(connection: Connection[Any], description: Description) -> list[str]:
    """Return a sentence if the outbox has set rows aside because a server refused them, else an empty list."""
    name = sql.Identifier(description.table.schema, description.table.outbox)
    query = "SELECT FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = 'error'"
    if connection.execute(query, [name.as_string()]).fetchone() is None:
        return []
    found = sql.SQL("SELECT count(*), min(error) FROM {} WHERE error IS NOT NULL").format(name)
    ((number, reason),) = connection.execute(found).fetchall()
    return [f"base: {number} rows of the outbox are set aside, for instance: {reason}"] if number else []


def _duplicates(connection: Connection[Any], description: Description) -> list[dict[str, Any]]:
    """Return the first keys that occur more than once, each with its number of rows and its leaves."""
    table = description.table
    # An identity must be unique; a key without one contains the hash column and must be unique, too.
    columns = [table.identity] if table.identity is not None else list(table.key)
    key = sql.SQL(", ").join(map(sql.Identifier, columns))
    query = sql.SQL(
        """SELECT {key}, count(*), array_agg(DISTINCT tableoid::regclass::text) FROM {table}
        GROUP BY {key} HAVING count(*) > 1 ORDER BY {key} LIMIT {shown}"""
    ).format(key=key, table=sql.Identifier(table.schema, table.name), shown=sql.Literal(SHOWN))
    return [dict(zip([*columns, "times", "leaves"], row, strict=True)) for row in connection.execute(query)]
