"""The customers' databases: created anew with the document's table, and queried directly, without any service."""

import psycopg
import pymysql

from scenarios.customer_sharding import published

USER, PASSWORD = "app", "app-password"

# Sessions of killed clients may still hold locks on what is to be dropped.
EMPTY = f"""
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND datname = current_database() AND pid <> pg_backend_pid();
SET client_min_messages = warning;
DROP SCHEMA public CASCADE;
CREATE SCHEMA public;
DO $$BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{USER}') THEN
    CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}';
  END IF;
END$$;
GRANT USAGE ON SCHEMA public TO {USER};
-- So that a migration need not grant anything.
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {USER};
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO {USER};
"""


class Database:
    """A customers' database in a running server, empty except for the table `person`; queried as its owner.

    Attributes:
        running: The running server, with the faults that can be injected.
        flavor: `postgres` or `mysql`.
        owner: Credentials of the table's owner, by the document's names; a superuser on PostgreSQL.
        user: Credentials of a user who may read and write rows.
    """

    flavor = "postgres"

    def __init__(self, running):
        self.running = running
        service, address = running.service, running.address()
        where = {"host": address.host, "port": address.port, "database": service.database, "flavor": self.flavor}
        self.owner = {**where, "user": service.user, "password": service.password}
        self.user = {**self.owner, "user": USER, "password": PASSWORD}
        self.connection = self._connect()
        self._make()

    @property
    def url(self):
        return self.running.url

    def rows(self, query, *parameters):
        return self.connection.execute(query, parameters).fetchall()

    def customers(self):
        """Return the number of rows of each customer."""
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT customer_id, count(*) FROM person GROUP BY customer_id ORDER BY customer_id")
            return dict(cursor.fetchall())

    def sessions(self):
        """Return the number of connections that clients have made since the server was created, including this one."""
        return self.rows("SELECT sessions FROM pg_stat_database WHERE datname = current_database()")[0][0]

    def clients(self):
        """Return program name, state and query of each connected client, except this one."""
        return self.rows(
            """SELECT application_name, state, query FROM pg_stat_activity
            WHERE backend_type = 'client backend' AND datname = current_database() AND pid <> pg_backend_pid()"""
        )

    def version(self):
        """Return the version that the server reports."""
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT version()")
            return cursor.fetchone()[0]

    def close(self):
        self.connection.close()

    def _connect(self):
        return psycopg.connect(self.url, autocommit=True)

    def _make(self):
        self.connection.execute(EMPTY)
        self.connection.execute(published.TABLE)


class MySQL(Database):
    """A customers' database in MariaDB, whose single user owns the database and is no superuser."""

    flavor = "mysql"

    def _connect(self):
        self.user = self.owner
        entry = {name: self.owner[name] for name in ("host", "port", "user", "password", "database")}
        return pymysql.connect(**entry, autocommit=True)

    def _make(self):
        with self.connection.cursor() as cursor:
            cursor.execute("SHOW TABLES")
            for (name,) in cursor.fetchall():
                cursor.execute(f"DROP TABLE {name}")
            # As published, where `BIGSERIAL` is BIGINT UNSIGNED AUTO_INCREMENT.
            cursor.execute(published.TABLE.replace("BIGSERIAL", "BIGINT UNSIGNED NOT NULL AUTO_INCREMENT"))
