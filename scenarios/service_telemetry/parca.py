"""Parca over gRPC: profiles are written to it as its agent writes them, and asked for, merged or as a difference.

The messages are those of the packages `parca.profilestore.v1alpha1` and `parca.query.v1alpha1`, whose fields the npm
package @parca/client names. To run its test, start Parca, which no package registry has, and set `PARCA` to the
address of its port 7070, such as 127.0.0.1:7070.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

WRITE = "/parca.profilestore.v1alpha1.ProfileStoreService/WriteRaw"
QUERY = "/parca.query.v1alpha1.QueryService/Query"
TYPE = "process_cpu:cpu:nanoseconds:cpu:nanoseconds:delta"
"""Name of the series, and its types of samples and periods, as Parca writes them in a query."""
DIFFERENCE, MERGED = 1, 2
"""Modes of a query."""
PPROF = 1
"""The type of report that is a profile."""

Time: TypeAlias = tuple[float, float]
"""Begin and end in seconds since the epoch."""


class Parca:
    """A Parca server.

    Args:
        address: `HOST:PORT` of its port for everything, 7070 by default.
    """

    def __init__(self, address: str) -> None:
        import grpc

        self._channel = grpc.insecure_channel(address)

    def write(self, profile: bytes, labels: Mapping[str, str]) -> None:
        """Store a gzipped profile as one of a series."""
        self._call(WRITE, written(profile, labels))

    def merged(self, labels: Mapping[str, str], time: Time) -> bytes:
        """Return all profiles of series with these labels, added up."""
        return pprof_of(self._call(QUERY, merged_query(labels, time)))

    def difference(self, labels: Mapping[str, str], earlier: Time, later: Time) -> bytes:
        """Return the later time without the earlier one."""
        return pprof_of(self._call(QUERY, difference_query(labels, earlier, later)))

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def _call(self, method: str, message: bytes) -> bytes:
        return bytes(self._channel.unary_unary(method)(message, timeout=30))


def written(profile: bytes, labels: Mapping[str, str]) -> bytes:
    """Return the request `WriteRaw` for a profile of one series."""
    named = {"__name__": "process_cpu", **labels}
    label_set = b"".join(
        _field(1, _field(1, name.encode()) + _field(2, named[name].encode())) for name in sorted(named)
    )
    return _field(2, _field(1, label_set) + _field(2, _field(1, profile)))


def merged_query(labels: Mapping[str, str], time: Time) -> bytes:
    """Return the request `Query` for profiles, added up, as one profile."""
    return _number(1, MERGED) + _field(3, _merge(labels, time)) + _number(5, PPROF)


def difference_query(labels: Mapping[str, str], earlier: Time, later: Time) -> bytes:
    """Return the request `Query` for the difference of two times, as one profile."""
    selections = [_number(1, 1) + _field(2, _merge(labels, time)) for time in (earlier, later)]
    return _number(1, DIFFERENCE) + _field(2, _field(1, selections[0]) + _field(2, selections[1])) + _number(5, PPROF)


def pprof_of(answer: bytes) -> bytes:
    """Return the profile in the answer to a query.

    Raises:
        ValueError: There is none in it.
    """
    at = 0
    while at < len(answer):
        key, at = _read(answer, at)
        value, at = _read(answer, at)
        if key == 6 << 3 | 2:
            return answer[at : at + value]
        at += value if key & 7 == 2 else 0
    raise ValueError("there is no profile in the answer")


def _merge(labels: Mapping[str, str], time: Time) -> bytes:
    selector = ", ".join(f'{name}="{value}"' for name, value in labels.items())
    return _field(1, f"{TYPE}{{{selector}}}".encode()) + b"".join(
        _field(2 + end, _timestamp(time[end])) for end in (0, 1)
    )


def _timestamp(seconds: float) -> bytes:
    whole, nanoseconds = divmod(round(seconds * 10**9), 10**9)
    return _number(1, whole) + _number(2, nanoseconds)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(field: int, number: int) -> bytes:
    return _varint(field << 3) + _varint(number)


def _varint(number: int) -> bytes:
    parts: Sequence[int] = [number >> shift & 0x7F for shift in range(0, max(number.bit_length(), 1), 7)]
    return bytes([*(part | 0x80 for part in parts[:-1]), parts[-1]])


def _read(message: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        number |= (message[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if message[at - 1] < 0x80:
            return number, at
