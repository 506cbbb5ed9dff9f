"""An instance of a service: its address, and the JSON that its node in ZooKeeper holds."""

from __future__ import annotations

import json
import socket
from dataclasses import asdict, dataclass

from .errors import BadInput
from .hosts import check_host

# A node of ours has some sixty bytes; what is larger is no instance, and is not parsed.
MOST_BYTES = 65_536


@dataclass(frozen=True, slots=True, order=True)
class Instance:
    """The address of an instance of a service.

    Attributes:
        host: Name or IP address under which its callers reach it, without a port.
        port: TCP port, 1 to 65535.

    Raises:
        BadInput: The host is none that a client can connect to (empty, `0.0.0.0`, `host:80`, a URL), or the port is
            not from 1 to 65535.

    Examples:
        >>> Instance("users.example", 8080).url
        'http://users.example:8080'
        >>> Instance("::1", 8080).url
        'http://[::1]:8080'
    """

    host: str
    port: int

    def __post_init__(self) -> None:
        # What stands in a node or a command line need not be of these types.
        port: object = self.port
        check_host(self.host)
        if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 65535:
            raise BadInput(f"a port is an integer from 1 to 65535, not {_short(port)}")

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The root of what it serves by HTTP."""
        return f"http://{self}"

    @classmethod
    def here(cls, port: int) -> Instance:
        """Return the instance at a port of this machine, under the machine's fully qualified name."""
        return cls(socket.getfqdn(), port)

    def to_json(self) -> bytes:
        """Return the data of the instance's node: a JSON object with `host` and `port`, in UTF-8."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Instance:
        """Read the data of a node; keys other than `host` and `port` are ignored.

        Raises:
            BadInput: The data is not a JSON object with a host and a port, or is larger than 64 KiB.
        """
        if len(data) > MOST_BYTES:
            raise BadInput(f"an instance's node holds a short JSON object, not {len(data):,} bytes")
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):  # deeply nested JSON exceeds the parser's stack
            raise BadInput(f"an instance's node holds a JSON object, not {data[:80]!r}") from None
        if not isinstance(value, dict) or not {"host", "port"} <= value.keys():
            raise BadInput(f"an instance's node holds a JSON object with host and port, not {data[:80]!r}")
        return cls(value["host"], value["port"])


def _short(value: object, most: int = 80) -> str:
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**most else "a number of many digits"
    return text if len(text) <= most else f"{text[:most]}..."
