"""Warehouses: a table or a query of any database that SQLAlchemy reaches.

The server groups; only its distinct rows with their numbers come here.
"""

import datetime as dt
import decimal
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from reference.table_summarization.encoding.counts import Counts, Recodings, count, merge
from reference.table_summarization.encoding.dictionaries import Coded, encode_objects
from reference.table_summarization.encoding.recoding import POSITIONS, KeepOnly, Recoding, ReplaceByInterval
from reference.table_summarization.errors import MissingExtraError, UnreadableError, UnsupportedValuesError
from reference.table_summarization.reading.files import unique_names
from reference.table_summarization.reading.source import MAX_PENDING, Groupings

_SAMPLE_ROWS = 100
_FETCHED_ROWS = 1 << 16


class WarehouseSource:
    """A table or a query of a database.

    Args:
        url: SQLAlchemy's address of the database.
        relation: What its rows are selected from: a table's name, with its schema's if need be, or a query in brackets.
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
        self.plan = f"a {self._engine.dialect.name} warehouse, which groups its rows itself; only the groups come here"
        sample = sa.select(sa.text("*")).select_from(relation).limit(_SAMPLE_ROWS)
        try:
            with self._engine.connect() as connection:
                rows = connection.execute(sample)
                self.names = unique_names(list(rows.keys()))
                self._sample = dict(zip(self.names, zip(*rows.fetchall(), strict=True), strict=False))
        except SQLAlchemyError as error:
            raise _refused(error) from None

    def binnable_columns(self, names: Sequence[str]) -> list[str]:
        """As `source.Source.binnable_columns`, by the values of the first rows."""
        return [name for name in names if _may_be_binned([v for v in self._sample.get(name, ()) if v is not None])]

    def count(self, groupings: Groupings, recodings: Recodings, max_rows: int) -> list[Counts]:
        """As `source.Source.count`, by a GROUP BY on the server for each grouping."""
        for grouping in groupings:
            for name in grouping:
                nested = {type(v).__name__ for v in self._sample.get(name, ()) if isinstance(v, list | dict | tuple)}
                if nested:
                    raise UnsupportedValuesError(
                        f"column {name!r} cannot be summarized: it holds {nested.pop()} values; leave it out"
                    )
        try:
            with self._engine.connect().execution_options(stream_results=True) as connection:
                return [self._count(connection, grouping, recodings, max_rows) for grouping in groupings]
        except SQLAlchemyError as error:
            raise _refused(error) from None

    def _column(self, name: str) -> sa.ColumnElement[Any]:
        """A column; a floating one with NaN as NULL, for a server's NaN is greater than every number."""
        column: sa.ColumnElement[Any] = sa.column(name)
        if any(isinstance(value, float) for value in self._sample.get(name, ())):
            return sa.case((sa.cast(column, sa.String) == "NaN", sa.null()), else_=column)
        return column

    def _count(self, connection: sa.Connection, names: Sequence[str], recodings: Recodings, max_rows: int) -> Counts:
        keys = [
            (_positions(self._column(name), recodings[name]) if name in recodings else sa.column(name)).label(
                f"key_{position}"
            )
            for position, name in enumerate(names)
        ]
        # Replaced in a query of its own, so that GROUP BY names the result: its parameters would be others to the
        # server.
        replaced = sa.select(*keys).select_from(self._relation).subquery("replaced")
        grouped = sa.select(*replaced.columns, sa.func.count().label("rows_of_key")).group_by(*replaced.columns)
        parts = []
        for fetched in connection.execute(grouped).partitions(_FETCHED_ROWS):
            *columns, weights = (np.array(cells, dtype=object) for cells in _columns(fetched, len(names) + 1))
            coded = {name: _coded(cells, recodings.get(name)) for name, cells in zip(names, columns, strict=True)}
            rows = weights.astype(np.int64)
            parts.append(count(coded, int(rows.sum()), {}, max_rows, rows))
            if len(parts) == MAX_PENDING:
                parts = [merge(parts, max_rows)]
        if not parts:
            empty = {name: Coded(np.zeros(0, dtype=np.int32), pa.nulls(0)) for name in names}
            return count(empty, 0, {}, max_rows)
        return merge(parts, max_rows)


def relation_of(table: str | None, query: str | None) -> sa.FromClause:
    """What rows are selected from.

    Args:
        table: A table's name, `schema.table` if need be.
        query: A SELECT.

    Raises:
        UnreadableError: Unless exactly one of them is given.
    """
    if (table is None) == (query is None):
        raise UnreadableError("a warehouse needs a table or a query, and not both")
    if table is not None:
        schema, _, name = table.rpartition(".")
        return sa.table(name, schema=schema or None)
    return sa.text(str(query).rstrip().rstrip(";")).columns().subquery("queried")


def _with_driver(url: str) -> sa.URL:
    """An address with the driver of the extra, where it names none and SQLAlchemy would take another."""
    address = sa.make_url(url)
    return address.set(drivername="postgresql+psycopg") if address.drivername == "postgresql" else address


def _refused(error: SQLAlchemyError) -> UnreadableError:
    reason = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    return UnreadableError(f"the warehouse refuses: {reason}")


def _may_be_binned(values: Sequence[Any]) -> bool:
    return all(
        isinstance(value, int | float | decimal.Decimal | dt.date) and not isinstance(value, bool) for value in values
    )


def _columns(rows: Sequence[Any], columns: int) -> list[list[Any]]:
    return [[row[position] for row in rows] for position in range(columns)]


def _coded(cells: Any, recoding: Recoding | None) -> Coded:
    """A column of the answer; of replaced values it has the positions."""
    if recoding is None:
        return encode_objects(cells)
    return Coded(cells.astype(np.int32), pa.array(range(len(recoding.values) + 1), POSITIONS))


def _positions(column: sa.ColumnElement[Any], recoding: Recoding) -> sa.ColumnElement[Any]:
    """The position of a value's replacement, as SQL."""
    if isinstance(recoding, ReplaceByInterval):
        edges = [(column < interval.high, position) for position, interval in enumerate(recoding.intervals[:-1])]
        last = len(recoding.intervals) - 1
        return sa.case((column.is_(None), last + 1), *edges, else_=last)
    if isinstance(recoding, KeepOnly):
        before = recoding.before
        replaced = column if before is None else _positions(column, before)
        kept: list[Any] = (
            recoding.values if before is None else [before.values.index(value) for value in recoding.values]
        )
        equal = [
            (replaced.is_(None) if value is None else replaced == value, position)
            for position, value in enumerate(kept)
        ]
        return sa.case(*equal, else_=len(kept)) if equal else sa.literal(0)
    raise TypeError(recoding)
