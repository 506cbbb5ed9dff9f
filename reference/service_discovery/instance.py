"""An instance of a service: the address it is called at, and how ZooKeeper keeps it."""

from __future__ import annotations

import json
import re
import socket
from dataclasses import asdict, dataclass

from .errors import BadInput


@dataclass(frozen=True, slots=True, order=True)
class Instance:
    """Where an instance of a service is called.

    Attributes:
        host: Name or IP address, as its callers reach it.
        port: TCP port, 1 to 65535.

    Raises:
        BadInput: The host is empty or no host, or the port is none.

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
        host: object = self.host
        port: object = self.port
        if not isinstance(host, str) or not re.fullmatch(r"[^\s/@\[\]\x00-\x1f]{1,255}", host):
            raise BadInput(f"a host is a name or an IP address, not {host!r}")
        if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 65535:
            raise BadInput(f"a port is an integer from 1 to 65535, not {port!r}")

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The root of what it serves by HTTP."""
        return f"http://{self}"

    @classmethod
    def here(cls, port: int) -> Instance:
        """Return the instance of this machine, by its fully qualified name, on a port."""
        return cls(socket.getfqdn(), port)

    def to_json(self) -> bytes:
        """Return what its node holds: a JSON object with `host` and `port`, in UTF-8."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Instance:
        """Read what a node holds; keys other than `host` and `port` are left to those who wrote them.

        Raises:
            BadInput: It is not a JSON object with a host and a port.
        """
        try:
            value = json.loads(data)
        except ValueError:
            raise BadInput(f"an instance's node holds a JSON object, not {data[:80]!r}") from None
        if not isinstance(value, dict) or not {"host", "port"} <= value.keys():
            raise BadInput(f"an instance's node holds a JSON object with host and port, not {data[:80]!r}")
        return cls(value["host"], value["port"])
