"""Dask: DataFrames wherever their partitions are, and files read by a cluster's workers.

One graph for a pass: a task for each partition, and a tree of merges over them. What comes to the client is the root:
distinct rows with their numbers. Nothing is computed in a loop over candidates. A DataFrame made of data in
this process goes to a cluster with its texts encoded, and small partitions go together.

A column of Python objects is what Dask makes of it: texts, unless its option `dataframe.convert-string` is off.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from dask.base import compute
from dask.dataframe.dask_expr.io import FromPandas
from dask.delayed import Delayed, delayed

from reference.table_summarization.encoding.counts import Counts, Recodings, count
from reference.table_summarization.reading import dask_transfer
from reference.table_summarization.reading.files import unique_names
from reference.table_summarization.reading.in_memory import holds_objects, series_may_be_binned
from reference.table_summarization.reading.source import Groupings, count_parts, merge_all

T = TypeVar("T")

_FAN_IN = 8


class DaskRunner:
    """A Dask scheduler.

    Args:
        client: The client of a cluster; None for Dask's current scheduler.
        scheduler: One of Dask's own to use instead, such as `threads`.
    """

    def __init__(self, client: Any = None, scheduler: str | None = None) -> None:
        self._client = client
        self._scheduler = scheduler
        where = scheduler or (client.scheduler.address if client is not None else "the current one")
        self.plan = f"by Dask's scheduler ({where}), merged in a tree of {_FAN_IN} at a time"

    def reduce(self, tasks: Sequence[Callable[[], T]], join: Callable[[Sequence[T]], T]) -> T:
        """As `source.Runner.reduce`."""
        return self.tree([delayed(task, pure=False)() for task in tasks], join)

    def tree(self, leaves: Sequence[Delayed], join: Callable[[Sequence[T]], T]) -> T:
        """The leaves computed and joined, eight at a time."""
        joined = delayed(join, pure=False)
        level = list(leaves)
        while len(level) > 1:
            level = [joined(level[start : start + _FAN_IN]) for start in range(0, len(level), _FAN_IN)]
        result: T = self.computed(level[0])
        return result

    def computed(self, task: Delayed) -> Any:
        """What a task gives."""
        if self._client is not None:
            return self._client.compute(task, sync=True)
        return compute(task, scheduler=self._scheduler)[0]


def count_partition(
    frame: Any, names: Sequence[str], groupings: Groupings, recodings: Recodings, max_rows: int
) -> list[Counts]:
    """The distinct rows of a partition, for each grouping.

    Args:
        frame: A pandas DataFrame.
        names: Its columns' names as text.
        groupings: As `source.Source.count`.
        recodings: As `source.Source.count`.
        max_rows: As `source.Source.count`.
    """
    columns = {name: frame.iloc[:, position] for position, name in enumerate(names)}
    return [
        count({name: columns[name] for name in grouping}, len(frame), recodings, max_rows) for grouping in groupings
    ]


def _may_be_binned(frame: Any) -> list[bool | None]:
    """Whether each column of a partition may be binned; None where it has only missing values and does not tell."""
    columns = (frame.iloc[:, position] for position in range(frame.shape[1]))
    return [None if column.isna().all() else series_may_be_binned(column) for column in columns]


class DaskSource:
    """A Dask DataFrame.

    Args:
        frame: It.
        client: The client of the cluster that counts it; None for Dask's current scheduler, or for this process's
            threads where its rows are in this process anyway: to send them off takes longer than to count them.
    """

    def __init__(self, frame: Any, client: Any = None) -> None:
        held_here = isinstance(frame.expr, FromPandas)
        self._held_here = held_here and client is not None
        self._frame = frame
        self._runner = runner = DaskRunner(client, "threads" if held_here and client is None else None)
        self.names = unique_names(list(frame.columns))
        self.plan = f"a Dask DataFrame of {frame.npartitions} partitions, counted {runner.plan}"

    def binnable_columns(self, names: Sequence[str]) -> list[str]:
        """As `source.Source.binnable_columns`, by type; for objects the first partition with a value decides."""
        positions = {name: position for position, name in enumerate(self.names) if name in set(names)}
        meta = self._frame._meta  # noqa: SLF001 (Dask's documented way to the columns' types)
        objects = [name for name, position in positions.items() if holds_objects(meta.dtypes.iloc[position])]
        found = [name for name, position in positions.items() if series_may_be_binned(meta.iloc[:, position])]
        # The first partition, which nearly always tells, then all others at once.
        for partitions in (slice(0, 1), slice(1, None)):
            if not objects:
                break
            columns = [self._frame.columns[positions[name]] for name in objects]
            parts = self._frame.partitions[partitions][columns].to_delayed()
            answers = self._runner.computed(delayed(list)([delayed(_may_be_binned)(part) for part in parts]))
            first = [
                next((maybe for maybe in maybes if maybe is not None), None) for maybes in zip(*answers, strict=True)
            ]
            found += [name for name, maybe in zip(objects, first, strict=False) if maybe]
            objects = [name for name, maybe in zip(objects, first, strict=False) if maybe is None]
        return found

    def count(self, groupings: Groupings, recodings: Recodings, max_rows: int) -> list[Counts]:
        """As `source.Source.count`; only the columns asked for are read."""
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
