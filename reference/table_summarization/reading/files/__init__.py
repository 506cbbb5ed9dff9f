"""CSV and Parquet files: found by path, glob, folder or address (`finding`), and read as streams."""

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from reference.table_summarization.reading.files.csv_dialect import CsvFormat, Dialect
    from reference.table_summarization.reading.files.csv_files import CsvSource
    from reference.table_summarization.reading.files.finding import File
    from reference.table_summarization.reading.files.parquet_files import ParquetSource

__all__ = ["CsvFormat", "CsvSource", "Dialect", "File", "ParquetSource"]

_MODULES = {
    "CsvFormat": "csv_dialect",
    "CsvSource": "csv_files",
    "Dialect": "csv_dialect",
    "File": "finding",
    "ParquetSource": "parquet_files",
}

__getattr__ = import_at_first_use(__name__, _MODULES)
