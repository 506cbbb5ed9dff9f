"""Dask: count DataFrames where their partitions are, and files on a cluster's workers.

Each pass over a table is one task graph: a task for each partition, and a tree of merges over their results. The client
receives only the result of the last merge: distinct rows with their counts. If a DataFrame was made of data in this
process, its texts are encoded before it is sent to a cluster, and small partitions are sent together.

Dask converts a column of Python objects to texts, unless its option `dataframe.convert-string` is off.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from dask import threaded
from dask.base import compute
from dask.dataframe.dask_expr.io import FromPandas, ReadParquet
from dask.dataframe.utils import UNKNOWN_CATEGORIES
from dask.delayed import Delayed, delayed

from reference.table_summarization.encoding.counts import Counts, Recodings, count
from reference.table_summarization.reading.column_names import unique_names
from reference.table_summarization.reading.frames import dask_transfer
from reference.table_summarization.reading.frames.in_memory import holds_objects, series_may_be_binned
from reference.table_summarization.reading.source import Groupings, Survey, count_parts, merge_all

T = TypeVar("T")

_FAN_IN = 8
_TYPES_ARE_DECLARED = (FromPandas, ReadParquet)
"""Expressions whose partitions certainly have the types that the frame's meta declares."""


class DaskRunner:
    """A Dask scheduler.

    Args:
        client: The client of a cluster; None for Dask's current scheduler.
        scheduler: The name of a scheduler of Dask to use instead, such as `threads`.
    """

    def __init__(self, client: Any = None, scheduler: str | None = None) -> None:
        self._client = client
        self._scheduler = scheduler
        where = scheduler or (client.scheduler.address if client is not None else "the current one")
        self.plan = f"by Dask's scheduler ({where}), merged in a tree of {_FAN_IN} at a time"

    def reduce(self, tasks: Sequence[Callable[[], T]], join: Callable[[Sequence[T]], T]) -> T:
        """Do the same as `source.Runner.reduce`."""
        return self.tree([delayed(task, pure=False)() for task in tasks], join)

    def tree(self, leaves: Sequence[Delayed], join: Callable[[Sequence[T]], T]) -> T:
        """Return the joined results of tasks; a tree of tasks joins up to `_FAN_IN` results at a time."""
        joined = delayed(join, pure=False)
        level = list(leaves)
        while len(level) > 1:
            level = [joined(level[start : start + _FAN_IN]) for start in range(0, len(level), _FAN_IN)]
        result: T = self.computed(level[0])
        return result

    def computed(self, task: Delayed) -> Any:
        """Return the result of a task."""
        if self._client is not None:
            return self._client.compute(task, sync=True)
        # By the name of a scheduler, Dask would import distributed, which takes a quarter of a second.
        return compute(task, scheduler=threaded.get if self._scheduler == "threads" else self._scheduler)[0]


def count_partition(
    frame: Any, names: Sequence[str], groupings: Groupings, recodings: Recodings, max_rows: int
) -> list[Counts]:
    """Return the distinct rows of a partition, for each grouping.

    Args:
        frame: A pandas DataFrame.
        names: The names of the frame's columns, as text.
        groupings: As in `source.Source.count`.
        recodings: As in `source.Source.count`.
        max_rows: As in `source.Source.count`.
    """
    columns = {name: frame.iloc[:, position] for position, name in enumerate(names)}
    return [
        count({name: columns[name] for name in grouping}, len(frame), recodings, max_rows) for grouping in groupings
    ]


def _is_undetermined(kind: Any) -> bool:
    """Return whether a column of this declared type may hold values of any type: objects, or unknown categories."""
    return holds_objects(kind) or (hasattr(kind, "categories") and UNKNOWN_CATEGORIES in kind.categories)


def _may_be_binned(frame: Any) -> list[bool | None]:
    """Return whether each column of a partition may be binned, or None for a column that has only missing values."""
    columns = (frame.iloc[:, position] for position in range(frame.shape[1]))
    return [None if column.isna().all() else series_may_be_binned(column) for column in columns]


class DaskSource:
    """A Dask DataFrame.

    Args:
        frame: The DataFrame.
        client: The client of the cluster that counts the frame. None uses Dask's current scheduler, or threads of this
            process if the frame was made of data in this process, which takes longer to send than to count.
    """

    def __init__(self, frame: Any, client: Any = None) -> None:
        held_here = isinstance(frame.expr, FromPandas)
        self._held_here = held_here and client is not None
        self._frame = frame
        self._runner = runner = DaskRunner(client, "threads" if held_here and client is None else None)
        self.names = unique_names(list(frame.columns))
        self.plan = f"a Dask DataFrame of {frame.npartitions} partitions, counted {runner.plan}"

    def binnable_columns(self, names: Sequence[str]) -> list[str]:
        """Do the same as `source.Source.binnable_columns`, by the declared types if they are reliable, else by values.

        A frame's meta does not tell what objects and unknown categories are, and it may be wrong if a program made the
        partitions (`from_delayed`, `from_map`, `map_partitions`).
        """
        positions = {name: position for position, name in enumerate(self.names) if name in set(names)}
        meta = self._frame._meta  # noqa: SLF001 (Dask's documented way to the columns' types)
        declared = {name: meta.iloc[:, position] for name, position in positions.items()}
        if isinstance(self._frame.expr, _TYPES_ARE_DECLARED):
            open_ = [name for name, column in declared.items() if _is_undetermined(column.dtype)]
        else:
            open_ = list(declared)
        found = [name for name, column in declared.items() if name not in open_ and series_may_be_binned(column)]
        if not open_:
            return found
        columns = [self._frame.columns[positions[name]] for name in open_]
        parts = self._frame[columns].to_delayed()
        answers = self._runner.computed(delayed(list)([delayed(_may_be_binned)(part) for part in parts]))
        # A column with a number in one partition may have texts in others: binning itself checks all values.
        return found + [name for name, maybes in zip(open_, zip(*answers, strict=True), strict=True) if any(maybes)]

    def survey(self, watched: Sequence[str], names: Sequence[str], max_rows: int) -> Survey:
        """Do the same as `source.Source.survey`."""
        return Survey(self.count([(name,) for name in watched], {}, max_rows))

    def count(self, groupings: Groupings, recodings: Recodings, max_rows: int) -> list[Counts]:
        """Do the same as `source.Source.count`; only the requested columns are read."""
        wanted = {name for grouping in groupings for name in grouping}
        names = [name for name in self.names if name in wanted]
        columns = [column for column, name in zip(self._frame.columns, self.names, strict=True) if name in wanted]
        frame = self._frame if len(names) == len(self.names) else self._frame[columns]
        if self._held_here:
            held = dask_transfer.encode_local_frame(self._frame, self.names) if frame is self._frame else None
            if held is None:
                coded = [delayed(dask_transfer.encode_partition)(part, names) for part in frame.to_delayed()]
                held = compute(*coded, scheduler="sync")
            return count_parts(self._runner, dask_transfer.group_partitions(held), groupings, recodings, max_rows)
        leaf = delayed(count_partition, pure=False)
        leaves = [leaf(part, names, groupings, recodings, max_rows) for part in frame.to_delayed()]
        return self._runner.tree(leaves, partial(merge_all, max_rows))
