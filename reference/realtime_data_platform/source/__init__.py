"""The PostgreSQL side: a table's definition, its column types, and the settings under which its changes are read.

Open this package to see which tables and values can be followed (`description`, `column_types`), how a file lists the
tables of a set (`tables_file`), and what happens to a table's replica identity and publication (`publication`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from .column_types import column_type
    from .description import Column, Table, describe
    from .publication import Publication

__all__ = [
    "Column",
    "Publication",
    "Table",
    "column_type",
    "describe",
]

_MODULES = {
    "Column": "description",
    "Publication": "publication",
    "Table": "description",
    "column_type": "column_types",
    "describe": "description",
}


__getattr__ = import_at_first_use(__name__, _MODULES)
