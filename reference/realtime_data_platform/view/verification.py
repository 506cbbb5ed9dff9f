"""Compare the table in PostgreSQL with its view, in memory that does not grow with the number of rows.

Read this to see how large tables are compared. Both sides are read once, row by row, in any order. The key of a row
chooses one of a fixed number of buckets, and the row's digest is added to the sum of that bucket. Only buckets whose
sums differ are read a second time, and their rows are compared.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from reference.realtime_data_platform.clients import Trino
from reference.realtime_data_platform.source.description import Table, quoted
from reference.realtime_data_platform.source.postgres import connected

TEXT_FORMAT = "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres'; SET extra_float_digits = 1"
"""Settings under which PostgreSQL writes values as text in the same form as the change log does."""

BUCKETS = 4096
MOST_ROWS = 100_000
"""Limit on the rows that are held in memory and compared. If more differ, only the first buckets are compared."""

_MODULUS = 2**128
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Difference:
    """How a view differs from its table; false when they are equal.

    Attributes:
        missing: Rows of the table that the view lacks, key columns first.
        extra: Rows of the view that the table lacks, key columns first, including the second copy of a duplicate.
        uncompared: Number of rows, of both sides, in further buckets that differ but were not compared row by row.
    """

    missing: list[Row] = field(default_factory=list)
    extra: list[Row] = field(default_factory=list)
    uncompared: int = 0

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra or self.uncompared)


def comparable(value: Any) -> Any:
    """Return a value, or a row of values, in a hashable form that is the same for equal values of both sides."""
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else value + 0.0  # which turns minus zero into zero
    if isinstance(value, Decimal):
        if value.is_nan():
            return "NaN"
        text = f"{value:f}"
        return Decimal(text.rstrip("0").rstrip(".") if "." in text else text) if value else Decimal(0)
    if isinstance(value, Mapping):
        return tuple(sorted(value.items()))
    if isinstance(value, (list, tuple)):
        return tuple(map(comparable, value))
    return value


class Digest:
    """The number of rows and the sum of their digests, for each bucket of keys."""

    def __init__(self, key: int) -> None:
        """Take the number of key columns, which come first in each row."""
        self.key = key
        self.rows, self.sums = [0] * BUCKETS, [0] * BUCKETS

    def add(self, row: Row) -> None:
        """Add a row of comparable values."""
        at = self.bucket(row)
        self.rows[at] += 1
        self.sums[at] = (self.sums[at] + _number(row)) % _MODULUS

    def bucket(self, row: Row) -> int:
        """Return the bucket of a row."""
        return _number(row[: self.key]) % BUCKETS

    def differing(self, other: Digest) -> list[int]:
        """Return the buckets in which two sides differ."""
        return [at for at in range(BUCKETS) if (self.rows[at], self.sums[at]) != (other.rows[at], other.sums[at])]


def _number(row: Row) -> int:
    return int.from_bytes(hashlib.blake2b(repr(row).encode("utf-8", "surrogatepass"), digest_size=16).digest())


def verify(dsn: str, trino: Trino, table: Table) -> Difference:
    """Compare the table in PostgreSQL with the view, row by row, and return how they differ.

    NaN equals NaN here, and infinity equals infinity. Dates and times are compared, and returned, as PostgreSQL's text
    in UTC, since Python has no dates before the year 1. Rows that change during the comparison may be reported.

    Args:
        dsn: Connection string of PostgreSQL.
        trino: The cluster with the view.
        table: The table's definition.
    """
    columns = (*table.key_columns(), *table.other_columns())
    of_table = ", ".join(each.carried.postgres.format(column=quoted(each.name)) for each in columns)
    of_view = ", ".join(each.carried.compared.format(column=quoted(each.name)) for each in columns)
    in_table = f"SELECT {of_table} FROM {table.quoted}"  # noqa: S608  # quoted names
    in_view = f"SELECT {of_view} FROM hive.views.{quoted(table.pipeline)}"  # noqa: S608  # quoted names

    def each_side(use: Callable[[int, Iterator[Row]], None]) -> None:
        with _rows(dsn, in_table) as rows:
            use(0, rows)
        use(1, trino.rows(in_view))

    return compared(each_side, len(table.key_columns()))


def compared(each_side: Callable[[Callable[[int, Iterator[Row]], None]], None], key: int) -> Difference:
    """Compare two sides, each of which can be read twice.

    Args:
        each_side: Calls a function with 0 and the rows of the table, and then with 1 and those of the view.
        key: Number of key columns, which come first in each row.
    """
    digests = Digest(key), Digest(key)

    def add(side: int, rows: Iterator[Row]) -> None:
        for row in rows:
            digests[side].add(comparable(row))

    each_side(add)
    chosen: set[int] = set()
    taken = uncompared = 0
    for at in digests[0].differing(digests[1]):
        size = digests[0].rows[at] + digests[1].rows[at]
        if chosen and taken + size > MOST_ROWS:
            uncompared += size
        else:
            chosen, taken = chosen | {at}, taken + size
    if not chosen:
        return Difference()
    found: tuple[Counter[Row], Counter[Row]] = Counter(), Counter()

    def count(side: int, rows: Iterator[Row]) -> None:
        found[side].update(row for row in map(comparable, rows) if digests[side].bucket(row) in chosen)

    each_side(count)
    in_table, in_view = found
    return Difference(list((in_table - in_view).elements()), list((in_view - in_table).elements()), uncompared)


@contextmanager
def _rows(dsn: str, query: str) -> Iterator[Iterator[Row]]:
    """Give an iterator over the rows of a query, which PostgreSQL sends in batches as they are read."""
    with connected(dsn) as connection:
        connection.execute(TEXT_FORMAT)
        with connection.transaction(), connection.cursor(name="verify") as cursor:
            cursor.itersize = 10_000
            cursor.execute(query.encode())
            yield iter(cursor)
