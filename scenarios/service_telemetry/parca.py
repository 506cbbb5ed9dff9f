"""Parca over gRPC: profiles are written to it as its agent writes them, and asked for, merged or as a difference.

The messages are those of the packages `parca.profilestore.v1alpha1` and `parca.query.v1alpha1`, whose fields the npm
package @parca/client names. To run its test, start Parca, which no package registry has, and set `PARCA` to the
address of its port 7070, such as 127.0.0.1:7070.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from reference.service_telemetry.protobuf import message, number

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

    def _call(self, method: str, request: bytes) -> bytes:
        return bytes(self._channel.unary_unary(method)(request, timeout=30))


def written(profile: bytes, labels: Mapping[str, str]) -> bytes:
    """Return the request `WriteRaw` for a profile of one series."""
    named = {"__name__": "process_cpu", **labels}
    label_set = b"".join(
        message(1, message(1, name.encode()) + message(2, named[name].encode())) for name in sorted(named)
    )
    return message(2, message(1, label_set) + message(2, message(1, profile)))


def merged_query(labels: Mapping[str, str], time: Time) -> bytes:
    """Return the request `Query` for profiles, added up, as one profile."""
    return number(1, MERGED) + message(3, _merge(labels, time)) + number(5, PPROF)


def difference_query(labels: Mapping[str, str], earlier: Time, later: Time) -> bytes:
    """Return the request `Query` for the difference of two times, as one profile."""
    selections = [number(1, 1) + message(2, _merge(labels, time)) for time in (earlier, later)]
    return number(1, DIFFERENCE) + message(2, message(1, selections[0]) + message(2, selections[1])) + number(5, PPROF)


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
    return message(1, f"{TYPE}{{{selector}}}".encode()) + b"".join(
        message(2 + end, _timestamp(time[end])) for end in (0, 1)
    )


def _timestamp(seconds: float) -> bytes:
    whole, nanoseconds = divmod(round(seconds * 10**9), 10**9)
    return number(1, whole) + number(2, nanoseconds)


def _read(answer: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (answer[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if answer[at - 1] < 0x80:
            return value, at
