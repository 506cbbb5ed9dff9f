"""The pipeline of a table from PostgreSQL to the Trino view: create it, show its state, verify it, remove it.

`Platform` is the entry point of the library: open this to see in which order the parts of a pipeline are created and
removed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from psycopg import sql

from .clients import Connectors, Pinot, Topics, Trino
from .clients.catalogs import all_catalogs
from .endpoints import authorities
from .errors import BadInput
from .operation import moving, recovery
from .operation.columns import require_same_encoding
from .operation.health import RECOVER, Health, health, require_slot
from .operation.ownership import require_ours
from .operation.table_set import TableSet
from .source.description import PUBLIC, Table, describe, in_pinot, pipeline, quoted, slot
from .source.postgres import connected, trusting
from .source.publication import Publication
from .stream import artifacts
from .stream.tiers import Tier
from .view import base, statements
from .view.base import Mark
from .view.compaction import Compacted, compact
from .view.verification import Difference, verify

REFERENCE = re.compile(r"\$\{[^{}:]+:[^{}]+\}")
"""The form of a reference that Kafka Connect's worker resolves: the name of a config provider and a key."""


@dataclass(frozen=True)
class Addresses:
    """Addresses at which this process reaches the services; `artifacts.Peers` has those for the services themselves.

    Those of HTTP servers are `http://HOST:PORT`, or `https://USER:PASSWORD@HOST`, where the port is 443 by default.

    Attributes:
        postgres: Connection string of PostgreSQL, such as `postgresql://USER@HOST/DATABASE?sslmode=verify-full`.
        connect: Endpoint of Kafka Connect.
        controller: Endpoint of Pinot's controller.
        broker: Endpoint of Pinot's broker.
        kafka: Host and port of a broker of Kafka; `SSL://` or `SASL_SSL://USER:PASSWORD@` before them for an encrypted
            listener.
        trino: Endpoint of Trino.
        ca: File of the authorities whose certificates this process trusts, in PEM. By default that of the environment
            variable `REQUESTS_CA_BUNDLE` or `SSL_CERT_FILE`, else each client's own.
    """

    postgres: str = "postgresql://postgres:postgres@localhost:5432/postgres"
    connect: str = "http://localhost:8083"
    controller: str = "http://localhost:9000"
    broker: str = "http://localhost:8099"
    trino: str = "http://localhost:8080"
    kafka: str = "localhost:9094"
    ca: str = ""


class Platform:
    """A client of all services of the platform.

    Args:
        addresses: Addresses at which this process reaches the services.
        peers: Addresses at which the services reach each other.
        patience: Timeout in seconds of each step.

    Raises:
        BadInput: An address is none, or a password is to be sent without encryption.
    """

    def __init__(self, addresses: Addresses, peers: artifacts.Peers | None = None, *, patience: float = 60) -> None:
        ca = authorities(addresses.ca)
        self.addresses = replace(addresses, postgres=trusting(addresses.postgres, ca), ca=ca)
        self.peers = peers or artifacts.Peers()
        self.patience = patience
        self.connectors = Connectors(addresses.connect, patience=patience, ca=ca)
        self.pinot = Pinot(addresses.controller, addresses.broker, patience=patience, ca=ca)
        self.trino = Trino(addresses.trino, patience=patience, ca=ca)

    def describe(
        self, name: str, schema: str = PUBLIC, *, columns: Collection[str] = (), as_text: Collection[str] = ()
    ) -> Table:
        """Read the definition of a table from PostgreSQL (`description.describe`)."""
        return describe(self.addresses.postgres, name, schema, columns=columns, as_text=as_text)

    def apply(self, table: Table, where: str | None = None) -> None:
        """Create or update the pipeline of a table, from connector to view; idempotent.

        When a step fails and no part of the pipeline existed before, everything that was created is removed again.

        Args:
            table: The table's definition.
            where: A condition that limits the view, in SQL.

        Raises:
            NotOurs: Somebody else made an object with a name of the pipeline; nothing was changed.
            PlatformError: A step failed; the error message includes that of the server.
            Refused: The replication slot has lost changes, or a column has another type than before; nothing was
                changed.
        """
        self.require_reference()
        require_ours(self, table.name, table.schema)
        require_slot(self, table.pipeline, RECOVER)
        self.pinot.check()
        before = self.status(table.name, table.schema)
        if before["view"] == "there":
            require_same_encoding(self, table)
        try:
            self.follow(table)
            self.trino.apply_view(self.view_sql(table, where))
            self.trino.query(f"EXPLAIN (TYPE VALIDATE) TABLE hive.views.{quoted(table.pipeline)}")
        except BaseException:
            if set(before.values()) == {"absent"}:
                self.remove(table.name, table.schema)
            raise

    def require_reference(self) -> None:
        """Check that the configuration of connectors has a reference to the password.

        Raises:
            BadInput: It would have the password itself.
        """
        if not REFERENCE.fullmatch(self.peers.password):
            raise BadInput(
                "a password in a connector's configuration can be read by anyone who reaches Kafka Connect: give a "
                "reference that a config provider of its worker resolves, such as ${env:POSTGRES_PASSWORD}"
            )

    def _publication(self, name: str) -> Publication:
        return Publication(self.addresses.postgres, slot(name))

    def compact(self, name: str, schema: str = PUBLIC) -> Compacted:
        """Fold the changes of a table into the base of its views (`compaction.compact`)."""
        return compact(self.trino, self.pinot, self.addresses.postgres, name, schema)

    def apply_tiers(self, name: str, tiers: Sequence[Tier], schema: str = PUBLIC) -> None:
        """Give the Pinot table of a pipeline these tiers and no others (`moving.apply_tiers`)."""
        moving.apply_tiers(self, name, schema, tiers)

    def rebalance(self, name: str, schema: str = PUBLIC) -> dict[str, str]:
        """Move each segment of a table to a server of its tier (`moving.rebalance`)."""
        return moving.rebalance(self, name, schema)

    def view_sql(self, table: Table, where: str | None = None, name: str = "") -> str:
        """Return the CREATE VIEW statement of a table, for the current state of its base (`statements.view_sql`).

        If no view of the table exists yet, an empty base is created first.
        """
        return statements.view_sql(table, self._mark(table), where, name)

    def _mark(self, table: Table) -> Mark:
        """Return which part of the changes the table's views read; without any view, create an empty base."""
        if views := base.readers(table.pipeline, self.trino.views("hive", "views")):
            return min(map(base.mark_of, views.values()))
        name = base.base(table.pipeline)
        self.trino.query(f"DROP TABLE IF EXISTS {name}")
        self.trino.query(base.create_sql(table))
        refs = f"{base.SCHEMA}.{quoted(f'{table.pipeline}$refs')}"
        [(snapshot,)] = self.trino.query(f"SELECT snapshot_id FROM {refs} WHERE name = 'main'")  # noqa: S608  # quoted
        return Mark(base.BEGINNING, snapshot)

    def recover(self, table: Table) -> None:
        """Follow a table anew whose replication slot was lost, and make its views as they were (`recovery.recover`)."""
        recovery.recover(self, table)

    def follow(self, table: Table) -> None:
        """Create or update all of a table's pipeline but its views; idempotent."""
        self._publication(table.pipeline).follow([table])
        self.connectors.apply(artifacts.connector(table, self.peers))
        self.wait_for_topic(table)
        self.pinot.apply(artifacts.schema(table), artifacts.table(table, self.peers))
        self.apply_catalogs()

    def resend(self, table: Table) -> int:
        """Emit a change event of every row, and return their number.

        Use it for values that were never in the stream: the default of a new column in existing rows, or events that a
        connector skipped. The statement sets a key column of each row to its own value, and locks the rows until it
        ends.
        """
        key = sql.Identifier(table.key[0])
        with connected(self.addresses.postgres) as connection:
            origin = sql.Identifier(table.schema, table.name)
            return connection.execute(sql.SQL("UPDATE {} SET {} = {}").format(origin, key, key)).rowcount

    def wait_for_topic(self, table: Table) -> None:
        """Wait until the topic of a table that has rows exists, since Pinot rejects a table whose topic is missing."""
        with connected(self.addresses.postgres) as connection:
            origin = sql.Identifier(table.schema, table.name)
            rows = connection.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(origin)).fetchone()
        if rows is not None:
            self.connectors.wait_for_topic(artifacts.connector(table, self.peers)["name"], table.pipeline)

    def apply_catalogs(self) -> None:
        """Create the Pinot, Hive and Iceberg catalogs and the schemas `hive.views` and `iceberg.base`; idempotent."""
        for name, properties in all_catalogs(self.peers).items():
            self.trino.apply_catalog(name, name, properties)
        self.trino.apply_schema("hive.views", f"s3://{self.peers.bucket}/views/")
        self.trino.apply_schema(base.SCHEMA, f"s3://{self.peers.bucket}/base/")

    def status(self, table: str, schema: str = PUBLIC) -> dict[str, str]:
        """Return the state of a table's connector, Pinot table and view, by the keys `connector`, `pinot`, `view`."""
        name = pipeline(table, schema)
        catalogs = {catalog for (catalog,) in self.trino.query("SHOW CATALOGS")}
        exists = "hive" in catalogs and self.trino.view("hive", "views", name) is not None
        return {
            "connector": self.connectors.status(name),
            "pinot": self.pinot.status(in_pinot(name)),
            "view": "there" if exists else "absent",
        }

    def table_set(self, name: str) -> TableSet:
        """Return the set of this name, whose tables share one connector and one replication slot."""
        return TableSet(self, name)

    def health(self, table: str, schema: str = PUBLIC) -> Health:
        """Return the lag of each hop of a table's pipeline, and which parts have stopped (`health.health`)."""
        return health(self, table, schema)

    def verify(self, table: Table) -> Difference:
        """Compare the table in PostgreSQL with the view, row by row (`verification.verify`)."""
        return verify(self.addresses.postgres, self.trino, table)

    def remove(self, name: str, schema: str = PUBLIC, *, topic: bool = False) -> None:
        """Remove the pipeline of a table; the table itself and the catalogs stay.

        The table need not exist any more. If it does, it gets back the replica identity that it had before.

        Without `topic`, a later `apply` reads the old messages of the topic again. In the view, the rows of its
        snapshot replace them, but a snapshot without rows replaces nothing: delete the topic if the table may be empty
        by then.

        Args:
            name: The table's name.
            schema: The table's schema.
            topic: Whether to delete the table's topic in Kafka, too, and the topic of its connector's heartbeats.

        Raises:
            NotOurs: Somebody else made an object with a name of the pipeline; nothing was changed.
        """
        require_ours(self, name, schema)
        if topic:
            self.topics().check()
        name = pipeline(name, schema)
        self.remove_views(name)
        self.pinot.remove(in_pinot(name))
        self.connectors.remove(name)
        self._publication(name).leave()
        if topic:
            self.topics().delete([name, artifacts.heartbeats(name)])

    def topics(self, *, patience: float | None = None) -> Topics:
        """Return a client of Kafka, which only `health` and the deletion of topics need."""
        return Topics(self.addresses.kafka, patience=patience or self.patience, ca=self.addresses.ca)

    def remove_views(self, name: str) -> None:
        """Remove all views of a pipeline, and the base that they read."""
        catalogs = self.trino.query("SHOW CATALOGS")
        if ("hive",) in catalogs:
            for view in base.readers(name, self.trino.views("hive", "views")):
                self.trino.remove_view(f"hive.views.{quoted(view)}")
        if ("iceberg",) in catalogs:
            self.trino.query(f"DROP TABLE IF EXISTS {base.base(name)}")
