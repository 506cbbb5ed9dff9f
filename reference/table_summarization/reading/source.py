"""The interfaces of sources and runners, and the counting of a source's parts on this machine's cores.

Open it before you add a kind of data: write a `Source`, whose parts a `Runner` counts.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeAlias, TypeVar

import pyarrow as pa

from reference.table_summarization.encoding.counts import Counts, Recodings, are_few, count, count_few, merge
from reference.table_summarization.encoding.dictionaries import encode

T = TypeVar("T")
Groupings: TypeAlias = Sequence[tuple[str, ...]]
Progress: TypeAlias = Callable[[int, int], None]
"""Called with (parts done, total number of parts) whenever a part of the table has been counted in a pass."""

BLOCK_ROWS = 1 << 20
"""Number of rows of a table in memory that make one part."""

MAX_PENDING = 32
"""Maximum number of unmerged results: a smaller number takes more time, a larger one more memory."""


@dataclass(frozen=True)
class Survey:
    """The counts of a table before its columns are binned.

    Attributes:
        columns: The counts of each watched column.
        together: The distinct rows of all columns; None if they were not counted.
    """

    columns: Sequence[Counts]
    together: Counts | None = None


class Source(Protocol):
    """A table that can count its distinct rows."""

    @property
    def names(self) -> Sequence[str]:
        """The columns, in the order of the table."""

    @property
    def plan(self) -> str:
        """A description of the source and of where it is counted."""

    def binnable_columns(self, names: Sequence[str]) -> list[str]:
        """Return the columns that may hold numbers or times: their values are counted first, to choose their bins."""

    def survey(self, watched: Sequence[str], names: Sequence[str], max_rows: int) -> "Survey":
        """Count columns one by one, and also all columns together if that takes no further pass over the table.

        Args:
            watched: The columns to count one by one, because they may be binned.
            names: All columns of the summary.
            max_rows: As in `count`.
        """

    def count(self, groupings: Groupings, recodings: Recodings, max_rows: int) -> list[Counts]:
        """Return the distinct rows of each grouping of columns, counted in one pass over the table.

        Args:
            groupings: Tuples of column names, each of which is counted separately.
            recodings: Replacements of values before counting, by column.
            max_rows: Maximum number of distinct rows; more are sampled: see `encoding.counts.Counts.sampled`.
        """


class Part(Protocol):
    """A part of a table: a reference to its data, which can be sent to another process, or the data itself."""

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
            tasks: Functions to execute, in any order.
            join: Joins any number of results, some of which may be joined results.
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
        """Do the same as `Runner.reduce`; results are joined in windows, so that few are in memory at a time."""
        waiting: list[T] = []
        with ThreadPoolExecutor(self._threads) as pool:
            # A window is joined before the next is submitted, so that results of all parts are not held in memory.
            for start in range(0, len(tasks), MAX_PENDING):
                window = [pool.submit(task) for task in tasks[start : start + MAX_PENDING]]
                for done, future in enumerate(as_completed(window), start + 1):
                    future.result()
                    self._progress(done, len(tasks))
                # Results are joined in the order of the parts, so that a sampled result is the same every time.
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


def survey_part(part: Part, watched: Sequence[str], names: Sequence[str], max_rows: int, in_vain: list[bool]) -> Survey:
    """Return the counts of each watched column of a part, and of all columns together if they have few distinct rows.

    Args:
        part: The part.
        watched: As in `Source.survey`.
        names: As in `Source.survey`.
        max_rows: As in `Source.survey`.
        in_vain: A list that all parts share. A part appends to it if all columns together have too many distinct rows;
            then the other parts do not try to count them.
    """
    rest = [name for name in names if name not in watched]
    others = part.blocks(rest)
    waiting: list[Survey] = []
    for block, rows in part.blocks(watched):
        together = None
        columns = {name: encode(name, block[name], distinct=False) for name in watched}
        if not in_vain and are_few(columns.values()):
            together = count_few({**columns, **(next(others)[0] if rest else {})}, rows, max_rows)
        if together is None:
            in_vain.append(True)
            alone = [count({name: columns[name]}, rows, {}, max_rows) for name in watched]
        else:
            alone = [together.recounted([name], {}, max_rows) for name in watched]
        waiting.append(Survey(alone, together))
        if len(waiting) == MAX_PENDING:
            waiting = [join_surveys(max_rows, waiting)]
    if not waiting:
        return Survey(count_part(part, [(name,) for name in watched], {}, max_rows))
    return join_surveys(max_rows, waiting)


def join_surveys(max_rows: int, parts: Sequence[Survey]) -> Survey:
    """Return the merged counts of several parts."""
    columns = merge_all(max_rows, [part.columns for part in parts])
    together = [part.together for part in parts if part.together is not None]
    merged = merge(together, max_rows) if len(together) == len(parts) else None
    return Survey(columns, merged if merged is not None and not merged.halvings else None)


def survey_parts(
    runner: Runner, parts: Iterable[Part], watched: Sequence[str], names: Sequence[str], max_rows: int
) -> Survey:
    """Return the counts of each watched column of all parts, and of all columns together if they have few rows."""
    in_vain: list[bool] = []  # shared by the tasks of this process
    tasks = [partial(survey_part, part, watched, names, max_rows, in_vain) for part in parts]
    survey: Survey = runner.reduce(tasks, partial(join_surveys, max_rows))
    return survey


def group_small(rows: Sequence[int], max_rows: int) -> list[tuple[int, ...]]:
    """Group neighbouring items into parts of at most `max_rows` rows; an item with more rows is a part of its own.

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
