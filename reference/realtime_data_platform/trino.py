"""Catalogs, schemas, views and queries, by Trino's client."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from trino.dbapi import connect
from trino.exceptions import Error as TrinoError
from trino.exceptions import TrinoConnectionError, TrinoQueryError

from .artifacts import catalog_sql
from .errors import BadInput, Refused, Unreachable

PAUSE = 0.2


class Trino:
    """A Trino cluster.

    Args:
        url: Its endpoint.
        user: Who asks.
        patience: Seconds within which it must answer.
    """

    def __init__(self, url: str, *, user: str = "platform", patience: float = 30) -> None:
        where = urlsplit(url)
        if where.hostname is None:
            raise BadInput(f"{url!r} is no address of Trino: http://HOST:PORT")
        self._where = {"host": where.hostname, "port": where.port or 8080, "http_scheme": where.scheme, "user": user}
        self._patience = patience

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement.

        Raises:
            Refused: Trino said no, in its words.
            Unreachable: It does not answer within the bound.
        """
        until = time.monotonic() + self._patience
        while True:
            connection = connect(**self._where, request_timeout=self._patience, max_attempts=1)
            try:
                cursor = connection.cursor()
                cursor.execute(sql)
                return [tuple(row) for row in cursor.fetchall()]
            except TrinoQueryError as error:
                raise Refused(f"Trino refused: {error.error_name}: {error.message}") from error
            except (TrinoConnectionError, TrinoError, OSError) as error:
                if time.monotonic() > until:
                    raise Unreachable(f"Trino does not answer at {self._where['host']}: {error}") from error
                time.sleep(PAUSE)
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
            for (schema,) in self.query(f"SHOW SCHEMAS FROM {name}"):
                if schema != "information_schema":
                    self.query(f"SHOW TABLES FROM {name}.{schema}")
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

        Raises:
            Refused: It names a table or a column that is not there; the former view stays.
        """
        self.query(sql)

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
