"""Whether the rows are where queries look for them, and each is there once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection, sql

from .description import Description
from .planning import Plan
from .rows import translate_connection_loss

SHOWN = 20


@dataclass(frozen=True)
class Report:
    """What `verify` found.

    Attributes:
        drift: Statements that would bring what is there to what is described, passwords left out.
        conflicts: Differences that no statement of ours would settle.
        misplaced: By leaf, how many rows lie in it that do not belong there: they are counted, and no query that names
            the partition key finds them.
        duplicates: Keys that are there more than once, the first twenty, with the leaves they lie in.
        rows: By leaf, how many rows it has.
    """

    drift: Sequence[str] = ()
    conflicts: Sequence[str] = ()
    misplaced: Mapping[str, int] = field(default_factory=dict)
    duplicates: Sequence[Mapping[str, Any]] = ()
    rows: Mapping[str, int] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not (self.drift or self.conflicts or self.misplaced or self.duplicates)


def verify(connection: Connection[Any], description: Description, due: Plan) -> Report:
    """Look for rows that are in the wrong place or there twice, through the base table.

    Reads every row's key from every server once; nothing is changed.

    Args:
        connection: To the base's server.
        description: What is wanted.
        due: What the state lacks.

    Raises:
        PartitionUnavailable: A server does not answer the base.
    """
    drift, conflicts = [str(each) for each in due.changes], list(due.conflicts)
    table = description.table
    base = sql.Identifier(table.schema, table.name)
    there = {
        row[0]
        for row in connection.execute(
            """SELECT c.relname FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
            WHERE inhparent = to_regclass(%s)""",
            [base.as_string()],
        )
    }
    rows, misplaced = {}, {}
    # A server that planned by its constraints would take our question for answered.
    connection.execute("SET LOCAL constraint_exclusion = off")
    with translate_connection_loss():
        for remainder, leaf in enumerate(description.partitions):
            if leaf.name not in there:
                continue
            found = connection.execute(
                # Materialized: postgres_fdw would send the function on, with the base table's number, which means
                # nothing over there.
                sql.SQL(
                    """WITH keys AS MATERIALIZED (SELECT {0} FROM {1})
                    SELECT count(*), count(*) FILTER (WHERE NOT satisfies_hash_partition(%s::regclass, %s, %s, {0}))
                    FROM keys"""
                ).format(sql.Identifier(table.hash), sql.Identifier(table.schema, leaf.name)),
                [base.as_string(), description.modulus, remainder],
            ).fetchone()
            assert found is not None
            rows[leaf.name] = found[0]
            if found[1]:
                misplaced[leaf.name] = found[1]
        duplicates = _duplicates(connection, description) if there else []
    return Report(drift, conflicts, misplaced, duplicates, rows)


def _duplicates(connection: Connection[Any], description: Description) -> list[dict[str, Any]]:
    table = description.table
    # An identity is unique by itself; a key without one is, together with the column that it must hold.
    columns = [table.identity] if table.identity is not None else list(table.key)
    key = sql.SQL(", ").join(map(sql.Identifier, columns))
    query = sql.SQL(
        """SELECT {key}, count(*), array_agg(DISTINCT tableoid::regclass::text) FROM {table}
        GROUP BY {key} HAVING count(*) > 1 ORDER BY {key} LIMIT {shown}"""
    ).format(key=key, table=sql.Identifier(table.schema, table.name), shown=sql.Literal(SHOWN))
    return [dict(zip([*columns, "times", "leaves"], row, strict=True)) for row in connection.execute(query)]
