"""Why a connection could not be encrypted as its address says: in one sentence, without further attempts.

Read this to see how a certificate that is not trusted, and a server that does not speak TLS, are distinguished from a
server that does not answer.
"""

from __future__ import annotations

import re
import socket
import ssl
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from reference.realtime_data_platform.errors import NotSecure

_NOT_TRUSTED = re.compile(r"certificate verify failed: ([^()'\"]*[^()'\" ])")
_NO_TLS = re.compile(r"wrong.version.number|record.layer.failure|http.request", re.IGNORECASE)
_CLOSED_OR_SILENT = re.compile(r"EOF|timed out")
_PATIENCE = 2
_TLS_EXPECTED = 400
"""What a server that speaks TLS answers to a request without it, if it answers."""


def why_not_secure(error: Exception, server: str, url: str) -> NotSecure | None:
    """Return what is wrong with the encryption of a connection that failed, or None where it failed otherwise.

    Args:
        error: The error of the connection.
        server: Name of the server in the message.
        url: Its URL, without a password.
    """
    said = str(error)
    if found := _NOT_TRUSTED.search(said):
        return NotSecure(
            f"the certificate of {server} at {url} is not trusted: {found[1]}; name the file of its authority by --ca"
        )
    if url.startswith("https:"):
        plain = _NO_TLS.search(said) or (_CLOSED_OR_SILENT.search(said) and _speaks_http(url))
        return NotSecure(f"{server} at {url} does not speak TLS: use http://") if plain else None
    where = urlsplit(url)
    if "refused" not in said and speaks_tls(where.hostname or "", where.port or 80):
        return NotSecure(f"{server} at {url} speaks TLS: use https://")
    return None


def not_accepted(server: str, url: str, user: str) -> str:
    """Return the message that a server does not accept who asks."""
    if user:
        return f"{server} at {url} does not accept user {user} with this password"
    return f"{server} at {url} asks for a user and a password: give https://USER@HOST, and the password"


def speaks_tls(host: str, port: int) -> bool:
    """Return whether a server begins to encrypt a connection; whoever it is, nothing is sent to it."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), timeout=_PATIENCE) as connection,
            context.wrap_socket(connection, server_hostname=host),
        ):
            return True
    except OSError:
        return False


def _speaks_http(url: str) -> bool:
    where = urlsplit(url)
    connection = HTTPConnection(where.hostname or "", where.port or 443, timeout=_PATIENCE)
    try:
        connection.request("HEAD", "/")
        return connection.getresponse().status != _TLS_EXPECTED
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
