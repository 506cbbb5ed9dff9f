"""Two databases in one MariaDB server, between which customers move; their collation equates `acme` and `Acme`."""

import contextlib

import pymysql

from reference.customer_sharding.guard import OWN_TABLES

NAMES = ("here", "there")
# Keys begin with the customer, since both databases give out the same numbers.
TABLES = """
CREATE TABLE person (customer_id varchar(64) NOT NULL, id bigint unsigned NOT NULL AUTO_INCREMENT,
    name varchar(99), address varchar(99), PRIMARY KEY (customer_id, id), KEY (id));
CREATE TABLE reading (customer_id varchar(64) NOT NULL, number bigint NOT NULL, person bigint unsigned,
    price decimal(30, 10), ratio double, part float, taken datetime(6), noted timestamp(6) NULL, day date,
    lasted time(6), year year,
    kind enum('a', 'b'), flags set('x', 'y'), bits bit(9), small tinyint(1), note text, content longblob,
    facts json, code char(5), doubled bigint GENERATED ALWAYS AS (number * 2) STORED,
    PRIMARY KEY (customer_id, number), FOREIGN KEY (customer_id, person) REFERENCES person (customer_id, id));
CREATE TABLE ticket (code varchar(64) NOT NULL PRIMARY KEY, seat varchar(64) UNIQUE, customer_id varchar(64) NOT NULL)
"""


class MariaDatabase:
    """One of the databases: its owner's and its applications' credentials, by the document's names.

    Args:
        running: The running server.
        name: Name of the database, which is created anew.
    """

    flavor = "mysql"

    def __init__(self, running, name):
        address = running.address()
        self._root = {"host": address.host, "port": address.port, "user": "root", "password": running.service.password}
        self.name = name
        self._sessions = {}
        with pymysql.connect(**self._root, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name}")
            cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
            for user, rights in (("owner", "ALL"), ("app", "SELECT, INSERT, UPDATE, DELETE")):
                cursor.execute(f"CREATE USER IF NOT EXISTS {user} IDENTIFIED BY '{user}-password'")
                cursor.execute(f"GRANT {rights} ON {name}.* TO {user}")
        where = {"host": address.host, "port": address.port, "database": name, "flavor": "mysql"}
        self.owner = {**where, "user": "owner", "password": "owner-password"}
        self.user = {**where, "user": "app", "password": "app-password"}
        for statement in TABLES.split(";"):
            self.execute(statement)
        self._tables = self._names()

    def _names(self):
        found = self.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()")
        return [name for (name,) in found]

    def empty(self):
        """Delete all rows, and the tables that a test has added."""
        for name in self._names():
            if name not in self._tables and not name.startswith("sharding_"):
                self.execute(f"DROP TABLE {name}")
        self.execute("SET @sharding_mover = 1")
        for name in reversed(("person", "reading", "ticket", *OWN_TABLES)):
            self.execute(f"DELETE FROM {name}")
        self.execute("SET @sharding_mover = 0")

    def execute(self, statement, *values, user="owner"):
        """Execute a statement in a session of a user, and return its rows."""
        if user not in self._sessions:
            self._sessions[user] = pymysql.connect(
                host=self._root["host"], port=self._root["port"], user=user, password=f"{user}-password",
                database=self.name, autocommit=True, charset="utf8mb4",
            )  # fmt: skip
        with self._sessions[user].cursor() as cursor:
            cursor.execute(statement, values or None)
            return list(cursor.fetchall())

    @contextlib.contextmanager
    def server_defaults(self, **settings):
        """Give the server other defaults for the settings of new sessions, for the duration of a block."""
        with contextlib.closing(pymysql.connect(**self._root)) as connection, connection.cursor() as cursor:
            before = {}
            for name, value in settings.items():
                cursor.execute(f"SELECT @@GLOBAL.{name}")
                (before[name],) = cursor.fetchone()
                cursor.execute(f"SET GLOBAL {name} = %s", [value])
            try:
                yield
            finally:
                for name, value in before.items():
                    cursor.execute(f"SET GLOBAL {name} = %s", [value])

    def close(self):
        """End its sessions."""
        for session in self._sessions.values():
            session.close()

    def customers(self, table="person"):
        """Return the number of rows of each customer, compared byte by byte."""
        query = f"SELECT MIN(customer_id), count(*) FROM {table} GROUP BY BINARY customer_id"
        return dict(self.execute(query))
