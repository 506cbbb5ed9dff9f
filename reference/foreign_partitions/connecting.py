"""Connect to a server of a description: the one function by which operators' connections are made."""

from __future__ import annotations

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
) -> psycopg.Connection[Any]:
    """Connect to a server.

    Args:
        name: Name of the server in error messages.
        endpoint: Address, login and TLS of the server.
        timeout: Seconds to connect.
        autocommit: Whether each statement is a transaction of its own.

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
            **endpoint.tls,  # type: ignore[arg-type]
        )
    except psycopg.OperationalError as error:
        reason = " ".join(str(error).split())
        raise Unreachable(f"{name} ({endpoint}) refuses the connection: {reason}") from None
