"""Connections to the servers of a description."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

from .description import Endpoint
from .errors import Unreachable


def connect(
    name: str,
    endpoint: Endpoint,
    *,
    timeout: int,
    autocommit: bool = False,
    settings: Mapping[str, str] | None = None,
) -> psycopg.Connection[Any]:
    """Connect to a server.

    Args:
        name: Its name in errors.
        endpoint: Its address and login.
        timeout: Seconds to connect.
        autocommit: Whether each statement is a transaction of its own.
        settings: Options of the foreign server; those for TLS are used.

    Raises:
        Unreachable: The server does not answer, or refuses the connection.
    """
    try:
        return psycopg.connect(
            host=endpoint.host,
            port=endpoint.port,
            dbname=endpoint.database,
            user=endpoint.user,
            password=endpoint.password.revealed or None,
            connect_timeout=timeout,
            autocommit=autocommit,
            client_encoding="UTF8",
            **{name: value for name, value in (settings or {}).items() if name.startswith("ssl")},  # type: ignore[arg-type]
        )
    except psycopg.OperationalError as error:
        reason = " ".join(str(error).split())
        raise Unreachable(f"{name} ({endpoint}) refuses the connection: {reason}") from None
