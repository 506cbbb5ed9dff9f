"""The whole chain of a table: applied, looked at, verified, removed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from . import artifacts, statements
from .connect import Connectors
from .description import Table, describe, in_pinot, quoted
from .errors import BadInput, PlatformError
from .pinot import Pinot
from .trino import Trino

WHOLE_ROWS = "f"
IDENTITIES = {"d": "DEFAULT", "f": "FULL", "n": "NOTHING"}


@dataclass(frozen=True)
class Addresses:
    """Where this process reaches the services.

    Attributes:
        postgres: DSN.
        connect: Endpoint of Kafka Connect.
        controller: Endpoint of Pinot's controller.
        broker: Endpoint of Pinot's broker.
        trino: Endpoint of Trino.
    """

    postgres: str = "postgresql://postgres:postgres@localhost:5432/postgres"
    connect: str = "http://localhost:8083"
    controller: str = "http://localhost:9000"
    broker: str = "http://localhost:8099"
    trino: str = "http://localhost:8080"


@dataclass(frozen=True)
class Difference:
    """How a view differs from the table it stands for; each a list of rows, keys first.

    Attributes:
        missing: In the table, not in the view.
        extra: In the view, not in the table; a key seen twice is among them.
    """

    missing: list[tuple[Any, ...]] = field(default_factory=list)
    extra: list[tuple[Any, ...]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra)


class Platform:
    """The services together.

    Args:
        addresses: Where this process reaches them.
        peers: Where they reach each other.
        patience: Seconds within which each step must be done.
    """

    def __init__(self, addresses: Addresses, peers: artifacts.Peers | None = None, *, patience: float = 60) -> None:
        self.addresses = addresses
        self.peers = peers or artifacts.Peers()
        self.patience = patience
        self.connectors = Connectors(addresses.connect, patience=patience)
        self.pinot = Pinot(addresses.controller, addresses.broker, patience=patience)
        self.trino = Trino(addresses.trino, patience=patience)

    def describe(self, name: str, schema: str = "public") -> Table:
        """Return a table's description as PostgreSQL has it."""
        return describe(self.addresses.postgres, name, schema)

    def apply(self, table: Table, where: str | None = None) -> None:
        """Have the chain of a table, from PostgreSQL to the view; the same again changes nothing.

        Args:
            table: Its description.
            where: What limits the view, in SQL.

        Raises:
            PlatformError: A step failed, with what the server said; of what was not there before, nothing stays.
        """
        before = self.status(table.name)
        identity = self.prepare(table)
        try:
            self._apply_links(table, where)
        except PlatformError:
            if set(before.values()) == {"absent"}:
                self.remove(table.name)
                self._identify(table, identity)
            raise

    def _apply_links(self, table: Table, where: str | None) -> None:
        self.connectors.apply(artifacts.connector(table, self.peers))
        self.wait_for_topic(table)
        self.pinot.apply(artifacts.schema(table), artifacts.table(table, self.peers))
        self.apply_catalogs()
        self.trino.apply_view(statements.view_sql(table, where))
        self.trino.query(f"EXPLAIN (TYPE VALIDATE) TABLE hive.views.{quoted(table.name)}")

    def prepare(self, table: Table) -> str:
        """Have PostgreSQL log whole rows: without that, an update leaves out long values that it does not change.

        Returns:
            The replica identity before, as `pg_class.relreplident` spells it.
        """
        return self._identify(table, WHOLE_ROWS)

    def _identify(self, table: Table, identity: str) -> str:
        """Set a table's replica identity and return the former one; by an index (`i`) is not ours to set."""
        origin = sql.Identifier(table.schema, table.name)
        with psycopg.connect(self.addresses.postgres, autocommit=True) as connection:
            asked = "SELECT relreplident::text FROM pg_class WHERE oid = to_regclass(%s)"
            former = connection.execute(asked, [origin.as_string()]).fetchone()
            if former is None:
                raise BadInput(f"PostgreSQL has no table {table.schema}.{table.name}")
            if identity in IDENTITIES and identity != former[0]:
                words = sql.SQL(IDENTITIES[identity])
                connection.execute(sql.SQL("ALTER TABLE {} REPLICA IDENTITY {}").format(origin, words))
        return str(former[0])

    def resend(self, table: Table) -> int:
        """Have PostgreSQL log every row once more as it is now, and return how many: the view then has them all.

        For what never was in the stream: a new column's default in rows that were there before, events that a
        connector skipped. Each row is updated by itself, and locked for as long as the statement runs.
        """
        key = sql.Identifier(table.key[0])
        with psycopg.connect(self.addresses.postgres, autocommit=True) as connection:
            origin = sql.Identifier(table.schema, table.name)
            return connection.execute(sql.SQL("UPDATE {} SET {} = {}").format(origin, key, key)).rowcount

    def wait_for_topic(self, table: Table) -> None:
        """Wait until a table with rows has its topic: Pinot does not take a table whose topic is only being made."""
        with psycopg.connect(self.addresses.postgres) as connection:
            origin = sql.Identifier(table.schema, table.name)
            rows = connection.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(origin)).fetchone()
        if rows is not None:
            self.connectors.wait_for_topic(artifacts.connector(table, self.peers)["name"], table.name)

    def apply_catalogs(self) -> None:
        """Have both catalogs, and the schema of views."""
        self.trino.apply_catalog("pinot", "pinot", statements.pinot_catalog(self.peers))
        self.trino.apply_catalog("hive", "hive", statements.hive_catalog(self.peers))
        self.trino.apply_schema("hive.views", f"s3://{self.peers.bucket}/views/")

    def status(self, name: str) -> dict[str, str]:
        """Return the state of each link of a table's chain."""
        catalogs = {catalog for (catalog,) in self.trino.query("SHOW CATALOGS")}
        there = "hive" in catalogs and self.trino.view("hive", "views", name) is not None
        return {
            "connector": self.connectors.status(name),
            "pinot": self.pinot.status(in_pinot(name)),
            "view": "there" if there else "absent",
        }

    def verify(self, table: Table) -> Difference:
        """Compare the table in PostgreSQL with the view: by key and by content, row for row."""
        names = [column.name for column in (*table.key_columns(), *table.other_columns())]
        with psycopg.connect(self.addresses.postgres) as connection:
            columns = sql.SQL(", ").join(map(sql.Identifier, names))
            origin = sql.SQL("SELECT {} FROM {}").format(columns, sql.Identifier(table.schema, table.name))
            expected = connection.execute(origin).fetchall()
        seen = self.trino.query(f"SELECT {', '.join(map(quoted, names))} FROM hive.views.{quoted(table.name)}")  # noqa: S608  # names only
        there, shown = Counter(expected), Counter(seen)
        return Difference(list((there - shown).elements()), list((shown - there).elements()))

    def remove(self, name: str) -> None:
        """Have nothing of a table's chain; the table itself, the topic and the catalogs stay.

        A later chain begins with the topic's old messages: rows that were deleted in between, unseen by any connector,
        come back with them. Delete the topic too where that may be.
        """
        if ("hive",) in self.trino.query("SHOW CATALOGS"):
            self.trino.remove_view(f"hive.views.{quoted(name)}")
        self.pinot.remove(in_pinot(name))
        self.connectors.remove(name)
        with psycopg.connect(self.addresses.postgres, autocommit=True) as connection:
            slot = f"platform_{name}"
            connection.execute(
                "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s", [slot]
            )
            connection.execute(sql.SQL("DROP PUBLICATION IF EXISTS {}").format(sql.Identifier(slot)))
