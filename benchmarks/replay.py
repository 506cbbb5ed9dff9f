"""Times taken elsewhere, given to pytest-benchmark to show, store and compare.

`versus` interleaves two ways, which pytest-benchmark cannot; so it gets the times from a clock that replays them.
"""

from collections import deque
from collections.abc import Sequence


class Clock:
    """A clock that replays given durations: each round lasts from zero to that round's seconds."""

    def __init__(self) -> None:
        self._readings: deque[float] = deque()

    def tell(self, seconds: Sequence[float]) -> None:
        """Have it repeat rounds that took so many seconds."""
        self._readings.clear()
        for each in seconds:
            self._readings += (0.0, each)

    def __call__(self) -> float:
        return self._readings.popleft()
