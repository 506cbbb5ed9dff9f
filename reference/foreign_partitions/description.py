"""The description of a table over several servers: its columns, its partitions, and the server of each partition.

Open it to see what can be described, and which descriptions are refused. `reading` parses a description from a file.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import chain

from .errors import BadDescription

# PostgreSQL cuts identifiers off here, in bytes, without an error.
LONGEST_NAME = 63
# Types are inserted into statements unquoted, so they may only consist of names and modifiers.
NAME = r'(?:"[^"]+"|[a-z_][a-z0-9_$]*)'
WORD = rf"(?!collate\b){NAME}"
TYPE = re.compile(
    rf"(?P<type>{WORD}(?:[. ]{WORD})*(?: ?\( ?-?\w+(?: ?, ?-?\w+)* ?\))?(?: {WORD})*(?: ?\(\d\))?(?: ?\[\d*\])*)"
    rf"(?: +collate +(?P<collation>{NAME}(?:\.{NAME})?))?",
    re.IGNORECASE,
)
# Keywords that follow the type in a column's definition.
NOT_OF_A_TYPE = re.compile(
    r"\b(check|constraint|default|deferrable|generated|not|null|primary|references|unique|collate|setof)\b",
    re.IGNORECASE,
)
# The parameters of libpq that concern TLS, except the passphrase of a key.
TLS = frozenset(
    {
        *(
            "sslmode",
            "sslnegotiation",
            "sslrootcert",
            "sslcert",
            "sslkey",
            "sslcertmode",
            "sslcrl",
            "sslcrldir",
            "sslsni",
        ),
        *("sslcompression", "ssl_min_protocol_version", "ssl_max_protocol_version"),
    }
)
TLS_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
# The parameters for TLS that a user mapping may hold.
TLS_OF_A_LOGIN = frozenset({"sslcert", "sslkey"})
INTEGERS = ("bigint", "int8", "integer", "int", "int4")


class Secret(str):
    """A password that `repr`, `str` and formatting do not reveal."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"

    def __str__(self) -> str:
        return "***"

    def __format__(self, _: str) -> str:
        return "***"

    @property
    def revealed(self) -> str:
        """The password itself, for a connection."""
        return self[:]


NO_PASSWORD = Secret("")


@dataclass(frozen=True)
class Endpoint:
    """A database on a server.

    Attributes:
        host: Host name or IP address.
        port: TCP port.
        database: Name of the database.
        user: Name of the user.
        password: Password of the user.
        tls: Parameters of libpq for operators' connections: `{"sslmode": "verify-full", "sslrootcert": "root.pem"}`.
            For a server they are added to the TLS options in its `settings`, which name files of the base.
    """

    host: str
    port: int = 5432
    database: str = "postgres"
    user: str = "postgres"
    password: Secret = NO_PASSWORD
    tls: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_tls(self.tls, TLS, f"tls of {self.host}")
        if not self.host:
            raise BadDescription("a server needs a host: a name or an address")
        if not 0 < self.port < 65536:
            raise BadDescription(f"port {self.port} of {self.host!r} is not between 1 and 65535")

    def __str__(self) -> str:
        return f"{self.host}:{self.port}/{self.database}"


@dataclass(frozen=True)
class Login:
    """The user on a server that a role of the base is mapped to.

    Attributes:
        user: Name of the user on the server.
        password: Password of the user.
        tls: Certificate and key that the user shows, `{"sslcert": ..., "sslkey": ...}`: files of the base.
    """

    user: str
    password: Secret = NO_PASSWORD
    tls: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_tls(self.tls, TLS_OF_A_LOGIN, f"tls of the login {self.user}")


@dataclass(frozen=True)
class Server:
    """A server that holds foreign partitions.

    Attributes:
        name: Name of the foreign server on the base.
        endpoint: Address and login that the base uses.
        reached: Host and port that operators use, if the base uses others.
        batch_size: Number of rows of one INSERT that are sent at once (PostgreSQL 14).
        fetch_size: Number of rows of a result that are fetched at once; with PostgreSQL's default of 100, large results
            are slow.
        asynchronous: Whether scans of several of its partitions, or of several servers, overlap (PostgreSQL 14).
        connect_timeout: Seconds that the base waits for a connection to the server.
        settings: Further options of the foreign server, such as `{"sslmode": "verify-full"}` or
            `{"use_remote_estimate": "true"}`. Options for TLS name files of the base. They also apply to operators'
            connections, unless `tls` of the endpoint has another value.
        roles: User mappings for further roles of the base: the login on the server, by role.
    """

    name: str
    endpoint: Endpoint
    reached: tuple[str, int] | None = None
    batch_size: int = 100
    fetch_size: int = 1000
    asynchronous: bool = True
    connect_timeout: int = 2
    settings: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, Login] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _name(self.name, "server")
        if self.name == "base":
            raise BadDescription("'base' cannot name a server: it is the name of the base in plans and errors")
        if taken := sorted(set(self.settings) & {*self._own_options, "user", "password"}):
            raise BadDescription(
                f"{self.name}: {', '.join(taken)} is not a further setting: write it where the server is described"
            )
        _check_tls({k: v for k, v in self.settings.items() if k.startswith("ssl")}, TLS, f"settings of {self.name}")
        for name, rows in (("batch_size", self.batch_size), ("fetch_size", self.fetch_size)):
            if rows < 1:
                raise BadDescription(f"{name} of {self.name} is {rows}: write one or more rows")
        if self.connect_timeout < 2:
            raise BadDescription(f"connect_timeout of {self.name} is {self.connect_timeout}: libpq takes 2 s or more")

    @property
    def admin_endpoint(self) -> Endpoint:
        """Address, login and TLS for operators."""
        host, port = self.reached or (self.endpoint.host, self.endpoint.port)
        tls = {name: value for name, value in self.settings.items() if name in TLS}
        return replace(self.endpoint, host=host, port=port, tls={**tls, **self.endpoint.tls})

    @property
    def options(self) -> Mapping[str, str]:
        """The options of the foreign server, by their names in the catalog."""
        return {**self._own_options, **self.settings}

    @property
    def _own_options(self) -> Mapping[str, str]:
        return {
            "host": self.endpoint.host,
            "port": str(self.endpoint.port),
            "dbname": self.endpoint.database,
            "batch_size": str(self.batch_size),
            "fetch_size": str(self.fetch_size),
            "async_capable": str(self.asynchronous).lower(),
            "connect_timeout": str(self.connect_timeout),
        }


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        type: Its type as PostgreSQL spells it, such as `numeric(10, 2)` or `text COLLATE "C"`.
        null: Whether it is nullable.
    """

    type: str
    null: bool = False

    def __post_init__(self) -> None:
        found = TYPE.fullmatch(self.type)
        if found is None or NOT_OF_A_TYPE.search(re.sub('"[^"]*"', "", found["type"])):
            raise BadDescription(
                f"{self.type!r} is not the name of a type: write one such as bigint, numeric(10, 2) or text COLLATE "
                f'"C"; whether a column may be null is said by `null`'
            )

    @property
    def base_type(self) -> str:
        """The type without its collation."""
        found = TYPE.fullmatch(self.type)
        assert found is not None
        return found["type"]

    @property
    def collation(self) -> str | None:
        """The collation in the type, as it is spelled there; None if the type has none."""
        found = TYPE.fullmatch(self.type)
        assert found is not None
        collation: str | None = found["collation"]
        return collation


@dataclass(frozen=True)
class Table:
    """The base table.

    Attributes:
        name: Name of the table. The partitions' servers have an empty partitioned table of the same name, which is the
            parent of their partitions, so that they enforce the partitions' bounds.
        columns: Its columns by name.
        hash: The partition key: the column by whose hash rows are distributed.
        identity: The identity column, filled only by the base table's sequence.
        key: Columns that are unique in each leaf. No unique index spans leaves: for uniqueness in the whole table the
            key must contain the hash column, which routes equal keys to one leaf, or the identity.
        indexes: Columns of each further index, created on every leaf.
        schema: Its schema, on every server.
    """

    name: str
    columns: Mapping[str, Column]
    hash: str
    identity: str | None = None
    key: Sequence[str] = ()
    indexes: Sequence[Sequence[str]] = ()
    schema: str = "public"

    def __post_init__(self) -> None:
        for name, what in ((self.name, "table"), (self.schema, "schema"), *((each, "column") for each in self.columns)):
            _name(name, what)
        if not isinstance(self.hash, str):
            raise BadDescription(
                f"{self.name} is partitioned by {', '.join(self.hash)}: partitioning by several columns is not "
                f"supported: name the one column that lookups always carry"
            )
        named = [self.hash, *([self.identity] if self.identity else []), *self.key, *chain.from_iterable(self.indexes)]
        for column in named:
            if column not in self.columns:
                raise BadDescription(f"{column!r} is no column of {self.name}: it has {', '.join(self.columns)}")
        if self.columns[self.hash].null:
            raise BadDescription(f"{self.hash} may be null: rows without a partition key all go to one partition")
        if self.identity is not None and self.columns[self.identity].type.lower() not in INTEGERS:
            raise BadDescription(f"{self.identity} is an identity and must be bigint or integer")
        if not self.key:
            raise BadDescription(f"{self.name} has no key, so nothing would stop duplicates: name the key's columns")
        if twice := [name for name in self.key if list(self.key).count(name) > 1]:
            raise BadDescription(f"the key of {self.name} names {twice[0]} twice")
        if self.hash not in self.key and self.identity not in self.key:
            raise BadDescription(
                f"the key ({', '.join(self.key)}) can only be kept within a partition: add {self.hash}, or an identity"
            )

    def nullable(self, column: str) -> bool:
        """Return whether a column is nullable: as described, except that keys and identities never are."""
        return self.columns[column].null and column != self.identity and column not in self.key

    @property
    def outbox(self) -> str:
        """The name of the table's outbox."""
        return suffixed(self.name, "_outbox")

    @property
    def layout_table(self) -> str:
        """The name of the table in which a server records the layout of its partitions."""
        return suffixed(self.name, "_layout")

    @property
    def rebalance_table(self) -> str:
        """The name of the table on the base that exists while a rebalance is under way."""
        return suffixed(self.name, "_rebalance")


@dataclass(frozen=True)
class Partition:
    """A partition; its place in the list is its remainder.

    Attributes:
        name: Name of the leaf table, on the base and on its server.
        server: Name of the server that stores it; None for the base.
    """

    name: str
    server: str | None = None

    def __post_init__(self) -> None:
        _name(self.name, "partition")


@dataclass(frozen=True)
class Description:
    """A table over several servers.

    Attributes:
        base: Address and login of the base, for operators.
        table: The base table.
        partitions: The partitions, in the order of their remainders; their number is the modulus.
        servers: The servers that the partitions name.
        partitionwise: Whether the base's database enables partitionwise joins and aggregates. Otherwise joins and
            aggregates are not pushed down to the servers.
    """

    base: Endpoint
    table: Table
    partitions: Sequence[Partition]
    servers: Sequence[Server] = field(default=())
    partitionwise: bool = True

    def __post_init__(self) -> None:
        if not self.partitions:
            raise BadDescription(f"{self.table.name} has no partitions: list at least one")
        names = [self.table.name, *(each.name for each in self.partitions)]
        for taken, purpose in (
            (self.table.outbox, "outbox"),
            (self.table.layout_table, "layout table"),
            (self.table.rebalance_table, "rebalance table"),
        ):
            if taken in names:
                raise BadDescription(f"{taken!r} is the name of the {purpose} of {self.table.name}: name it otherwise")
        servers = [each.name for each in self.servers]
        for name in {each for each in [*names, *servers] if names.count(each) + servers.count(each) > 1}:
            raise BadDescription(f"{name!r} is named twice")
        for partition in self.partitions:
            if partition.server is not None and partition.server not in servers:
                raise BadDescription(
                    f"{partition.name} is to live on {partition.server!r}, which is not described: "
                    f"there are {', '.join(servers) or 'no servers'}"
                )

    @property
    def modulus(self) -> int:
        """The number of partitions."""
        return len(self.partitions)

    @property
    def layout(self) -> str:
        """The number of partitions, and a digest of their names and servers: every layout has another digest."""
        named = repr([(each.name, each.server) for each in self.partitions])
        return f"{self.modulus} partitions, {sha256(named.encode()).hexdigest()[:16]}"

    def on(self, server: str | None) -> Mapping[int, Partition]:
        """Return the partitions of a server (None: the base) by remainder."""
        return {number: each for number, each in enumerate(self.partitions) if each.server == server}


def suffixed(name: str, suffix: str) -> str:
    """Return a name with a suffix; if PostgreSQL would truncate it, it is shortened and made unique by a hash."""
    if len((name + suffix).encode()) <= LONGEST_NAME:
        return name + suffix
    digest = sha256(name.encode()).hexdigest()[:12]
    room = LONGEST_NAME - len(suffix) - len(digest) - 1
    return f"{name.encode()[:room].decode(errors='ignore')}_{digest}{suffix}"


def _check_tls(given: Mapping[str, str], known: Collection[str], where: str) -> None:
    if "sslpassword" in given:
        raise BadDescription(f"{where}: a key's passphrase would be shown in plans: use a key without one")
    if unknown := sorted(set(given) - set(known)):
        raise BadDescription(f"{where}: {unknown[0]} is not known; there are {', '.join(sorted(known))}")
    mode = given.get("sslmode", "prefer")
    if mode not in TLS_MODES:
        raise BadDescription(f"{where}: sslmode {mode!r} is not known; there are {', '.join(TLS_MODES)}")


def _name(name: str, what: str) -> None:
    if not name or "\0" in name or len(name.encode()) > LONGEST_NAME:
        raise BadDescription(f"{name!r} cannot name a {what}: write 1 to {LONGEST_NAME} bytes")
    if "%" in name:
        raise BadDescription(f"{name!r} cannot name a {what}: drivers take a % for a parameter, so write another name")
