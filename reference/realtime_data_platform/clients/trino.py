"""Create catalogs, schemas and views in Trino, and run queries, with retries that never run a statement twice.

Read this to see which errors of Trino are retried, and for how long its caches may hide a new table.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from trino.auth import BasicAuthentication
from trino.dbapi import connect
from trino.exceptions import Error as TrinoError
from trino.exceptions import HttpError, TrinoDataError, TrinoQueryError

from reference.realtime_data_platform.endpoints import HTTPAddress
from reference.realtime_data_platform.errors import NotFound, Refused, Unreachable
from reference.realtime_data_platform.source.description import quoted

from .catalogs import catalog_sql
from .encryption import not_accepted, why_not_secure
from .retry import retry

STALE = 10
"""Seconds for which Trino may not know a new Pinot table: ten times the catalog's `pinot.metadata-expiry`."""

STALE_COLUMNS = 3
"""Seconds for which Trino may still have the columns of a removed table of the same name."""


class _NotAccepted(Unreachable):
    """Trino never accepted the statement, which can be sent again."""


class _TableNotFound(NotFound):
    """The statement names a catalog or table that Trino does not know, or does not know yet."""


KINDS: Mapping[str, type[Refused]] = {
    "NOT_FOUND": _TableNotFound,
    "TABLE_NOT_FOUND": _TableNotFound,
    "COLUMN_NOT_FOUND": NotFound,
}
"""The error class for an error of Trino, by its name in Trino; every other one is `Refused`."""


class _Session(requests.Session):
    """A session whose authorities `REQUESTS_CA_BUNDLE` does not replace."""

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        verify = self.verify if verify is None else verify
        return super().merge_environment_settings(url, proxies, stream, verify, cert)


class Trino:
    """A Trino cluster.

    Args:
        url: Its endpoint: `http://HOST:PORT`, or `https://USER:PASSWORD@HOST`, whose port is 443.
        user: User name of the queries, where the URL names none.
        patience: Timeout in seconds for an answer.
        ca: File of the authorities whose certificates are trusted; empty for those of `requests`.

    Raises:
        BadInput: The URL is not an HTTP address, or a password is to be sent without encryption.
    """

    def __init__(self, url: str, *, user: str = "platform", patience: float = 30, ca: str = "") -> None:
        address = HTTPAddress.of(url, "Trino")
        where = urlsplit(address.url)
        self._url, self._ca, self._patience = address.url, ca, patience
        self._where = {
            "host": where.hostname,
            "port": where.port or (443 if where.scheme == "https" else 8080),
            "http_scheme": where.scheme,
            "user": address.user or user,
            "auth": BasicAuthentication(address.user, address.password) if address.password else None,
        }

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows; a statement that Trino accepted is never sent again.

        Raises:
            NotFound: The statement names a catalog, table or column that Trino does not know.
            NotSecure: The connection cannot be encrypted as the address says.
            Refused: Trino failed the statement, or does not accept the user; the message is Trino's.
            Unreachable: Trino does not answer within the timeout, or the connection broke while the statement ran.
        """
        return retry(lambda: list(self._rows(sql)), _NotAccepted, within=self._patience)

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Run a statement and yield its rows as Trino sends them; use it for results that do not fit into memory.

        Raises:
            Refused: As in `query`; the rows that were yielded before are then incomplete.
            Unreachable: Trino does not answer, or the connection broke while the statement ran.
        """
        return self._rows(sql)

    def _rows(self, sql: str) -> Generator[tuple[Any, ...]]:
        session = _Session()
        session.verify = self._ca or True
        connection = connect(
            **self._where, request_timeout=self._patience, max_attempts=1, http_session=session, verify=session.verify
        )
        cursor = connection.cursor()
        try:
            cursor.execute(sql)
            while row := cursor.fetchone():
                yield tuple(row)
        except TrinoQueryError as error:
            message = f"{error.error_name}: {error.message}"
            if error.error_name == "SERVER_STARTING_UP":
                raise _NotAccepted(f"Trino does not answer yet: {message}") from error
            raise KINDS.get(str(error.error_name), Refused)(f"Trino refused: {message}") from error
        except TrinoDataError as error:
            raise Refused(f"Python cannot represent a value, cast its column to varchar: {error}") from error
        except (TrinoError, HttpError, OSError) as error:
            if cursor.query_id is None:
                if reason := why_not_secure(error, "Trino", self._url):
                    raise reason from error
                if str(error).startswith("error 401"):
                    user = str(self._where["user"]) if self._where["auth"] else ""
                    raise Refused(not_accepted("Trino", self._url, user)) from error
                raise _NotAccepted(f"Trino does not answer at {self._where['host']}: {error}") from error
            raise Unreachable(
                f"Trino stopped answering while the statement ran, which may have taken effect: {error}"
            ) from error
        finally:
            connection.close()

    def apply_catalog(self, name: str, connector: str, properties: Mapping[str, str]) -> None:
        """Create a catalog and check that its server answers; an existing catalog is left as it is.

        Trino does not show the properties of a catalog. To change them, call `remove_catalog` first.

        Raises:
            Refused: A property is wrong, or the catalog's server does not answer; the catalog is removed again.
        """
        if (name,) in self.query("SHOW CATALOGS"):
            return
        self.query(catalog_sql(name, connector, properties))
        try:
            schemas = [
                schema for (schema,) in self.query(f"SHOW SCHEMAS FROM {name}") if schema != "information_schema"
            ]
            # Pinot's connector lists its one schema without asking the server: list the tables too.
            for schema in schemas[:1]:
                self.query(f"SHOW TABLES FROM {name}.{quoted(schema)}")
        except Refused as error:
            self.remove_catalog(name)
            raise Refused(f"catalog {name} does not reach its server: {error}") from error

    def remove_catalog(self, name: str) -> None:
        """Remove a catalog; idempotent."""
        if (name,) in self.query("SHOW CATALOGS"):
            self.query(f"DROP CATALOG {name}")

    def apply_schema(self, name: str, location: str) -> None:
        """Create a schema if it does not exist.

        Args:
            name: `CATALOG.SCHEMA`.
            location: URI of its files, such as `s3://lake/views/`.
        """
        self.query(f"CREATE SCHEMA IF NOT EXISTS {name} WITH (location = '{location}')")

    def apply_view(self, sql: str) -> None:
        """Create or replace a view by one statement, `CREATE OR REPLACE VIEW ...`.

        Trino's Pinot connector caches metadata, so that a new table may be unknown for some seconds, even after another
        statement has found it. The statement is therefore retried for up to `STALE` seconds, or for `STALE_COLUMNS`
        seconds if Trino finds the table but not one of its columns.

        Raises:
            NotFound: The view names a table or column that does not exist; an existing view is unchanged.
            Refused: The statement is wrong in another way; an existing view is unchanged.
        """

        def create() -> None:
            retry(lambda: self.query(sql), NotFound, within=min(self._patience, STALE_COLUMNS))

        retry(create, _TableNotFound, within=min(self._patience, STALE))

    def view(self, catalog: str, schema: str, name: str) -> str | None:
        """Return the definition of a view, or None when it does not exist."""
        rows = self.query(
            f"SELECT view_definition FROM {catalog}.information_schema.views "  # noqa: S608  # validated names
            f"WHERE table_schema = '{schema}' AND table_name = '{name}'"
        )
        return str(rows[0][0]) if rows else None

    def relations(self, catalog: str, schema: str) -> set[str]:
        """Return the names of all tables and views of a schema."""
        rows = self.query(
            f"SELECT table_name FROM {catalog}.information_schema.tables WHERE table_schema = '{schema}'"  # noqa: S608  # validated names
        )
        return {str(name) for (name,) in rows}

    def tables(self, catalog: str, schema: str) -> dict[str, set[str]]:
        """Return the names of the columns of every table and view of a schema, by the name of the table or view."""
        found: dict[str, set[str]] = {}
        for name, column in self.query(
            f"SELECT table_name, column_name FROM {catalog}.information_schema.columns "  # noqa: S608  # validated names
            f"WHERE table_schema = '{schema}'"
        ):
            found.setdefault(str(name), set()).add(str(column))
        return found

    def columns(self, catalog: str, schema: str, name: str) -> dict[str, str]:
        """Return the type of each column of a table or view by its name, none where there is none of this name."""
        rows = self.query(
            f"SELECT column_name, data_type FROM {catalog}.information_schema.columns "  # noqa: S608  # validated names
            f"WHERE table_schema = '{schema}' AND table_name = '{name}'"
        )
        return {str(column): re.sub(r",(?=\S)", ", ", str(kind)) for column, kind in rows}

    def views(self, catalog: str, schema: str) -> dict[str, str]:
        """Return the definitions of all views of a schema by name."""
        rows = self.query(
            f"SELECT table_name, view_definition FROM {catalog}.information_schema.views "  # noqa: S608  # validated names
            f"WHERE table_schema = '{schema}'"
        )
        return {str(name): str(definition) for name, definition in rows}

    def remove_view(self, name: str) -> None:
        """Remove the view `CATALOG.SCHEMA.VIEW`; idempotent."""
        self.query(f"DROP VIEW IF EXISTS {name}")
