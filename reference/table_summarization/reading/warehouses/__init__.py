"""Warehouses: tables and queries of databases that SQLAlchemy supports, grouped by the server."""

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from reference.table_summarization.reading.warehouses.warehouse import WarehouseSource, relation_of

__all__ = ["WarehouseSource", "relation_of"]

_MODULES = {"WarehouseSource": "warehouse", "relation_of": "warehouse"}

__getattr__ = import_at_first_use(__name__, _MODULES)
