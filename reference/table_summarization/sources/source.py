"""What a source is, and how its parts are counted: on this machine's cores or on a cluster."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from typing import Any, Protocol, TypeAlias, TypeVar

import pyarrow as pa

from reference.table_summarization.counts import Counts, Recodings, count, merge

T = TypeVar("T")
Groupings: TypeAlias = Sequence[tuple[str, ...]]
Progress: TypeAlias = Callable[[int, int], None]
"""Told, whenever a part of the table is done, how many are and how many there are in this pass."""

BLOCK_ROWS = 1 << 20
"""So many rows of a table in memory are one part."""

MOST_WAITING = 32
"""So many results wait at most before they are joined: often would be slow, late would fill the memory."""


class Source(Protocol):
    """A table that can count its distinct rows."""

    @property
    def names(self) -> Sequence[str]:
        """The columns, in the order of the table."""

    @property
    def plan(self) -> str:
        """What it is and where it is counted, in words."""

    def continuous(self, names: Sequence[str]) -> list[str]:
        """Which of the columns may hold numbers or times, so that all their values must be seen before rows are."""

    def count(self, groupings: Groupings, recodings: Recodings, most: int) -> list[Counts]:
        """The distinct rows of each grouping of columns, in one pass over the table.

        Args:
            groupings: Names of columns; each grouping is counted by itself.
            recodings: What is replaced first, by column.
            most: More distinct rows than so many are thinned; see `counts.Counts.thinned`.
        """


class Part(Protocol):
    """A part of a table; it can be sent to another process unless it holds the data itself."""

    def blocks(self, names: Sequence[str]) -> Iterator[tuple[Mapping[str, Any], int]]:
        """The part's columns of these names, a block of rows at a time, and how many rows the block has."""


class Runner(Protocol):
    """Where parts are worked on."""

    @property
    def plan(self) -> str:
        """Where that is, in words."""

    def reduce(self, tasks: Sequence[Callable[[], T]], join: Callable[[Sequence[T]], T]) -> T:
        """All the tasks' results joined; `join` may be given results in any grouping, joined ones among them."""


class Threads:
    """This machine's cores.

    Args:
        progress: Told of each part done.
        threads: How many at a time; None for one on each core that this process may use.
    """

    def __init__(self, progress: Progress | None = None, threads: int | None = None) -> None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._threads = threads or cores
        self._progress = progress or (lambda _done, _of: None)
        self.plan = f"in this process on {self._threads} thread(s)"

    def reduce(self, tasks: Sequence[Callable[[], T]], join: Callable[[Sequence[T]], T]) -> T:
        """As `Runner.reduce`; joins as it goes, so that few results are held at a time."""
        waiting: list[T] = []
        with ThreadPoolExecutor(self._threads) as pool:
            # Submitted in windows: a finished part's result should not wait for thousands of others in memory.
            for start in range(0, len(tasks), MOST_WAITING):
                window = [pool.submit(task) for task in tasks[start : start + MOST_WAITING]]
                for done, future in enumerate(as_completed(window), start + 1):
                    future.result()
                    self._progress(done, len(tasks))
                # In the order of the parts, not of their finishing, so that a thinned answer is the same every time.
                waiting = [join([*waiting, *(future.result() for future in window)])]
        return waiting[0]


def count_part(part: Part, groupings: Groupings, recodings: Recodings, most: int) -> list[Counts]:
    """The distinct rows of a part, for each grouping."""
    names = sorted({name for grouping in groupings for name in grouping})
    waiting: list[list[Counts]] = []
    for block, rows in part.blocks(names):
        waiting.append([count({name: block[name] for name in names_}, rows, recodings, most) for names_ in groupings])
        if len(waiting) == MOST_WAITING:
            waiting = [merge_all(most, waiting)]
    if not waiting:  # a file of a header alone
        none = {name: pa.nulls(0) for name in names}
        waiting = [[count({name: none[name] for name in names_}, 0, {}, most) for names_ in groupings]]
    return merge_all(most, waiting)


def merge_all(most: int, parts: Sequence[Sequence[Counts]]) -> list[Counts]:
    """The counts of several parts merged, grouping by grouping."""
    return [merge(same, most) for same in zip(*parts, strict=True)]


def count_parts(
    runner: Runner, parts: Iterable[Part], groupings: Groupings, recodings: Recodings, most: int
) -> list[Counts]:
    """The distinct rows of all parts, for each grouping."""
    tasks = [partial(count_part, part, groupings, recodings, most) for part in parts]
    return runner.reduce(tasks, partial(merge_all, most))


def together(rows: Sequence[int], most: int) -> list[tuple[int, ...]]:
    """Which neighbours are one part: as many as have up to so many rows, and at least one; of nothing, one part."""
    parts: list[tuple[int, ...]] = [()]
    held = 0
    for place, more in enumerate(rows):
        held += more
        if held > most and parts[-1]:
            parts.append(())
            held = more
        parts[-1] += (place,)
    return parts
