"""Catalogs, schemas, views and queries, by Trino's client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from trino.dbapi import connect
from trino.exceptions import Error as TrinoError
from trino.exceptions import HttpError, TrinoQueryError

from .description import quoted
from .errors import BadInput, NotFound, Refused, Unreachable
from .patience import through
from .statements import catalog_sql

STALE = 10
"""Seconds within which Trino must know what Pinot has: ten times `pinot.metadata-expiry` of our catalog."""


class _NotTaken(Unreachable):
    """A statement that Trino never took: it can be sent again."""


class Trino:
    """A Trino cluster.

    Args:
        url: Its endpoint.
        user: Who asks.
        patience: Seconds within which it must answer.

    Raises:
        BadInput: That is no address.
    """

    def __init__(self, url: str, *, user: str = "platform", patience: float = 30) -> None:
        where = urlsplit(url)
        if where.hostname is None:
            raise BadInput(f"{url!r} is no address of Trino: http://HOST:PORT")
        self._where = {"host": where.hostname, "port": where.port or 8080, "http_scheme": where.scheme, "user": user}
        self._patience = patience

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement; one that Trino took is not sent a second time.

        Raises:
            NotFound: It names a catalog's table or column that Trino does not know.
            Refused: Trino said no, in its words.
            Unreachable: It does not answer within the bound, or no more while the statement ran.
        """
        return through(lambda: self._rows(sql), _NotTaken, within=self._patience)

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        connection = connect(**self._where, request_timeout=self._patience, max_attempts=1)
        cursor = connection.cursor()
        try:
            cursor.execute(sql)
            return [tuple(row) for row in cursor.fetchall()]
        except TrinoQueryError as error:
            said = f"{error.error_name}: {error.message}"
            if error.error_name == "SERVER_STARTING_UP":
                raise _NotTaken(f"Trino does not answer yet: {said}") from error
            unknown = error.error_name in {"NOT_FOUND", "TABLE_NOT_FOUND", "COLUMN_NOT_FOUND"}
            raise (NotFound if unknown else Refused)(f"Trino refused: {said}") from error
        except (TrinoError, HttpError, OSError) as error:
            if cursor.query_id is None:
                raise _NotTaken(f"Trino does not answer at {self._where['host']}: {error}") from error
            raise Unreachable(f"Trino went while the statement ran, which may have taken effect: {error}") from error
        finally:
            connection.close()

    def apply_catalog(self, name: str, connector: str, properties: Mapping[str, str]) -> None:
        """Have a catalog that reaches what it points to; one that is there is taken as it is.

        Trino tells nobody a catalog's properties: to change them, `remove_catalog` first.

        Raises:
            Refused: The properties are wrong, or lead nowhere; the catalog is then removed again.
        """
        if (name,) in self.query("SHOW CATALOGS"):
            return
        self.query(catalog_sql(name, connector, properties))
        try:
            schemas = [
                schema for (schema,) in self.query(f"SHOW SCHEMAS FROM {name}") if schema != "information_schema"
            ]
            # Pinot's connector knows its one schema by itself: only a look into it asks the server.
            for schema in schemas[:1]:
                self.query(f"SHOW TABLES FROM {name}.{quoted(schema)}")
        except Refused as error:
            self.remove_catalog(name)
            raise Refused(f"catalog {name} leads nowhere: {error}") from error

    def remove_catalog(self, name: str) -> None:
        """Have no such catalog."""
        if (name,) in self.query("SHOW CATALOGS"):
            self.query(f"DROP CATALOG {name}")

    def apply_schema(self, name: str, location: str) -> None:
        """Have the schema `catalog.schema` at a location."""
        self.query(f"CREATE SCHEMA IF NOT EXISTS {name} WITH (location = '{location}')")

    def apply_view(self, sql: str) -> None:
        """Have this view: one statement, `CREATE OR REPLACE VIEW ...`.

        Trino's Pinot connector answers from what it knew, and only then asks Pinot anew: a table that is new there may
        be unknown at first, also after another statement found it.

        Raises:
            NotFound: It names a table or a column that is not there; the former view stays.
            Refused: It is wrong in another way; the former view stays.
        """
        through(lambda: self.query(sql), NotFound, within=min(self._patience, STALE))

    def view(self, catalog: str, schema: str, name: str) -> str | None:
        """Return a view's definition, None where there is none."""
        rows = self.query(
            f"SELECT view_definition FROM {catalog}.information_schema.views "  # noqa: S608  # names, no values
            f"WHERE table_schema = '{schema}' AND table_name = '{name}'"
        )
        return str(rows[0][0]) if rows else None

    def remove_view(self, name: str) -> None:
        """Have no view `catalog.schema.view`."""
        self.query(f"DROP VIEW IF EXISTS {name}")
