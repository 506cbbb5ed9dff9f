"""The TOML file that lists the tables of a set: for each, which columns are carried and which further views it has.

Read this to write such a file, or to see what is checked in one. An example:

name = "shop"

[[table]]
name = "person"

[[table]]
name = "Order Items"
schema = "sales"
columns = ["placed", "amount"]
as_text = ["amount"]
views = { recent_items = "placed >= DATE '2025-01-01'" }
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reference.realtime_data_platform.errors import BadInput

from .description import PUBLIC

_KEYS: Mapping[str, type[Any]] = {"name": str, "schema": str, "columns": list, "as_text": list, "views": dict}


@dataclass(frozen=True)
class Listed:
    """A table that the file lists.

    Attributes:
        name: The table's name.
        schema: The table's schema.
        columns: Names of the columns to carry besides the key; empty for all.
        as_text: Names of the columns to carry as PostgreSQL's text.
        views: The further views of the table: a condition in SQL, by the view's name.
    """

    name: str
    schema: str
    columns: tuple[str, ...]
    as_text: tuple[str, ...]
    views: dict[str, str]


def read(path: Path) -> tuple[str, list[Listed]]:
    """Return the name of the set and its tables.

    Raises:
        BadInput: The file cannot be read, or has a key or value that is not allowed; the message says which.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read: {error}") from error
    if unknown := content.keys() - {"name", "table"}:
        raise BadInput(f"{path} has the key {min(unknown)}; its keys are name and table")
    name, tables = content.get("name"), content.get("table")
    if not isinstance(name, str):
        raise BadInput(f'{path} gives the set no name: begin it with name = "NAME"')
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        raise BadInput(f"{path} lists no tables: begin each with [[table]]")
    return name, [_listed(path, each) for each in tables]


def _listed(path: Path, entry: Mapping[str, Any]) -> Listed:
    for key, value in entry.items():
        if not (key in _KEYS and isinstance(value, _KEYS[key])):
            raise BadInput(f"{path}: {key} = {value!r} is not allowed in a table, which has {', '.join(_KEYS)}")
        values: Collection[Any] = value.values() if isinstance(value, Mapping) else value
        if not all(isinstance(each, str) for each in values):
            raise BadInput(f"{path}: {key} = {value!r} has a value that is not text")
    if "name" not in entry:
        raise BadInput(f"{path} lists a table without a name")
    columns, as_text = (tuple(entry.get(key, ())) for key in ("columns", "as_text"))
    return Listed(entry["name"], entry.get("schema", PUBLIC), columns, as_text, dict(entry.get("views", {})))
