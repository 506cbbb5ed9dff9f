"""Where a database is and who may enter: the answer of the sharding service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .errors import BadInput


class Flavor(StrEnum):
    """The kinds of database, by their published names."""

    POSTGRES = "postgres"
    MYSQL = "mysql"

    @classmethod
    def of(cls, name: object) -> Flavor:
        """Return the flavor of this name.

        Raises:
            BadInput: There is none; the message names those there are.
        """
        try:
            return cls(str(name))
        except ValueError:
            raise BadInput(f"{name!r} is no flavor of database: write one of {', '.join(cls)}") from None


@dataclass(frozen=True)
class Credentials:
    """How to enter a database.

    Attributes:
        host: Its name or address.
        port: 1 to 65535.
        user: Who enters.
        password: Never shown by `repr`, and so in no log.
        database: Its name on the server.
        flavor: What kind it is.
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
                raise BadInput(f"{name} is a text that is not empty and that can be sent to a server")
        if type(self.port) is not int or not 0 < self.port < 65536:
            raise BadInput(f"port is an integer from 1 to 65535, not {self.port!r}")
        object.__setattr__(self, "flavor", Flavor.of(self.flavor))

    @classmethod
    def from_answer(cls, answer: object) -> Credentials:
        """Read the published answer of `GET /write/ID`; further keys are passed over.

        Raises:
            BadInput: It is not of this shape; the message names the key and repeats no value.
        """
        if not isinstance(answer, Mapping):
            raise BadInput("credentials are an object with host, port, user, password, database and flavor")
        missing = [name for name in cls.__dataclass_fields__ if name not in answer]
        if missing:
            raise BadInput(f"credentials lack {', '.join(missing)}")
        return cls(**{name: answer[name] for name in cls.__dataclass_fields__})

    def as_answer(self) -> dict[str, Any]:
        """Return the published answer, password included."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def __str__(self) -> str:
        return f"{self.flavor}://{self.user}@{self.host}:{self.port}/{self.database}"


def _can_be_sent(text: str, name: str) -> bool:
    """Say whether a driver can send it at all: in UTF-8, ended by a zero; a host is looked up, or a socket's path."""
    try:
        text.encode("idna" if name == "host" and not text.startswith("/") else "utf-8")
    except UnicodeError:
        return False
    return "\0" not in text
