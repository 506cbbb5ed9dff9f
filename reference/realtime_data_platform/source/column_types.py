"""How each PostgreSQL type is carried to the view: its type in Trino, and the expression that decodes Debezium's value.

Read this to see what a column becomes in the view, which types cannot be carried and why, and which values a view
refuses to return. The expressions decode what Debezium sends under the settings of `ENCODING`, in a snapshot and in the
stream.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from reference.realtime_data_platform.errors import BadInput

ENCODING = {
    "decimal.handling.mode": "string",
    "time.precision.mode": "microseconds",
    "interval.handling.mode": "string",
    "hstore.handling.mode": "json",
    "binary.handling.mode": "hex",
    "include.unknown.datatypes": "true",
}
"""The connector's settings under which no value of a supported type is rounded, shifted or left out."""

MOST_DIGITS = 38
"""Digits of Trino's longest decimal."""


@dataclass(frozen=True)
class ColumnType:
    """How a PostgreSQL type is carried.

    The SQL expressions are templates with these fields: `{value}` is the value in Debezium's event as text (as JSON if
    `nested`), `{column}` a quoted column, and `{name}` the column's name for the string literal of an error message.

    Attributes:
        trino: The type of the view's column.
        view: Trino expression that decodes `{value}`; it fails the query for a value that the type `trino` lacks.
        text: Trino expression for PostgreSQL's text of the value, for a column that is carried as text; None if the
            type cannot be carried so.
        pinot: The type of Pinot's column if the column is part of the key.
        postgres: PostgreSQL expression of `{column}`, for the comparison of the view with its table.
        compared: Trino expression of the view's `{column}` that returns the same value as `postgres`.
        nested: Whether `{value}` is JSON.
    """

    trino: str
    view: str
    text: str | None = None
    pinot: str = "STRING"
    postgres: str = "{column}"
    compared: str = "{column}"
    nested: bool = False


def _fails(condition: str, problem: str, otherwise: str) -> str:
    """Return an expression that fails the query with a message about the column if a condition holds."""
    advice = "read the column as text (--as-text) or leave it out"
    return f"CASE WHEN {condition} THEN fail('column {{name}}: {problem}; {advice}') ELSE {otherwise} END"


def _date_text(date: str, month_and_day: str) -> str:
    return f"format('%04d', IF(year({date}) > 0, year({date}), 1 - year({date}))) || {month_and_day}"


def _era(date: str) -> str:
    return f"IF(year({date}) > 0, '', ' BC')"


def _day_text(date: str) -> str:
    return f"{_date_text(date, f'substr(CAST({date} AS varchar), -6)')} || {_era(date)}"


def _time_text(time: str) -> str:
    return f"regexp_replace({time}, '\\.?0+$', '')"


def _timestamp_text(timestamp: str, zone: str = "") -> str:
    """Return an expression for PostgreSQL's text of a timestamp, cut from the end of Trino's text by fixed lengths."""
    text, after = f"CAST({timestamp} AS varchar)", len(" UTC") if zone else 0
    date = _date_text(timestamp, f"substr({text}, {-22 - after}, 6)")
    return f"{date} || ' ' || {_time_text(f'substr({text}, {-15 - after}, 15)')} || '{zone}' || {_era(timestamp)}"


def _or_infinite(infinite: tuple[str, str], otherwise: str) -> str:
    later, earlier = infinite
    return f"CASE {{value}} WHEN '{later}' THEN 'infinity' WHEN '{earlier}' THEN '-infinity' ELSE {otherwise} END"


def _from_micros(micros: str) -> str:
    nanos = f"CAST({micros} AS decimal(20, 0)) * 1000"
    return f"CAST(from_unixtime_nanos({nanos}) AT TIME ZONE 'UTC' AS timestamp(6))"


# What Debezium sends for infinity and minus infinity: of dates the last and the first day that it can count, of
# timestamps the largest and the smallest `long` of Java.
DAYS = ("2146033979", "-2147472691")
MICROS = ("9223372036854775807", "-9223372036854775808")
# Microseconds of PostgreSQL's first timestamp. A count that overflows Java's `long` becomes a lower number than this.
FIRST_MICROS = "-210866803200000000"

DATE = "date_add('day', CAST({value} AS integer), DATE '1970-01-01')"
TIME = f"CAST({_from_micros('{value}')} AS time(6))"
TIMESTAMP = _fails(
    f"CAST({{value}} AS bigint) < {FIRST_MICROS}",
    "the timestamp is later than Debezium can count",
    _from_micros("{value}"),
)
INSTANT = "CAST(from_iso8601_timestamp_nanos({value}) AS timestamp(6) with time zone)"
NUMERIC = (
    "CASE {value} WHEN 'NAN' THEN 'NaN' WHEN 'POSITIVE_INFINITY' THEN 'Infinity' "
    "WHEN 'NEGATIVE_INFINITY' THEN '-Infinity' ELSE {value} END"
)
BITS = (
    "substr(lpad('', {size}, '0') || array_join("
    "transform(regexp_extract_all(to_hex(reverse(from_base64({value}))), '.'), "
    "digit -> lpad(to_base(from_base(digit, 16), 2), 4, '0')), ''), -{size})"
)
INTERVAL = (
    "CASE WHEN {column} IS NOT NULL THEN format('P%sY%sM%sDT%sH%sM%sS', "
    "extract(year FROM {column}), extract(month FROM {column}), "
    "extract(day FROM {column}), extract(hour FROM {column}), extract(minute FROM {column}), "
    "trim_scale(extract(second FROM {column}))) END"
)

TEXT = ColumnType("varchar", "{value}")
AS_TEXT = ColumnType("varchar", "{value}", postgres="{column}::text")
# Debezium sends the text of a type that it does not know as bytes, in hexadecimal digits.
UNKNOWN = ColumnType("varchar", "from_utf8(from_hex({value}))", postgres="{column}::text")

TYPES = {
    "boolean": ColumnType("boolean", "CAST({value} AS boolean)", pinot="BOOLEAN"),
    "smallint": ColumnType("smallint", "CAST({value} AS smallint)", pinot="INT"),
    "integer": ColumnType("integer", "CAST({value} AS integer)", pinot="INT"),
    "bigint": ColumnType("bigint", "CAST({value} AS bigint)", pinot="LONG"),
    "oid": ColumnType("bigint", "CAST({value} AS bigint)", pinot="LONG"),
    # If numeric has no precision, or a higher one than Trino allows, only text holds all its values.
    "numeric": ColumnType("varchar", NUMERIC, text=NUMERIC, postgres="{column}::text"),
    "money": ColumnType("decimal(19, 2)", "CAST({value} AS decimal(19, 2))", postgres="{column}::numeric"),
    "real": ColumnType(
        "real",
        "CAST({value} AS real)",
        postgres="{column}::double precision",
        compared="CAST({column} AS double)",
    ),
    "double precision": ColumnType("double", "CAST({value} AS double)"),
    "date": ColumnType(
        "date",
        _fails(f"{{value}} IN {DAYS}", "Trino has no infinite date", DATE),
        text=_or_infinite(DAYS, _day_text(DATE)),
        postgres="{column}::text",
        compared=_day_text("{column}"),
    ),
    "time without time zone": ColumnType(
        "time(6)",
        _fails("{value} = '86400000000'", "Trino has no time 24:00:00", TIME),
        text="CASE {value} WHEN '86400000000' THEN '24:00:00' ELSE "
        f"{_time_text(f'CAST({TIME} AS varchar)')} END",
        postgres="{column}::text",
        compared=_time_text("CAST({column} AS varchar)"),
    ),
    "timestamp without time zone": ColumnType(
        "timestamp(6)",
        _fails(f"{{value}} IN {MICROS}", "Trino has no infinite timestamp", TIMESTAMP),
        text=_or_infinite(MICROS, _timestamp_text(TIMESTAMP)),
        postgres="{column}::text",
        compared=_timestamp_text("{column}"),
    ),
    "timestamp with time zone": ColumnType(
        "timestamp(6) with time zone",
        _fails("{value} IN ('infinity', '-infinity')", "Trino has no infinite timestamp", INSTANT),
        text=_or_infinite(("infinity", "-infinity"), _timestamp_text(f"{INSTANT} AT TIME ZONE 'UTC'", "+00")),
        postgres="{column}::text",
        compared=_timestamp_text("{column} AT TIME ZONE 'UTC'", "+00"),
    ),
    "interval": ColumnType("varchar", "{value}", postgres=INTERVAL),
    "uuid": ColumnType("uuid", "CAST({value} AS uuid)"),
    # Trino's own JSON type would round numbers, and drop one of two equal keys.
    "json": AS_TEXT,
    "jsonb": AS_TEXT,
    "bytea": ColumnType("varbinary", "from_hex({value})"),
    "text": TEXT,
    "character varying": TEXT,
    "character": TEXT,
    '"char"': AS_TEXT,
    "name": AS_TEXT,
    "citext": AS_TEXT,
    "enum": AS_TEXT,
    "xml": AS_TEXT,
    "ltree": AS_TEXT,
    "tsvector": AS_TEXT,
    "bit": ColumnType("varchar", BITS, postgres="{column}::text"),
    "inet": ColumnType("varchar", "{value}", postgres="abbrev({column})"),
    "cidr": AS_TEXT,
    "macaddr": AS_TEXT,
    "macaddr8": AS_TEXT,
    "hstore": ColumnType(
        "map(varchar, varchar)",
        "CAST(json_parse({value}) AS map(varchar, varchar))",
        postgres="hstore_to_json({column})",
    ),
    "point": ColumnType(
        "row(x double, y double)",
        "IF(json_extract_scalar({value}, '$.x') IS NOT NULL, CAST(ROW("
        "CAST(json_extract_scalar({value}, '$.x') AS double), CAST(json_extract_scalar({value}, '$.y') AS double)"
        ") AS row(x double, y double)))",
        postgres="CASE WHEN {column} IS NOT NULL THEN ARRAY[({column})[0], ({column})[1]] END",
        nested=True,
    ),
    **dict.fromkeys(("int4range", "int8range", "numrange", "tsrange", "tstzrange", "daterange"), AS_TEXT),
    **dict.fromkeys(("multirange", "range", "composite", "pg_lsn", "xid8", "tsquery", "jsonpath"), UNKNOWN),
}  # fmt: skip
"""How a type is carried, by its name without modifiers; `enum`, `composite`, `range` and `multirange` each stand for
every type of that kind."""

REASONS = {
    "time with time zone": "Debezium sends it in UTC, so that its offset is lost",
    "bit varying": "Debezium does not send how long the value is",
    "oidvector": "Debezium sends an empty array",
    "int2vector": "Debezium sends an empty array",
    **dict.fromkeys(
        ("line", "lseg", "box", "path", "polygon", "circle"), "Debezium sends its points in an encoding of their own"
    ),
}
"""The reason why a type that Debezium sends cannot be carried, by the type's name."""


def column_type(name: str) -> ColumnType:
    """Return how a type is carried.

    Args:
        name: The type as PostgreSQL formats it, such as `numeric(12,3)` or `bit(10)`; see `TYPES`.

    Raises:
        BadInput: It cannot be carried; the message says why.
    """
    if name.endswith("[]"):
        raise BadInput(f"type {name} cannot be carried: Pinot drops the nulls of an array, and an empty array")
    base, sizes = name.partition("(")[0], [int(digits) for digits in re.findall(r"-?\d+", name)]
    if base == "numeric" and sizes:
        return _decimal(*sizes)
    if base == "bit":
        return _bits(sizes[0] if sizes else 1)
    if base not in TYPES:
        raise BadInput(f"type {name} cannot be carried: {REASONS.get(base, 'how Debezium sends it is not known')}")
    return TYPES[base]


def _decimal(precision: int, scale: int) -> ColumnType:
    digits, decimals = max(precision - min(scale, 0), scale), max(scale, 0)
    if digits > MOST_DIGITS:
        return TYPES["numeric"]
    trino = f"decimal({digits}, {decimals})"
    view = _fails("{value} = 'NAN'", "Trino has no decimal NaN", f"CAST({{value}} AS {trino})")
    return ColumnType(trino, view, text=NUMERIC)


def _bits(size: int) -> ColumnType:
    if size == 1:  # sent as a boolean
        return ColumnType(
            "varchar", "CASE {value} WHEN 'true' THEN '1' WHEN 'false' THEN '0' END", postgres="{column}::text"
        )
    return replace(TYPES["bit"], view=BITS.replace("{size}", str(size)))
