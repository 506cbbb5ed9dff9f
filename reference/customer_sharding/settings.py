"""Which mode, and how patient: chosen by the environment alone.

| variable | meaning |
| --- | --- |
| `SHARDING_MODE` | `standalone` (one database for everyone) or `api` (ask the sharding service) |
| `SHARDING_IDENTIFIER_FIELD` | the column that names the customer in every table, such as `customer_id` |
| `SHARDING_HOST`, `_PORT`, `_USER`, `_PASSWORD`, `_DATABASE`, `_FLAVOR` | standalone: the database |
| `SHARDING_API_ENDPOINT` | api: where the sharding service is, such as `https://sharding.example` |

These are the document's; these are ours, and all have a default:

| variable | meaning | default |
| --- | --- | --- |
| `SHARDING_API_TOKEN` | the bearer token that the sharding service asks for | none |
| `SHARDING_API_INSECURE` | `yes`: send the token over `http://` to another host | `no` |
| `SHARDING_API_TIMEOUT` | seconds that the service may take | 2 |
| `SHARDING_ROUTE_EXPIRY` | seconds that a route is used before it is asked for again | 30 |
| `SHARDING_ROUTE_STALE` | seconds that an expired route goes on while the service does not answer | 3600 |
| `SHARDING_POOL_SIZE` | connections to one database | 8 |
| `SHARDING_POOL_WAIT` | seconds that a request waits for one of them | 2 |
| `SHARDING_CONNECT_TIMEOUT` | seconds to connect (a whole number, at least 2) | 2 |
| `SHARDING_ANSWER_TIMEOUT` | seconds that a database may take to answer a statement | 10 |
| `SHARDING_RETRY_AFTER` | seconds that what does not answer is left alone | 1 |
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from .credentials import Credentials


@dataclass(frozen=True)
class Standalone:
    """One database for everyone.

    Attributes:
        credentials: How to enter it.
    """

    credentials: Credentials


@dataclass(frozen=True)
class Api:
    """A sharding service says which database is whose.

    Attributes:
        endpoint: Its URL, `http` or `https`.
        token: The bearer token; None asks without one, as the published client does.
        timeout: Seconds it may take to answer.
        expiry: Seconds a route is used before it is asked for again.
        stale: Seconds for which an expired route goes on while the service does not answer.
        insecure: Whether the token may cross the network in clear.
    """

    endpoint: str
    token: str | None = field(default=None, repr=False)
    timeout: float = 2.0
    expiry: float = 30.0
    stale: float = 3600.0
    insecure: bool = False


@dataclass(frozen=True)
class PoolLimits:
    """How much of this process one database may take.

    Attributes:
        size: Connections.
        wait: Seconds to wait for one of them.
        connect_timeout: Seconds to connect; drivers take whole numbers from 2.
        answer_timeout: Seconds a statement may take.
        retry_after: Seconds a database that does not answer is left alone; then one request tries.
        idle: Seconds after which a connection is not used again.
    """

    size: int = 8
    wait: float = 2.0
    connect_timeout: int = 2
    answer_timeout: float = 10.0
    retry_after: float = 1.0
    idle: float = 300.0


@dataclass(frozen=True)
class Settings:
    """All that the environment says.

    Attributes:
        mode: Where databases come from.
        identifier_field: The column that names the customer.
        limits: Of each database's pool.
    """

    mode: Standalone | Api
    identifier_field: str
    limits: PoolLimits = field(default_factory=PoolLimits)


def from_environment(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    Raises:
        BadInput: A variable is missing or wrong; the message names it and what it may be.
    """
    raise NotImplementedError
