"""The expressions that select a warehouse's columns, so that values equal those of a data frame of the same table.

- NaN becomes NULL, so that it is missing: PostgreSQL treats it as the greatest number, other servers as an error.
- A `real`, or MariaDB's `float`, is converted to a double, as in a frame of 32-bit floats, not to its shortest decimal;
  `money` is a number.
- Texts are compared by their characters: by COLLATE "C" on PostgreSQL, COLLATE BINARY on SQLite, and by a digest of
  their bytes on MySQL and MariaDB. Other servers group by the collation of the column.
- The server bins numbers and times if it certainly compares them as Python does; else this process bins them.

Open this module to add a database, or if a summary of a warehouse differs from that of the same data in a file.
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
        expression: Selects the column's values, with NULL for NaN.
        literal: Returns a value as SQL, with which the server compares; None if this process compares.
        compared: Returns the expression by which rows are grouped, in case the server treats different values as equal.
        refused: The reason why the column cannot be summarized; None if it can.
    """

    expression: _Element
    literal: _Literal | None = None
    compared: Callable[[_Element], _Element] = _same
    refused: str | None = None

    def check(self, name: str) -> None:
        """Check that the column can be summarized.

        Raises:
            UnsupportedValuesError: The column cannot be summarized.
        """
        if self.refused is not None:
            raise UnsupportedValuesError(
                f"column {name!r} cannot be summarized: {self.refused}; leave it out, or turn it into text in a query"
            )

    def replaced(self, recoding: Recoding) -> _Element | None:
        """Return the position of each value's replacement, as SQL; None if the server might compare otherwise."""
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
        kind: The column's type, as the driver's cursor describes it.
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


# The protocol of MySQL numbers its types.
_MYSQL_FLOAT = 4
_MYSQL_NUMBERS_AND_TIMES = {0, 1, 2, 3, 5, 7, 8, 9, 10, 11, 12, 13, 246}


def _mysql(column: _Element, kind: object) -> Key:
    """Return how a column of MySQL or MariaDB is selected, by the number of its type in the protocol."""
    if kind == _MYSQL_FLOAT:  # the server sends six digits of a float, but all digits of a sum, which is a double
        return Key(column.op("+")(sa.literal_column("0e0")))
    if kind in _MYSQL_NUMBERS_AND_TIMES:
        return Key(column)
    # GROUP BY of a text itself compares only its first `max_sort_length` bytes.
    return Key(column, compared=lambda text: sa.func.sha2(sa.cast(text, sa.BINARY), 256))


_INTEGERS, _FLOATS, _NUMERIC, _MONEY = {20, 21, 23}, {700, 701}, 1700, 790
_TEXTS = {25, 1043, 1042}
_TIMES: dict[int, Any] = {1082: sa.Date(), 1114: sa.DateTime(), 1184: sa.DateTime(timezone=True)}
_READ_AS_THEY_ARE = {16, 17, 1083, 1266, 1186}  # bool, bytea, time, timetz, interval
_UUID = 2950
_FIRST_OF_USERS = 16384  # from this OID on: enumerations, citext and other types, which are selected as text
_JSON = {114: "json", 3802: "jsonb"}


def _postgresql(column: _Element, kind: int) -> Key:
    """Return how a column is selected, by the OID of its type in PostgreSQL."""
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
