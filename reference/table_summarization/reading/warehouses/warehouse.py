"""Warehouses: a table or a query of any database that SQLAlchemy supports.

The server groups its rows; only the distinct rows with their counts are fetched. The values equal those of a data
frame with the same table: `warehouse_values` has the expressions by which columns are selected. Open this module to
see which statements are sent; `_refusal_by_column` finds the column that causes an error of the server.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from reference.table_summarization.encoding.counts import Counts, Recodings, count, merge
from reference.table_summarization.encoding.dictionaries import Coded, encode_objects
from reference.table_summarization.encoding.recoding import POSITIONS, recode
from reference.table_summarization.errors import MissingExtraError, UnreadableError, UnsupportedValuesError
from reference.table_summarization.reading.column_names import unique_names
from reference.table_summarization.reading.source import MAX_PENDING, Groupings, Survey
from reference.table_summarization.reading.warehouses.warehouse_values import Key, key_of
from reference.table_summarization.values import canonical

_FETCHED_ROWS = 1 << 16


class WarehouseSource:
    """A table or a query of a database.

    Args:
        url: Address of the database, as SQLAlchemy writes it.
        relation: The table or the query that rows are selected from; see `relation_of`.
    """

    def __init__(self, url: str, relation: sa.FromClause) -> None:
        self._relation = relation
        try:
            self._engine = sa.create_engine(_with_driver(url), poolclass=sa.NullPool)
        except ModuleNotFoundError as error:
            driver = f"the database driver {error.name}"
            raise MissingExtraError(driver, in_extra=error.name == "psycopg") from None
        except SQLAlchemyError as error:
            raise _refused(error) from None
        dialect = self._engine.dialect.name
        held = self._engine.url.database
        if dialect == "sqlite" and held and not held.startswith((":memory:", "file:")) and not Path(held).exists():
            raise UnreadableError(f"no file is called {held}")  # SQLite would create it
        self.plan = f"a {dialect} warehouse, which groups its rows itself; only the groups are fetched"
        try:
            with self._engine.connect() as connection:
                empty = connection.execute(sa.select(sa.text("*")).select_from(relation).limit(0))
                self.names = unique_names(list(empty.keys()))
                self._keys: Mapping[str, Key] = {
                    name: key_of(dialect, name, column[1])
                    for name, column in zip(self.names, empty.cursor.description, strict=True)
                }
        except SQLAlchemyError as error:
            raise _refused(error) from None

    def binnable_columns(self, names: Sequence[str]) -> list[str]:
        """Do the same as `source.Source.binnable_columns`, by the first value of each column that is not missing.

        A text, a bool or bytes excludes the column, since one such value prevents binning. A number or a time does
        not: binning itself checks all values.
        """
        found = []
        for name in names:
            self._keys[name].check(name)
            key = self._keys[name].expression
            first = sa.select(key).select_from(self._relation).where(key.is_not(None)).limit(1)
            try:
                with self._engine.connect() as connection:
                    value = canonical(connection.execute(first).scalar())
            except SQLAlchemyError as error:
                raise self._refusal_by_column([name], error) from None
            except UnsupportedValuesError as error:
                raise UnsupportedValuesError(f"column {name!r} cannot be summarized: {error}") from None
            if value is not None and not isinstance(value, str | bool | bytes):
                found.append(name)
        return found

    def survey(self, watched: Sequence[str], names: Sequence[str], max_rows: int) -> Survey:
        """Do the same as `source.Source.survey`."""
        return Survey(self.count([(name,) for name in watched], {}, max_rows))

    def count(self, groupings: Groupings, recodings: Recodings, max_rows: int) -> list[Counts]:
        """Do the same as `source.Source.count`, by a GROUP BY on the server for each grouping."""
        for name in sorted({name for grouping in groupings for name in grouping}):
            self._keys[name].check(name)
        counted = []
        for grouping in groupings:
            try:
                with self._engine.connect().execution_options(stream_results=True) as connection:
                    counted.append(self._count(connection, grouping, recodings, max_rows))
            except (SQLAlchemyError, OverflowError, ValueError) as error:
                if isinstance(error, UnsupportedValuesError):
                    raise
                raise self._refusal_by_column(grouping, error) from None
        return counted

    def _grouped(self, keys: Sequence[Key], expressions: Sequence[sa.ColumnElement[Any]]) -> sa.Select[Any]:
        """Return the query for the distinct values of some expressions, with their numbers of rows."""
        # Expressions are computed in a subquery, so that GROUP BY names their results: repeated with parameters, they
        # would be different expressions to the server.
        columns = [each.label(f"key_{position}") for position, each in enumerate(expressions)]
        inner = sa.select(*columns).select_from(self._relation).subquery("replaced")
        compared = [key.compared(column) for key, column in zip(keys, inner.columns, strict=True)]
        shown = [
            column if group is column else sa.func.min(column)
            for group, column in zip(compared, inner.columns, strict=True)
        ]
        return sa.select(*shown, sa.func.count().label("rows_of_key")).group_by(*compared)

    def _count(self, connection: sa.Connection, names: Sequence[str], recodings: Recodings, max_rows: int) -> Counts:
        # If the server might replace values otherwise than Python, they are replaced here.
        replaced = {name: self._keys[name].replaced(recodings[name]) for name in names if name in recodings}
        on_server = {name: expression for name, expression in replaced.items() if expression is not None}
        here = {name: recodings[name] for name in names if name in recodings and name not in on_server}
        keys = [Key(sa.column("position")) if name in on_server else self._keys[name] for name in names]
        expressions = [on_server.get(name, self._keys[name].expression) for name in names]
        parts = []
        for fetched in connection.execute(self._grouped(keys, expressions)).partitions(_FETCHED_ROWS):
            *columns, weights = (_cells(fetched, position) for position in range(len(names) + 1))
            coded = {}
            for name, cells in zip(names, columns, strict=True):
                if name in on_server:
                    size = len(recodings[name].values) + 1
                    coded[name] = Coded(cells.astype(np.int32), pa.array(range(size), POSITIONS))
                else:
                    coded[name] = _coded(name, cells)
                    if name in here:
                        coded[name] = recode(coded[name], here[name])
            rows = weights.astype(np.int64)
            parts.append(count(coded, int(rows.sum()), {}, max_rows, rows))
            if len(parts) == MAX_PENDING:
                parts = [merge(parts, max_rows)]
        if not parts:
            empty = {name: Coded(np.zeros(0, dtype=np.int32), pa.nulls(0)) for name in names}
            return count(empty, 0, {}, max_rows)
        return merge(parts, max_rows)

    def _refusal_by_column(self, names: Sequence[str], error: Exception) -> UnreadableError | UnsupportedValuesError:
        """Return the error of a statement; if a query of a single column fails, too, the error names that column."""
        for name in names:
            key = self._keys[name]
            try:
                with self._engine.connect().execution_options(stream_results=True) as connection:
                    for _ in connection.execute(self._grouped([key], [key.expression])):
                        pass
            except (SQLAlchemyError, OverflowError, ValueError) as own:
                advice = "leave it out, or turn it into text in a query"
                return UnsupportedValuesError(f"column {name!r} cannot be summarized: {_reason(own)}; {advice}")
        return _refused(error)


def relation_of(table: str | None, query: str | None) -> sa.FromClause:
    """Return the table or the query that rows are selected from.

    Args:
        table: A table's name, `table` or `schema.table`.
        query: A SELECT, which runs as it is written.

    Raises:
        UnreadableError: Both are given, or neither.
    """
    if (table is None) == (query is None):
        raise UnreadableError("give either a table or a query of the warehouse, not both")
    if table is not None:
        schema, _, name = table.rpartition(".")
        return sa.table(name, schema=schema or None)
    written = str(query).rstrip().rstrip(";")
    # SQLAlchemy would read `:word` as a parameter. The line break ends a comment in the query's last line.
    return sa.text(written.replace(":", "\\:") + "\n").columns().subquery("queried")


def _with_driver(url: str) -> sa.URL:
    """Return an address with the driver that the extra installs, if it names no driver and SQLAlchemy's is another."""
    address = sa.make_url(url)
    return address.set(drivername="postgresql+psycopg") if address.drivername == "postgresql" else address


def _reason(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0]


def _refused(error: Exception) -> UnreadableError:
    return UnreadableError(f"the warehouse refuses: {_reason(error)}")


def _cells(rows: Sequence[Any], column: int) -> Any:
    cells = np.empty(len(rows), dtype=object)
    cells[:] = [row[column] for row in rows]
    return cells


def _coded(name: str, cells: Any) -> Coded:
    try:
        return encode_objects(cells)
    except UnsupportedValuesError as error:
        raise UnsupportedValuesError(f"column {name!r} cannot be summarized: {error}") from None
