"""Give times that were measured elsewhere to pytest-benchmark, which shows, stores and compares them.

pytest-benchmark cannot interleave two ways as `versus` does, so it gets the times from a clock that replays them.
"""

from collections import deque
from collections.abc import Sequence


class Clock:
    """A clock that replays given durations: each round lasts from zero to that round's seconds."""

    def __init__(self) -> None:
        self._readings: deque[float] = deque()

    def replay(self, seconds: Sequence[float]) -> None:
        """Set the durations of the rounds to replay."""
        self._readings.clear()
        for each in seconds:
            self._readings += (0.0, each)

    def __call__(self) -> float:
        return self._readings.popleft()
