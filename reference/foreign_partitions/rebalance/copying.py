"""Copy rows from an old leaf to the new ones: first all rows, and then the rows whose keys were recorded as changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from tempfile import SpooledTemporaryFile
from typing import IO, Any, TypeAlias

from psycopg import Connection, sql

from reference.foreign_partitions.access.rows import column_list
from reference.foreign_partitions.deploy.planning import BASE
from reference.foreign_partitions.description import Description, Partition, suffixed

from .moves import Move

# The number of a recorded change, a column beside those of the key.
CHANGE = "rebalance_change"
ROWS_TRIGGER, TRUNCATE_TRIGGER = "rebalance_rows", "rebalance_all"
BOUND = "rebalance_bound"  # the CHECK constraint of a new leaf until it is attached
IN_MEMORY = 16 << 20  # bytes of changed rows; more of them are kept in a temporary file

Writer: TypeAlias = Callable[[str], Connection[Any]]


class Copier:
    """Statements that create new leaves and fill them.

    Args:
        description: The description of the table after the rebalance.
        progress: Called whenever a server has sent or received a piece of data.
    """

    def __init__(self, description: Description, progress: Callable[[], None]) -> None:
        self.description = description
        self.table = description.table
        self._progress = progress
        self._parent = sql.Identifier(self.table.schema, self.table.name)

    def name(self, leaf: str) -> sql.Identifier:
        """Return the quoted name of a leaf."""
        return sql.Identifier(self.table.schema, leaf)

    def changes(self, move: Move) -> sql.Identifier:
        """Return the quoted name of the table of recorded changes, which is also the name of the trigger's function."""
        return self.name(suffixed(move.source.name, "_changes"))

    def create(self, connection: Connection[Any], remainder: int, leaf: Partition) -> None:
        """Create a new leaf as a plain table, or empty it if an interrupted rebalance has left it."""
        name = self.name(leaf.name)
        if connection.execute("SELECT to_regclass(%s)", [name.as_string()]).fetchall() != [(None,)]:
            connection.execute(sql.SQL("TRUNCATE {}").format(name))
            return
        statement = """CREATE TABLE {name} (LIKE {parent} INCLUDING CONSTRAINTS INCLUDING STORAGE, PRIMARY KEY ({key}),
            CONSTRAINT {bound} CHECK ({belongs}))"""
        connection.execute(
            sql.SQL(statement).format(
                name=name,
                parent=self._parent,
                key=column_list(self.table.key),
                bound=sql.Identifier(BOUND),
                belongs=self._belongs(connection, remainder),
            )
        )
        for columns in self.table.indexes:
            connection.execute(sql.SQL("CREATE INDEX ON {} ({})").format(name, column_list(columns)))

    def record_changes(self, connection: Connection[Any], move: Move) -> None:
        """Let a trigger of the old leaf record the keys of changed rows, in the transactions that change them.

        TRUNCATE is recorded as a row without a key, since it also removes rows that its own transaction does not see.
        """
        changes, source, key = self.changes(move), self.name(move.source.name), column_list(self.table.key)
        query = "SELECT FROM pg_trigger WHERE tgrelid = to_regclass(%s) AND tgname = %s"
        if connection.execute(query, [source.as_string(), ROWS_TRIGGER]).fetchone() is not None:
            return
        body = sql.SQL(
            """BEGIN
            IF TG_OP = 'TRUNCATE' THEN INSERT INTO {changes} DEFAULT VALUES; RETURN NULL; END IF;
            IF TG_OP <> 'INSERT' THEN INSERT INTO {changes} ({key}) SELECT {old}; END IF;
            IF TG_OP <> 'DELETE' THEN INSERT INTO {changes} ({key}) SELECT {new}; END IF;
            RETURN NULL;
            END"""
        ).format(changes=changes, key=key, old=self._key_of("old"), new=self._key_of("new"))
        for statement in (
            "CREATE TABLE {changes} AS SELECT {key} FROM {source} WITH NO DATA",
            "ALTER TABLE {changes} ADD {change} bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
            """CREATE FUNCTION {changes}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
            SET search_path = pg_catalog AS {body}""",
            """CREATE TRIGGER {rows} AFTER INSERT OR UPDATE OR DELETE ON {source} FOR EACH ROW
            EXECUTE FUNCTION {changes}()""",
            "CREATE TRIGGER {all} BEFORE TRUNCATE ON {source} EXECUTE FUNCTION {changes}()",
            "ALTER TABLE {source} ENABLE ALWAYS TRIGGER {rows}, ENABLE ALWAYS TRIGGER {all}",
        ):
            connection.execute(
                sql.SQL(statement).format(
                    changes=changes,
                    source=source,
                    key=key,
                    change=sql.Identifier(CHANGE),
                    body=sql.Literal(body.as_string()),
                    rows=sql.Identifier(ROWS_TRIGGER),
                    all=sql.Identifier(TRUNCATE_TRIGGER),
                )
            )

    def copy(self, move: Move, source: Connection[Any], writer: Writer) -> int:
        """Copy all rows of the old leaf, in one transaction for each new leaf, and return their number."""
        copied = 0
        for remainder, leaf in move.targets.items():
            connection = writer(leaf.server or BASE)
            with connection.transaction():
                copied += self._fill(connection, source, move, remainder)
                connection.execute(sql.SQL("ANALYZE {}").format(self.name(leaf.name)))
        source.rollback()
        return copied

    def quickly_caught_up(self, move: Move, source: Connection[Any], limit: int) -> bool:
        """Return whether fewer than `limit` changes are recorded, and no TRUNCATE, which needs a copy of all rows."""
        query = sql.SQL("SELECT count(*) < {} AND count(*) = count({}) FROM {}").format(
            sql.Literal(limit), sql.Identifier(self.table.key[0]), self.changes(move)
        )
        ((quickly,),) = source.execute(query).fetchall()
        return bool(quickly)

    def catch_up(self, move: Move, source: Connection[Any], writer: Writer, limit: int) -> list[int]:
        """Copy the old leaf's present rows of up to `limit` recorded changes; return the numbers of the changes.

        Every connection of `writer` is left in a transaction that the caller commits; only then may the caller remove
        the records (`forget`). All statements on `source` must see one state, by the isolation level or by a lock.
        """
        query = sql.SQL("SELECT {change}, {first} IS NULL FROM {changes} ORDER BY {change} LIMIT {limit}").format(
            change=sql.Identifier(CHANGE),
            first=sql.Identifier(self.table.key[0]),
            changes=self.changes(move),
            limit=sql.Literal(limit),
        )
        recorded = source.execute(query).fetchall()
        numbers = [number for number, _ in recorded]
        if not numbers:
            return []
        if any(truncated for _, truncated in recorded):
            for remainder, leaf in move.targets.items():
                self._fill(writer(leaf.server or BASE), source, move, remainder)
            return numbers
        key = column_list(self.table.key)
        keys = sql.SQL("SELECT DISTINCT {key} FROM {changes} WHERE {change} = ANY({numbers})").format(
            key=key, changes=self.changes(move), change=sql.Identifier(CHANGE), numbers=sql.Literal(numbers)
        )
        changed = sql.SQL("({}) IN ({})").format(key, keys)
        for remainder, leaf in move.targets.items():
            connection, name = writer(leaf.server or BASE), self.name(leaf.name)
            with SpooledTemporaryFile(IN_MEMORY) as old, SpooledTemporaryFile(IN_MEMORY) as new:
                # Kept in between: both ends may be one connection.
                old.writelines(self._out(source, keys))
                new.writelines(
                    self._out(source, sql.SQL("{} AND {}").format(self._rows(source, move, remainder), changed))
                )
                connection.execute(
                    sql.SQL(
                        """CREATE TEMPORARY TABLE IF NOT EXISTS rebalance_keys ON COMMIT DROP AS
                        SELECT {} FROM {} WITH NO DATA"""
                    ).format(key, name)
                )
                keys_table = sql.Identifier("pg_temp", "rebalance_keys")
                connection.execute(sql.SQL("TRUNCATE {}").format(keys_table))
                self._into(connection, keys_table, list(self.table.key), _pieces(old))
                delete = "DELETE FROM {} WHERE ({}) IN (SELECT {} FROM {})"
                connection.execute(sql.SQL(delete).format(name, key, key, keys_table))
                self._into(connection, name, list(self.table.columns), _pieces(new))
        return numbers

    def forget(self, move: Move, source: Connection[Any], numbers: Sequence[int]) -> None:
        """Remove the records of changes that were copied to the new leaves."""
        statement = sql.SQL("DELETE FROM {} WHERE {} = ANY(%s)").format(self.changes(move), sql.Identifier(CHANGE))
        source.execute(statement, [list(numbers)])

    def _fill(self, connection: Connection[Any], source: Connection[Any], move: Move, remainder: int) -> int:
        """Replace the rows of a new leaf by those of the old one, and return their number."""
        name = self.name(move.targets[remainder].name)
        connection.execute(sql.SQL("TRUNCATE {}").format(name))
        rows = self._out(source, self._rows(source, move, remainder))
        return self._into(connection, name, list(self.table.columns), rows)

    def _rows(self, source: Connection[Any], move: Move, remainder: int) -> sql.Composed:
        return sql.SQL("SELECT {} FROM ONLY {} WHERE {}").format(
            column_list(self.table.columns), self.name(move.source.name), self._belongs(source, remainder)
        )

    def _belongs(self, connection: Connection[Any], remainder: int) -> sql.Composed:
        """Return the bound as PostgreSQL itself spells it, so that attaching the leaf need not check its rows again."""
        ((parent,),) = connection.execute("SELECT to_regclass(%s)::oid", [self._parent.as_string()]).fetchall()
        return sql.SQL("satisfies_hash_partition({}::oid, {}, {}, {})").format(
            sql.Literal(str(parent)),
            sql.Literal(self.description.modulus),
            sql.Literal(remainder),
            sql.Identifier(self.table.hash),
        )

    def _key_of(self, row: str) -> sql.Composed:
        return sql.SQL(", ").join(sql.Identifier(row, name) for name in self.table.key)

    def _out(self, connection: Connection[Any], query: sql.Composed) -> Iterator[bytes]:
        with connection.cursor().copy(sql.SQL("COPY ({}) TO STDOUT").format(query)) as out:
            for piece in out:
                self._progress()
                yield bytes(piece)

    def _into(
        self, connection: Connection[Any], name: sql.Identifier, columns: Sequence[str], pieces: Iterator[bytes]
    ) -> int:
        cursor = connection.cursor()
        with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(name, column_list(columns))) as into:
            for piece in pieces:
                into.write(piece)
                self._progress()
        return cursor.rowcount


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(1 << 16):
        yield piece
