"""The table over two servers, set up and used in the published way or in the corrected one."""

import json

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from reference.foreign_partitions.access.outbox import Outbox
from reference.foreign_partitions.access.rows import Rows
from reference.foreign_partitions.deploy.deployment import Deployment
from reference.foreign_partitions.description import Column, Description, Endpoint, Partition, Secret, Server, Table
from scenarios.foreign_partitions import published

# Which partition PostgreSQL's hash of a bigint sends each quarter to.
BELONGS = {1: "person_0", 2: "person_2", 3: "person_1", 4: "person_3"}
PERSON = {"name": "Ada", "address": "12 St James's Square", "customer_id": published.CUSTOMER_ID}
INSERT = "INSERT INTO person ({}) VALUES ({})"
EMPTY = """
DROP EXTENSION IF EXISTS postgres_fdw CASCADE;
DROP SCHEMA public CASCADE;
CREATE SCHEMA public;
ALTER DATABASE postgres RESET ALL
"""
LEAVES = "SELECT tableoid::regclass::text, count(*) FROM person GROUP BY 1 ORDER BY 1"


def endpoint(running, address):
    login = conninfo_to_dict(running.url)
    return Endpoint(address.host, address.port, login["dbname"], login["user"], Secret(login["password"]))


def describe(first, second, **options):
    """Return the document's table as a description: two partitions beside the base, two on the second server."""
    reached = second.address()
    server = Server(
        published.SERVER, endpoint(second, second.peer_address("sql")), reached=(reached.host, reached.port), **options
    )
    return Description(
        base=endpoint(first, first.address()),
        table=Table(
            "person",
            {
                "id": Column("bigint"),
                "quarter": Column("bigint"),
                "name": Column("text"),
                "address": Column("text"),
                "customer_id": Column("text"),
            },
            hash="quarter",
            identity="id",
            key=("id",),
        ),
        partitions=[
            Partition("person_0"),
            Partition("person_1"),
            Partition("person_2", published.SERVER),
            Partition("person_3", published.SERVER),
        ],
        servers=[server],
    )


def written(described, path):
    """Write a description of the document's table as JSON, with its passwords in the variable PASSWORD."""

    def endpoint(said):
        facts = {name: getattr(said, name) for name in ("host", "port", "database", "user", "tls")}
        return {**facts, "password_environment": "PASSWORD"}

    servers = {}
    for server in described.servers:
        reached = dict(zip(("host", "port"), server.reached, strict=True))
        servers[server.name] = {**endpoint(server.endpoint), "reached": reached, "settings": server.settings}
    whole = {
        "base": endpoint(described.base),
        "table": {
            "name": described.table.name,
            "columns": {name: column.type for name, column in described.table.columns.items()},
            "hash": described.table.hash,
            "identity": described.table.identity,
            "key": described.table.key,
        },
        "servers": servers,
        "partitions": [{k: v for k, v in vars(each).items() if v is not None} for each in described.partitions],
    }
    path.write_text(json.dumps(whole))
    return path


class Way:
    """The base class of both ways: connections to both servers, each statement a transaction.

    Attributes:
        first: A connection to the server that applications use.
        second: A connection to the other server, without the first in between.
    """

    def __init__(self, first, second):
        self._urls = first.url, second.url
        self.description = describe(first, second)
        self.first, self.second = self.connect(), psycopg.connect(second.url, autocommit=True)

    def connect(self):
        return psycopg.connect(self._urls[0], autocommit=True)

    def connect_again(self):
        self.first.close()
        self.first = self.connect()

    def rows(self, query, *parameters):
        return self.first.execute(query, parameters).fetchall()

    def leaves(self):
        """Return the number of rows of each leaf that has rows."""
        return dict(self.rows(LEAVES))

    def misplaced(self):
        """Return the number of rows in each leaf that violate its bound, as PostgreSQL itself checks it."""
        return {
            leaf: self.rows(
                # Materialized, or the question is sent to a server that knows no such base table.
                f"""WITH keys AS MATERIALIZED (SELECT quarter FROM {leaf}) SELECT count(*) FROM keys
                WHERE NOT satisfies_hash_partition('person'::regclass, 4, {remainder}, quarter)"""
            )[0][0]
            for remainder, leaf in enumerate(("person_0", "person_1", "person_2", "person_3"))
        }

    def close(self):
        self.first.close()
        self.second.close()


class Published(Way):
    """The table as published; an application writes to it as to any other."""

    def __init__(self, first, second):
        super().__init__(first, second)
        peer = second.peer_address("sql")
        self.first.execute(published.EXTENSION)
        server = sql.SQL(published.FOREIGN_SERVER).format(sql.Literal(peer.host), sql.Literal(str(peer.port)))
        self.first.execute(server)
        password = endpoint(second, peer).password.revealed
        self.first.execute(sql.SQL(published.USER_MAPPING).format(sql.Literal(password)))
        for statement in (published.BASE, *published.LOCAL):
            self.first.execute(statement)
        for statement in published.REMOTE:
            self.second.execute(statement)
        for statement in published.FOREIGN:
            self.first.execute(statement)

    def insert_again(self, row):
        """Do what a client does that got no answer."""
        self.first.execute(INSERT.format(", ".join(row), ", ".join(["%s"] * len(row))), list(row.values()))

    def move(self, person, *, quarter, to):
        return self.first.execute(
            "UPDATE person SET quarter = %s WHERE id = %s AND quarter = %s", [to, person, quarter]
        ).rowcount

    def move_every_row(self):
        """Move each row to the next quarter, in one statement.

        The condition keeps the statement from being sent to the other server as it stands, so that local rows would
        have to move there.
        """
        self.first.execute("UPDATE person SET quarter = quarter + 1 WHERE random() < 2")

    def lookup(self, person, quarter):
        return "SELECT * FROM person WHERE id = %s", [person]

    def write_together(self, connection, rows):
        """Insert rows that belong together in one transaction."""
        with connection.transaction():
            for row in rows:
                connection.execute(INSERT.format(", ".join(row), ", ".join(["%s"] * len(row))), list(row.values()))

    def recover(self, connection):
        """Do nothing: the published way knows nothing of a transaction that was interrupted."""

    UNIT = (1, 2, 2)  # quarters of rows that are written together: on both servers


class Corrected(Way):
    """The table as the library creates it, written and read by the library."""

    def __init__(self, first, second):
        super().__init__(first, second)
        with Deployment(self.description) as deployment:
            deployment.apply()
        self.connect_again()  # the settings of the database are those of new connections
        Outbox(self.first, self.description).create()

    def insert_again(self, row):
        Rows(self.first, self.description).insert(row)

    def move(self, person, *, quarter, to):
        return Rows(self.first, self.description).move(to, id=person, quarter=quarter)

    def move_every_row(self):
        """Move each row to the next quarter, one after the other."""
        for person, quarter in self.rows("SELECT id, quarter FROM person ORDER BY quarter DESC"):
            self.move(person, quarter=quarter, to=quarter + 1)

    def lookup(self, person, quarter):
        return Rows(self.first, self.description).lookup(id=person, quarter=quarter)

    def write_together(self, connection, rows):
        outbox = Outbox(connection, self.description)
        outbox.put(rows)
        outbox.deliver()

    def recover(self, connection):
        Outbox(connection, self.description).deliver()

    UNIT = (2, 2, 2)  # one partition a transaction


WAYS = {"published": Published, "corrected": Corrected}
