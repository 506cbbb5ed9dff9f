"""Settings of an application, read from environment variables; the tables below list all of them.

| variable | meaning |
| --- | --- |
| `SHARDING_MODE` | `standalone` (one database for everyone) or `api` (ask the sharding service) |
| `SHARDING_IDENTIFIER_FIELD` | the column that names the customer in every table, such as `customer_id` |
| `SHARDING_HOST`, `_PORT`, `_USER`, `_PASSWORD`, `_DATABASE`, `_FLAVOR` | standalone: the database |
| `SHARDING_API_ENDPOINT` | api: URL of the sharding service, such as `https://sharding.example` |

The variables above are the document's. This implementation adds the following, which all have a default:

| variable | meaning | default |
| --- | --- | --- |
| `SHARDING_API_TOKEN` | the bearer token that the sharding service asks for | none |
| `SHARDING_API_INSECURE` | `yes`: send the token over `http://` to another host | `no` |
| `SHARDING_API_TIMEOUT` | seconds that the service may take | 2 |
| `SHARDING_ROUTE_EXPIRY` | seconds for which a route is used before it is looked up again | 30 |
| `SHARDING_ROUTE_STALE` | seconds that an expired route is still used while the service does not answer | 3600 |
| `SHARDING_POOL_SIZE` | connections to one database | 8 |
| `SHARDING_POOL_WAIT` | seconds that a request waits for a free connection | 2 |
| `SHARDING_CONNECT_TIMEOUT` | seconds to connect (a whole number, at least 2) | 2 |
| `SHARDING_ANSWER_TIMEOUT` | seconds that a database may take to answer a statement | 10 |
| `SHARDING_RETRY_AFTER` | seconds between attempts to reach a service or database that does not answer | 1 |
| `SHARDING_LEASE` | seconds for which requests rely on a database's answer that it holds a customer | 1 |
| `SHARDING_ROW_SECURITY` | `yes`: PostgreSQL itself restricts each session to its customer's rows | `no` |
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .credentials import Credentials, Flavor
from .errors import BadInput

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Standalone:
    """One database for everyone.

    Attributes:
        credentials: Its address and login.
    """

    credentials: Credentials


@dataclass(frozen=True)
class Api:
    """Ask a sharding service for each customer's database.

    Attributes:
        endpoint: URL of the service, `http` or `https`.
        token: The bearer token; None sends none, as the document's client does.
        timeout: Seconds it may take to answer.
        expiry: Seconds for which a route is used before it is looked up again.
        stale: Seconds for which an expired route is still used while the service does not answer.
        insecure: Whether the token may be sent unencrypted over the network.
    """

    endpoint: str
    token: str | None = field(default=None, repr=False)
    timeout: float = 2.0
    expiry: float = 30.0
    stale: float = 3600.0
    insecure: bool = False

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.endpoint)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
        if host is None or parts.scheme not in ("http", "https") or parts.query or parts.fragment or parts.username:
            raise BadInput("SHARDING_API_ENDPOINT is a URL such as https://sharding.example, without user or query")
        if self.token and parts.scheme == "http" and host not in LOOPBACK and not self.insecure:
            raise BadInput(
                f"the token for {host} would cross the network in clear: use https://, "
                "or set SHARDING_API_INSECURE=yes if you trust the network"
            )


@dataclass(frozen=True)
class PoolLimits:
    """Limits of the connections of this process to one database.

    Attributes:
        size: Maximum number of connections.
        wait: Seconds to wait for a free connection.
        connect_timeout: Seconds to connect; drivers take whole numbers from 2. For a MySQL server that accepts the
            connection and then sends nothing, `answer_timeout` counts instead.
        answer_timeout: Seconds a statement may take.
        retry_after: Seconds between attempts to reach a database that does not answer; one request makes each attempt.
        idle: Seconds after which an idle connection is closed instead of reused.
    """

    size: int = 8
    wait: float = 2.0
    connect_timeout: int = 2
    answer_timeout: float = 10.0
    retry_after: float = 1.0
    idle: float = 300.0


@dataclass(frozen=True)
class Settings:
    """The settings of an application.

    Attributes:
        mode: One database for everyone, or a sharding service.
        identifier_field: The column that names the customer.
        limits: Limits of each database's pool.
        lease: Seconds that requests rely on a database's answer that it holds a customer, until they ask again; a
            mover waits as long between fencing the customer and switching its route.
        row_security: Whether the databases restrict each session to its customer's rows: see `move.row_security`.
            If so, a session in a database that does not is refused.
    """

    mode: Standalone | Api
    identifier_field: str
    limits: PoolLimits = field(default_factory=PoolLimits)
    lease: float = 1.0
    row_security: bool = False


MODES = ("standalone", "api")


def from_environment(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    Raises:
        BadInput: A variable is missing or wrong; the message names it and what it may be.
    """
    read = _Reader(environ)
    mode = read.text("SHARDING_MODE")
    if mode not in MODES:
        raise BadInput(f"SHARDING_MODE is {mode!r}: write one of {', '.join(MODES)}")
    chosen = _standalone(read) if mode == "standalone" else _api(read)
    identifier_field = read.text("SHARDING_IDENTIFIER_FIELD")
    if not identifier_field.isidentifier():
        raise BadInput(f"SHARDING_IDENTIFIER_FIELD is a column's name such as customer_id, not {identifier_field!r}")
    return Settings(
        chosen,
        identifier_field,
        PoolLimits(
            size=read.whole("SHARDING_POOL_SIZE", PoolLimits.size, least=1),
            wait=read.seconds("SHARDING_POOL_WAIT", PoolLimits.wait),
            connect_timeout=read.whole("SHARDING_CONNECT_TIMEOUT", PoolLimits.connect_timeout, least=2),
            answer_timeout=read.seconds("SHARDING_ANSWER_TIMEOUT", PoolLimits.answer_timeout),
            retry_after=read.seconds("SHARDING_RETRY_AFTER", PoolLimits.retry_after),
        ),
        read.seconds("SHARDING_LEASE", Settings.lease),
        read.yes("SHARDING_ROW_SECURITY"),
    )


def _standalone(read: _Reader) -> Standalone:
    # All missing variables are reported at once; an invalid value is reported by its variable.
    values = {name: read.text(f"SHARDING_{name.upper()}") for name in ("host", "user", "password", "database")}
    port = read.whole("SHARDING_PORT", None, least=1)
    written = read.text("SHARDING_FLAVOR")
    try:
        flavor = Flavor.of(written)
    except BadInput as error:
        raise BadInput(f"SHARDING_FLAVOR: {error}") from None
    try:
        return Standalone(Credentials(**values, port=port, flavor=flavor))
    except BadInput as error:
        raise BadInput(f"the database in SHARDING_HOST, SHARDING_PORT and the other variables: {error}") from None


def _api(read: _Reader) -> Api:
    return Api(
        endpoint=read.text("SHARDING_API_ENDPOINT"),
        token=read.text("SHARDING_API_TOKEN", "") or None,
        timeout=read.seconds("SHARDING_API_TIMEOUT", Api.timeout),
        expiry=read.seconds("SHARDING_ROUTE_EXPIRY", Api.expiry),
        stale=read.seconds("SHARDING_ROUTE_STALE", Api.stale),
        insecure=read.yes("SHARDING_API_INSECURE"),
    )


class _Reader:
    """Reads and checks variables; each error names the variable and says what it may be."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str, default: str | None = None) -> str:
        value = self._environ.get(name) or default
        if value is None:
            raise BadInput(f"{name} is not set")
        return value

    def seconds(self, name: str, default: float) -> float:
        text = self.text(name, str(default))
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0 < value < math.inf:
            raise BadInput(f"{name} is a number of seconds above 0, not {text!r}")
        return value

    def whole(self, name: str, default: int | None, *, least: int) -> int:
        text = self.text(name, None if default is None else str(default))
        if not text.isascii() or not text.isdecimal() or int(text) < least:
            raise BadInput(f"{name} is a whole number from {least}, not {text!r}")
        return int(text)

    def yes(self, name: str) -> bool:
        text = self.text(name, "no")
        if text not in ("yes", "no"):
            raise BadInput(f"{name} is yes or no, not {text!r}")
        return text == "yes"
