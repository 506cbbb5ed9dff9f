"""Reading: open files, frames and warehouses, and count a table's distinct rows where it is stored.

Begin with `opening`, which chooses the source class for the data; `source` has the interface of all sources.
"""

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from reference.table_summarization.reading.files.csv_dialect import CsvFormat
    from reference.table_summarization.reading.opening import source_of
    from reference.table_summarization.reading.source import Runner, Source

__all__ = ["CsvFormat", "Runner", "Source", "source_of"]

_MODULES = {"CsvFormat": "files.csv_dialect", "Runner": "source", "Source": "source", "source_of": "opening"}

__getattr__ = import_at_first_use(__name__, _MODULES)
