"""Whether a view has the columns that its table has now: after an ALTER TABLE it goes on, by the columns of before.

A renamed column is NULL in rows that were written since, and a dropped one in new rows. A value that the view's
narrower type lacks is an error. `status` says so, and another `apply` takes the columns as they are.

Values that were sent before a change of type to one that Debezium sends otherwise would be read as other values: such
an `apply` is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from reference.realtime_data_platform.errors import BadInput, Refused
from reference.realtime_data_platform.source.column_types import column_type
from reference.realtime_data_platform.source.description import Table, column_kinds, pipeline
from reference.realtime_data_platform.stream.artifacts import pattern

if TYPE_CHECKING:
    from reference.realtime_data_platform.platform import Platform

_TEXT = "varchar"
_WHOLE, _DECIMAL, _FLOATING = {"smallint", "integer", "bigint"}, {"decimal"}, {"real", "double"}
_NUMBERS = _WHOLE | _DECIMAL | _FLOATING
_OWN = {"op", "__op", "___op"}


def changed_columns(platform: Platform, name: str, schema: str, connector: str) -> Iterator[str]:
    """Return how the columns of a table's view are not those of the table, each in a sentence with the way back.

    Args:
        platform: The client of all services.
        name: The table's name.
        schema: Its schema.
        connector: Name of the connector that follows it; the columns that it leaves out are not missing.
    """
    own = pipeline(name, schema)
    shown = platform.trino.columns("hive", "views", own)
    kinds = column_kinds(platform.addresses.postgres, name, schema)
    left_out = (platform.connectors.config(connector) or {}).get("column.exclude.list", "").split(",")
    for column, (kind, in_key) in kinds.items():
        if pattern(schema, name, column) in left_out:
            continue
        found = shown.get(column.lower())
        if found is None:
            yield f"hive.views.{own} lacks the column {column}; run apply again, and resend for the rows of before"
        elif found not in (_TEXT, _in_trino(kind)) and not in_key:
            yield f"column {column} of hive.views.{own} is {found}, and that of the table {kind}; run apply again"
    for column in sorted(shown.keys() - {each.lower() for each in kinds} - _OWN):
        yield f"column {column} of hive.views.{own} is not in the table; run apply again"


def require_same_encoding(platform: Platform, table: Table) -> None:
    """Check that the values that were sent of each column are read by its type of now as what they were.

    Raises:
        Refused: Values of a column would be read as others.
    """
    shown = platform.trino.columns("hive", "views", table.pipeline)
    for column in table.other_columns():
        found = shown.get(column.name.lower())
        if found is None or column.as_text or _same_values(found, column.carried.trino):
            continue
        raise Refused(
            f"column {column.name} of {table.schema}.{table.name} was {found} and is {column.type}, whose values are "
            "sent otherwise: run remove --topic, then apply"
        )


def _in_trino(kind: str) -> str | None:
    """Return the type that a view has for a type of PostgreSQL, None where that cannot be carried."""
    try:
        return column_type(kind).trino
    except BadInput:
        return None


def _same_values(before: str, now: str) -> bool:
    """Return whether what was sent as one type of the view is read as the same values by another one."""
    if before in (now, _TEXT):
        return True
    first, second = before.partition("(")[0], now.partition("(")[0]
    if second == _TEXT:
        return first in _WHOLE | _DECIMAL
    return first in _NUMBERS and second in _NUMBERS
