"""Compare the columns of a view with those of its table: after an ALTER TABLE, the view keeps its old columns.

A renamed or dropped column is NULL in rows that are written afterwards. A value that the view's narrower type cannot
represent is an error. `status` reports such columns, and another `apply` creates the view with the present columns.

If Debezium encodes the new type of a column differently, values that were sent before the change would be read as
other values: such an `apply` is refused. Read this to see which changes of type that concerns.
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
    """Yield the differences between the columns of a table and of its view, each as a sentence with the remedy.

    Args:
        platform: The client of all services.
        name: The table's name.
        schema: The table's schema.
        connector: Name of the connector that follows the table; a column that it excludes is not a difference.
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
    """Check that the present type of each column reads the values that were sent before as the same values.

    Raises:
        Refused: Earlier values of a column would be read as other values.
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
    """Return the view's type for a type of PostgreSQL, or None if the pipeline does not support that type."""
    try:
        return column_type(kind).trino
    except BadInput:
        return None


def _same_values(before: str, now: str) -> bool:
    """Return whether values that were sent for one type of the view are read as the same values by another type."""
    if before in (now, _TEXT):
        return True
    first, second = before.partition("(")[0], now.partition("(")[0]
    if second == _TEXT:
        return first in _WHOLE | _DECIMAL
    return first in _NUMBERS and second in _NUMBERS
