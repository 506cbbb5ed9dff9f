"""Frames: pandas and Arrow tables in this process's memory, and Dask DataFrames on a cluster."""

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from reference.table_summarization.reading.frames.dask_frames import DaskRunner, DaskSource
    from reference.table_summarization.reading.frames.in_memory import ArrowSource, PandasSource

__all__ = ["ArrowSource", "DaskRunner", "DaskSource", "PandasSource"]

_MODULES = {
    "ArrowSource": "in_memory",
    "DaskRunner": "dask_frames",
    "DaskSource": "dask_frames",
    "PandasSource": "in_memory",
}

__getattr__ = import_at_first_use(__name__, _MODULES)
