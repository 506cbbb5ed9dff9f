"""The interfaces of sources and runners, and the counting of a source's parts on this machine's cores."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from typing import Any, Protocol, TypeAlias, TypeVar

import pyarrow as pa

from reference.table_summarization.encoding.counts import Counts, Recodings, count, merge

T = TypeVar("T")
Groupings: TypeAlias = Sequence[tuple[str, ...]]
Progress: TypeAlias = Callable[[int, int], None]
"""Called with (parts done, parts in all) whenever a part of the table has been counted in a pass."""

BLOCK_ROWS = 1 << 20
"""Number of rows of a table in memory that make one part."""

MAX_PENDING = 32
"""Maximum number of results before they are merged: merging more often is slow, less often fills the memory."""


class Source(Protocol):
    """A table that can count its distinct rows."""

    @property
    def names(self) -> Sequence[str]:
        """The columns, in the order of the table."""

    @property
    def plan(self) -> str:
        """A description of the source and of where it is counted."""

    def binnable_columns(self, names: Sequence[str]) -> list[str]:
        """Return the columns that may hold numbers or times, and whose values are counted first, to bin them."""

    def count(self, groupings: Groupings, recodings: Recodings, max_rows: int) -> list[Counts]:
        """Return the distinct rows of each grouping of columns, counted in one pass over the table.

        Args:
            groupings: Names of columns; each grouping is counted by itself.
            recodings: Replacements of values before counting, by column.
            max_rows: Maximum number of distinct rows; more are sampled: see `encoding.counts.Counts.sampled`.
        """


class Part(Protocol):
    """A part of a table; it can be sent to another process unless it holds the data itself."""

    def blocks(self, names: Sequence[str]) -> Iterator[tuple[Mapping[str, Any], int]]:
        """Yield blocks of rows: the columns of these names, and the number of rows in the block."""


class Runner(Protocol):
    """Executes the tasks that count parts, on threads or on a cluster."""

    @property
    def plan(self) -> str:
        """A description of where tasks are executed."""

    def reduce(self, tasks: Sequence[Callable[[], T]], join: Callable[[Sequence[T]], T]) -> T:
        """Return the joined results of all tasks.

        Args:
            tasks: What to execute, in any order.
            join: Joins any number of results, among them results that it has joined before.
        """


class Threads:
    """Executes tasks on threads of this process.

    Args:
        progress: Called after each part.
        threads: Number of threads; None for one on each core that this process may use.
    """

    def __init__(self, progress: Progress | None = None, threads: int | None = None) -> None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._threads = threads or cores
        self._progress = progress or (lambda _done, _of: None)
        self.plan = f"in this process on {self._threads} thread(s)"

    def reduce(self, tasks: Sequence[Callable[[], T]], join: Callable[[Sequence[T]], T]) -> T:
        """As `Runner.reduce`; results are joined in windows, so that few of them are held at a time."""
        waiting: list[T] = []
        with ThreadPoolExecutor(self._threads) as pool:
            # Submitted in windows: a finished part's result should not wait for thousands of others in memory.
            for start in range(0, len(tasks), MAX_PENDING):
                window = [pool.submit(task) for task in tasks[start : start + MAX_PENDING]]
                for done, future in enumerate(as_completed(window), start + 1):
                    future.result()
                    self._progress(done, len(tasks))
                # In the order of the parts, not of their finishing, so that a sampled answer is the same every time.
                waiting = [join([*waiting, *(future.result() for future in window)])]
        return waiting[0]


def count_part(part: Part, groupings: Groupings, recodings: Recodings, max_rows: int) -> list[Counts]:
    """Return the distinct rows of a part, for each grouping."""
    names = sorted({name for grouping in groupings for name in grouping})
    waiting: list[list[Counts]] = []
    for block, rows in part.blocks(names):
        waiting.append(
            [count({name: block[name] for name in columns}, rows, recodings, max_rows) for columns in groupings]
        )
        if len(waiting) == MAX_PENDING:
            waiting = [merge_all(max_rows, waiting)]
    if not waiting:  # a file that has only a header
        none = {name: pa.nulls(0) for name in names}
        waiting = [[count({name: none[name] for name in columns}, 0, {}, max_rows) for columns in groupings]]
    return merge_all(max_rows, waiting)


def merge_all(max_rows: int, parts: Sequence[Sequence[Counts]]) -> list[Counts]:
    """Return the merged counts of several parts, for each grouping."""
    return [merge(same, max_rows) for same in zip(*parts, strict=True)]


def count_parts(
    runner: Runner, parts: Iterable[Part], groupings: Groupings, recodings: Recodings, max_rows: int
) -> list[Counts]:
    """Return the distinct rows of all parts, for each grouping."""
    tasks = [partial(count_part, part, groupings, recodings, max_rows) for part in parts]
    return runner.reduce(tasks, partial(merge_all, max_rows))


def group_small(rows: Sequence[int], max_rows: int) -> list[tuple[int, ...]]:
    """Group neighbouring items into parts of at most `max_rows` rows, or of one item that has more.

    Returns:
        The positions of each part's items; one empty part if there are no items.
    """
    parts: list[tuple[int, ...]] = [()]
    total = 0
    for position, more in enumerate(rows):
        total += more
        if total > max_rows and parts[-1]:
            parts.append(())
            total = more
        parts[-1] += (position,)
    return parts
