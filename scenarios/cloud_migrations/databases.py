"""Empty databases for tests, seen without yoyo and without the library."""

from urllib.parse import urlsplit

import psycopg
import pymysql

OURS = ("_yoyo", "yoyo_", "_cloud_migration")


EMPTY = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND datname = current_database() AND pid <> pg_backend_pid();
SET client_min_messages = warning;
DROP SCHEMA public CASCADE;
CREATE SCHEMA public;
"""


class Postgres:
    """An emptied database of a running server: creating and dropping one takes longer than most tests.

    Args:
        server: URL of the server, with another database of it.
        name: Its name in reports.
        number: Number of the database among those for tests.
    """

    def __init__(self, server, name, number):
        self.name = name
        database = f"test_{number}"
        self.url = server.rpartition("/")[0] + f"/{database}"
        with psycopg.connect(server, autocommit=True) as connection:
            if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [database]).fetchall():
                connection.execute(f"CREATE DATABASE {database}")
        self.connection = psycopg.connect(self.url, autocommit=True)
        self.connection.execute(EMPTY)

    def rows(self, query):
        return self.connection.execute(query).fetchall()

    def tables(self):
        """Return the names of all tables, yoyo's and the library's left out."""
        return [name for name in self.all_tables() if not name.startswith(OURS)]

    def all_tables(self):
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        return [name for (name,) in self.rows(query)]

    def columns(self, table):
        query = f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}' ORDER BY 1"
        return [name for (name,) in self.rows(query)]

    def applied(self):
        """Return the ids that yoyo's table holds, in order."""
        return [name for (name,) in self.rows("SELECT migration_id FROM _yoyo_migration ORDER BY migration_id")]

    def waiting(self):
        """Return how many sessions wait for a lock."""
        query = """SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()"""
        return self.rows(query)[0][0]

    def close(self):
        self.connection.close()


class MariaDB:
    """The database of a running server, emptied.

    Args:
        url: Its URL.
    """

    name = "mariadb"

    def __init__(self, url):
        self.url = url
        parts = urlsplit(url)
        self.connection = pymysql.connect(
            host=parts.hostname,
            port=parts.port,
            user=parts.username,
            password=parts.password,
            database=parts.path[1:],
            autocommit=True,
        )
        for name in self.all_tables():
            self.rows(f"DROP TABLE `{name}`")

    def rows(self, query):
        with self.connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    def tables(self):
        return [name for name in self.all_tables() if not name.startswith(OURS)]

    def all_tables(self):
        return [name for (name,) in self.rows("SHOW TABLES")]

    def applied(self):
        return [name for (name,) in self.rows("SELECT migration_id FROM _yoyo_migration ORDER BY migration_id")]

    def close(self):
        self.connection.close()
