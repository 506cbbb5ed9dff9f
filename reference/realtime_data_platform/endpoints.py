"""Addresses of servers as a user gives them: whether the connection is encrypted, and who asks.

Read this to see which forms of address there are, and what is refused because a password could be read on its way.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from .errors import BadInput

PLAIN = "PLAINTEXT"
_KAFKA = re.compile(
    r"(?:(?P<protocol>[A-Za-z_]+)://)?(?:(?P<user>[^:@/?,]+)(?::(?P<password>[^@/?]*))?@)?"
    r"(?P<brokers>[^@/?\s]+:\d+)(?:\?mechanism=(?P<mechanism>PLAIN|SCRAM-SHA-256|SCRAM-SHA-512))?"
)
_CREDENTIALS = re.compile(r"//[^/@]*@")
_FILES_OF_AUTHORITIES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


@dataclass(frozen=True)
class HTTPAddress:
    """The address of an HTTP server.

    Attributes:
        url: Its URL, without user and password.
        user: The user who asks, empty for none.
        password: The user's password.
    """

    url: str
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def of(cls, text: str, server: str) -> HTTPAddress:
        """Return the address that a URL names, `https://USER:PASSWORD@HOST` among its forms.

        Args:
            text: The URL.
            server: Name of the server in error messages.

        Raises:
            BadInput: It is no URL of an HTTP server, or a password is to be sent without encryption.
        """
        try:
            where = urlsplit(text)
            usable = where.scheme in {"http", "https"} and where.hostname is not None and where.port != 0
        except ValueError:  # the port is no number of one
            usable = False
        if not usable:
            shown = _CREDENTIALS.sub("//", text)
            raise BadInput(f"{shown!r} is not an address of {server}: use http://HOST:PORT or https://USER@HOST")
        if where.password and where.scheme == "http":
            raise BadInput(f"the password for {server} could be read on its way: use https://, not http://")
        netloc = where.netloc.rpartition("@")[2]
        url = urlunsplit((where.scheme, netloc, where.path.rstrip("/"), where.query, ""))
        return cls(url, unquote(where.username or ""), unquote(where.password or ""))


def with_password(url: str, password: str) -> str:
    """Return a URL, or an address of Kafka, with a password where it names a user without one."""
    scheme, separator, rest = url.rpartition("://")
    user, at, host = rest.rpartition("@")
    if not (at and user and password) or ":" in user:
        return url
    return f"{scheme}{separator}{user}:{quote(password, safe='')}@{host}"


@dataclass(frozen=True)
class KafkaAddress:
    """The address of a listener of Kafka.

    Attributes:
        brokers: Host and port of a broker, or of several, separated by commas.
        protocol: `PLAINTEXT`, `SSL`, or `SASL_SSL`, where a user logs in.
        user: The user who logs in.
        password: The user's password.
        mechanism: How the user logs in: `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    """

    brokers: str
    protocol: str = PLAIN
    user: str = ""
    password: str = field(default="", repr=False)
    mechanism: str = ""

    @classmethod
    def of(cls, text: str) -> KafkaAddress:
        """Return the address that a text names: `HOST:PORT`, `SSL://HOST:PORT` or `SASL_SSL://USER@HOST:PORT`.

        Raises:
            BadInput: It has another form, or a password is to be sent without encryption.
        """
        found = _KAFKA.fullmatch(text)
        protocol = (found["protocol"] or PLAIN).upper() if found else ""
        if protocol == "SASL_PLAINTEXT":
            raise BadInput("the password for Kafka could be read on its way: use SASL_SSL://, not SASL_PLAINTEXT://")
        if found is None or protocol not in {PLAIN, "SSL", "SASL_SSL"}:
            raise BadInput(
                f"{_CREDENTIALS.sub('//', text)!r} is not an address of Kafka: give its host and port, such as "
                "kafka:9092, and SSL:// or SASL_SSL://USER@ before them where the listener is encrypted"
            )
        sasl = protocol == "SASL_SSL"
        if (found["user"] or found["mechanism"]) and not sasl:
            raise BadInput("nobody logs in at a listener of Kafka without SASL: use SASL_SSL://USER@HOST:PORT")
        user, password = unquote(found["user"] or ""), unquote(found["password"] or "")
        return cls(found["brokers"], protocol, user, password, (found["mechanism"] or "PLAIN") if sasl else "")


def authorities(ca: str) -> str:
    """Return the file of the authorities whose certificates are trusted, or an empty text for each client's own.

    Args:
        ca: The file that the user names. By default that of `REQUESTS_CA_BUNDLE`, else of `SSL_CERT_FILE`.

    Raises:
        BadInput: There is no file of the name.
    """
    if ca and not Path(ca).exists():
        raise BadInput(f"there is no file {ca} with the certificates of authorities")
    return ca or next((path for name in _FILES_OF_AUTHORITIES if (path := os.environ.get(name))), "")
