"""Connections to PostgreSQL that turn psycopg's errors into this library's, with the server's own message.

Read this to see which failure of PostgreSQL becomes which error class.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import psycopg

from reference.realtime_data_platform.errors import BadInput, Refused, Unreachable

PATIENCE = 10
"""Timeout in seconds for opening a connection."""


@contextmanager
def connected(dsn: str) -> Generator[psycopg.Connection[tuple[Any, ...]]]:
    """Open a connection in autocommit mode, and close it after the block.

    Args:
        dsn: Connection string of PostgreSQL.

    Raises:
        BadInput: The connection string is malformed, or a statement has a value that PostgreSQL does not accept.
        Refused: PostgreSQL rejects a statement.
        Unreachable: PostgreSQL does not accept the connection, or ends it.
    """
    try:
        with psycopg.connect(dsn, autocommit=True, connect_timeout=PATIENCE) as connection:
            yield connection
    except psycopg.OperationalError as error:
        raise Unreachable(f"PostgreSQL: {_sentence(error)}") from error
    except psycopg.DataError as error:
        raise BadInput(f"PostgreSQL does not accept this value: {_sentence(error)}") from error
    except psycopg.Error as error:
        if error.sqlstate is None:  # no server has answered
            raise BadInput(f"PostgreSQL's connection string is wrong: {_sentence(error)}") from error
        raise Refused(f"PostgreSQL refuses: {_sentence(error)}") from error


def user_and_database(dsn: str) -> tuple[str, str]:
    """Return the user and the database that a connection string names; by default both are `postgres`.

    Raises:
        BadInput: The connection string is malformed.
    """
    try:
        found = psycopg.conninfo.conninfo_to_dict(dsn)
    except psycopg.Error as error:
        raise BadInput(f"PostgreSQL's connection string is wrong: {_sentence(error)}") from error
    user = str(found.get("user") or "postgres")
    return user, str(found.get("dbname") or user)


def sslmode(dsn: str) -> str:
    """Return whether a connection string encrypts the connection, as `libpq` has it; empty where it does not say."""
    try:
        return str(psycopg.conninfo.conninfo_to_dict(dsn).get("sslmode") or "")
    except psycopg.Error:  # which a connection reports
        return ""


def trusting(dsn: str, authorities: str) -> str:
    """Return a connection string with a file of authorities, where it verifies the server and names no file itself."""
    if not authorities or not sslmode(dsn).startswith("verify"):
        return dsn
    named = psycopg.conninfo.conninfo_to_dict(dsn).get("sslrootcert") or os.environ.get("PGSSLROOTCERT")
    return dsn if named else psycopg.conninfo.make_conninfo(dsn, sslrootcert=authorities)


def _sentence(error: psycopg.Error) -> str:
    return " ".join(str(error).split())
