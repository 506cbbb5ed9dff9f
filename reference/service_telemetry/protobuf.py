"""The part of the wire format of Protocol Buffers that `pprof_format` needs: numbers, packed numbers and messages."""

from __future__ import annotations

from collections.abc import Sequence


def number(field: int, value: int) -> bytes:
    """Return a field that is a number of 0 or more."""
    return _varint(field << 3) + _varint(value)


def numbers(field: int, values: Sequence[int]) -> bytes:
    """Return a field that is a packed list of numbers of 0 or more."""
    return message(field, b"".join(map(_varint, values)))


def message(field: int, content: bytes) -> bytes:
    """Return a field that is a message, a text or bytes."""
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
