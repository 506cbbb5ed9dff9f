"""The address and login of a database: the class that the sharding service's answer to `GET /write/ID` is parsed into.

Open it to see which fields the answer has, which values they accept, and which database systems exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .errors import BadInput


class Flavor(StrEnum):
    """The database systems, under the names that the document uses."""

    POSTGRES = "postgres"
    MYSQL = "mysql"

    @classmethod
    def of(cls, name: object) -> Flavor:
        """Return the flavor of this name.

        Raises:
            BadInput: There is no such flavor; the message lists the flavors.
        """
        try:
            return cls(str(name))
        except ValueError:
            raise BadInput(f"{name!r} is not a flavor of database: write one of {', '.join(cls)}") from None


@dataclass(frozen=True)
class Credentials:
    """The address and login of a database.

    Attributes:
        host: Host name or IP address of the server.
        port: 1 to 65535.
        user: Name of the user that connects.
        password: Left out of `repr`, so that it appears in no log.
        database: Name of the database on the server.
        flavor: The database system.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    flavor: Flavor

    def __post_init__(self) -> None:
        for name in ("host", "user", "password", "database"):
            value: object = getattr(self, name)
            if not isinstance(value, str) or (not value and name != "password") or not _can_be_sent(value, name):
                raise BadInput(f"{name} is a text that is not empty, in valid Unicode and without NUL")
        if type(self.port) is not int or not 0 < self.port < 65536:
            raise BadInput(f"port is an integer from 1 to 65535, not {self.port!r}")
        object.__setattr__(self, "flavor", Flavor.of(self.flavor))

    @classmethod
    def from_answer(cls, answer: object) -> Credentials:
        """Parse the document's answer to `GET /write/ID`; unknown keys are ignored.

        Raises:
            BadInput: A key is missing or has a wrong type; the message names the key and repeats no value.
        """
        if not isinstance(answer, Mapping):
            raise BadInput("credentials are an object with host, port, user, password, database and flavor")
        missing = [name for name in cls.__dataclass_fields__ if name not in answer]
        if missing:
            raise BadInput(f"credentials lack {', '.join(missing)}")
        return cls(**{name: answer[name] for name in cls.__dataclass_fields__})

    def as_answer(self) -> dict[str, Any]:
        """Return the document's answer to `GET /write/ID`, password included."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def __str__(self) -> str:
        return f"{self.flavor}://{self.user}@{self.host}:{self.port}/{self.database}"


def _can_be_sent(text: str, name: str) -> bool:
    """Return whether drivers can send the text: valid UTF-8 without NUL, and for a host a name or a socket's path."""
    try:
        text.encode("idna" if name == "host" and not text.startswith("/") else "utf-8")
    except UnicodeError:
        return False
    return "\0" not in text
