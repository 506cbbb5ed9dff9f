"""Profiles in the format of the tool pprof, which Parca and Pyroscope read, too.

The format is `profile.proto` of github.com/google/pprof. Five of its messages are encoded here without generated code,
which would have to fit the version of protobuf that OpenTelemetry needs.
"""

from __future__ import annotations

import gzip
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from .protobuf import message, number, numbers

Entry = TypeVar("Entry", bound=Hashable)


@dataclass(frozen=True)
class Frame:
    """A function on a stack.

    Attributes:
        function: Qualified name of the function.
        file: Path of the function's file.
        line: The line that was running.
    """

    function: str
    file: str
    line: int


@dataclass(frozen=True)
class Sample:
    """A stack, and how often it was seen.

    Attributes:
        pid: Id of the process.
        frames: The functions on the stack, the innermost first.
        count: Number of samples in which the stack was seen.
    """

    pid: int
    frames: tuple[Frame, ...]
    count: int


def encode_pprof(samples: Iterable[Sample], *, rate: int, begun_ns: int, seconds: int) -> bytes:
    """Return a gzipped profile of processor time.

    Args:
        samples: The stacks and their counts.
        rate: Samples per second, by which a count becomes a time.
        begun_ns: When the profile began, in nanoseconds since the epoch.
        seconds: How long it took.
    """
    strings = _Table({"": 0})
    functions: _Table[tuple[str, str]] = _Table()
    locations: _Table[tuple[int, int]] = _Table()
    period = round(1e9 / rate)
    cpu = number(1, strings.at("cpu")) + number(2, strings.at("nanoseconds"))
    counts = number(1, strings.at("samples")) + number(2, strings.at("count"))
    profile = message(1, counts) + message(1, cpu)
    for sample in samples:
        # Ids of functions and locations begin with 1, since 0 means that there is none.
        stack = [1 + locations.at((1 + functions.at((f.function, f.file)), f.line)) for f in sample.frames]
        label = number(1, strings.at("pid")) + number(2, strings.at(str(sample.pid)))
        profile += message(2, numbers(1, stack) + numbers(2, [sample.count, sample.count * period]) + message(3, label))
    for identity, (function, line) in enumerate(locations, 1):
        profile += message(4, number(1, identity) + message(4, number(1, function) + number(2, line)))
    for identity, (name, file) in enumerate(functions, 1):
        at = strings.at(name)
        profile += message(5, number(1, identity) + number(2, at) + number(3, at) + number(4, strings.at(file)))
    for text in strings:
        profile += message(6, text.encode())
    profile += number(9, begun_ns) + number(10, seconds * 10**9) + message(11, cpu) + number(12, period)
    return gzip.compress(profile, mtime=0)


class _Table(dict[Entry, int]):
    """Distinct entries in the order in which they were added; the value is the index of an entry."""

    def at(self, entry: Entry) -> int:
        return self.setdefault(entry, len(self))
