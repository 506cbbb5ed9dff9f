"""The expressions that select a warehouse's columns, so that values equal those of a data frame of the same table.

- A number's NaN is missing, though a server takes it for the greatest number (PostgreSQL) or an error.
- A `real`, or MariaDB's `float`, is the double that a frame of 32-bit floats has, not the shortest decimal for it;
  `money` is a number.
- Texts are equal only if their characters are: by COLLATE "C" on PostgreSQL, COLLATE BINARY on SQLite and a digest of
  their bytes on MySQL and MariaDB. Other servers group by the collation of the column.
- Numbers and times are binned by the server where it certainly compares as Python does, else in this process.
"""

import datetime as dt
import decimal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from reference.table_summarization.encoding.recoding import KeepOnly, Recoding, ReplaceByInterval
from reference.table_summarization.errors import UnsupportedValuesError

_Element = sa.ColumnElement[Any]
_Literal = Callable[[Any], _Element]


def _same(column: _Element) -> _Element:
    return column


@dataclass(frozen=True)
class Key:
    """How a column is selected.

    Attributes:
        expression: Selects its values, NaN as NULL.
        literal: Returns a value as SQL, for the server to compare with; None where this process compares.
        compared: Returns what rows are grouped by, where the server takes different values for equal.
        refused: Why the column cannot be summarized; None where it can.
    """

    expression: _Element
    literal: _Literal | None = None
    compared: Callable[[_Element], _Element] = _same
    refused: str | None = None

    def check(self, name: str) -> None:
        """Refuse a column that cannot be summarized.

        Raises:
            UnsupportedValuesError: It cannot.
        """
        if self.refused is not None:
            raise UnsupportedValuesError(
                f"column {name!r} cannot be summarized: {self.refused}; leave it out, or turn it into text in a query"
            )

    def replaced(self, recoding: Recoding) -> _Element | None:
        """Return the position of each value's replacement, as SQL; None where the server might compare differently."""
        if self.literal is None:
            return None
        match recoding:
            case ReplaceByInterval(intervals=intervals):
                edges = [
                    (self.expression < self.literal(interval.high), position)
                    for position, interval in enumerate(intervals[:-1])
                ]
                return sa.case((self.expression.is_(None), len(intervals)), *edges, else_=len(intervals) - 1)
            case KeepOnly(values=values, before=None):
                equal = [
                    (self.expression.is_(None) if value is None else self.expression == self.literal(value), position)
                    for position, value in enumerate(values)
                ]
                return sa.case(*equal, else_=len(values)) if equal else sa.literal(0)
            case KeepOnly(values=values, before=ReplaceByInterval() as before):
                position = self.replaced(before)
                kept = [(before.values.index(value), new) for new, value in enumerate(values)]
                if position is None or not kept:
                    return sa.literal(0) if not kept else None
                return sa.case(*((position == old, new) for old, new in kept), else_=len(kept))
        return None


def key_of(dialect: str, name: str, kind: object) -> Key:
    """Return how a column is selected.

    Args:
        dialect: SQLAlchemy's name of the database.
        name: The column.
        kind: Its type as the driver's cursor describes it.
    """
    column: _Element = sa.column(name)
    match dialect:
        case "postgresql" if isinstance(kind, int):
            return _postgresql(column, kind)
        case "sqlite":
            return Key(column.collate("BINARY"))
        case "mysql" | "mariadb":
            return _mysql(column, kind)
    return Key(column)


# By the numbers that the protocol of MySQL has for types.
_MYSQL_FLOAT = 4
_MYSQL_NUMBERS_AND_TIMES = {0, 1, 2, 3, 5, 7, 8, 9, 10, 11, 12, 13, 246}


def _mysql(column: _Element, kind: object) -> Key:
    """Return how to read a column of MySQL or MariaDB, by the number of its type in the protocol."""
    if kind == _MYSQL_FLOAT:  # of which six digits are sent, and of a sum all
        return Key(column.op("+")(sa.literal_column("0e0")))
    if kind in _MYSQL_NUMBERS_AND_TIMES:
        return Key(column)
    # Grouped by themselves, texts that begin with the same `max_sort_length` bytes might be taken for equal.
    return Key(column, compared=lambda text: sa.func.sha2(sa.cast(text, sa.BINARY), 256))


_INTEGERS, _FLOATS, _NUMERIC, _MONEY = {20, 21, 23}, {700, 701}, 1700, 790
_TEXTS = {25, 1043, 1042}
_TIMES: dict[int, Any] = {1082: sa.Date(), 1114: sa.DateTime(), 1184: sa.DateTime(timezone=True)}
_READ_AS_THEY_ARE = {16, 17, 1083, 1266, 1186}  # bool, bytea, time, timetz, interval
_UUID = 2950
_FIRST_OF_USERS = 16384  # enumerations, citext and other types of users and extensions: as they are spelled
_JSON = {114: "json", 3802: "jsonb"}


def _postgresql(column: _Element, kind: int) -> Key:
    """Return how to read a column, by the OID of its type in PostgreSQL."""
    if kind in _JSON:
        return Key(column, refused=f"its type is {_JSON[kind]}")
    if kind in _FLOATS:
        double: _Element = sa.cast(column, postgresql.DOUBLE_PRECISION())
        return Key(sa.case((double == sa.literal_column("'NaN'::float8"), sa.null()), else_=double), _number)
    if kind in (_NUMERIC, _MONEY):
        number = column if kind == _NUMERIC else sa.cast(column, sa.Numeric())
        return Key(sa.case((number == sa.literal_column("'NaN'::numeric"), sa.null()), else_=number), _number)
    if kind in _INTEGERS:
        return Key(column, _number)
    if kind in _TIMES:
        as_kind = _TIMES[kind]
        return Key(column, lambda value: sa.cast(sa.literal(_time(value, kind), as_kind), as_kind))
    if kind in _READ_AS_THEY_ARE:
        return Key(column)
    if kind in _TEXTS:
        return Key(column.collate("C"), _text)
    if kind == _UUID or kind >= _FIRST_OF_USERS:
        return Key(sa.cast(column, sa.Text()).collate("C"), _text)
    return Key(column)


def _number(value: Any) -> _Element:
    if isinstance(value, int):
        return sa.cast(sa.literal(decimal.Decimal(value), sa.Numeric()), sa.Numeric())
    return sa.cast(sa.literal(value, sa.Float()), postgresql.DOUBLE_PRECISION())


def _time(value: Any, kind: int) -> Any:
    if kind == 1082:
        return value
    return value if isinstance(value, dt.datetime) else dt.datetime.combine(value, dt.time())


def _text(value: Any) -> _Element:
    return sa.cast(sa.literal(value, sa.Text()), sa.Text())
