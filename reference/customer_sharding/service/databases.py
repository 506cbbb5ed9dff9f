"""The registered databases, in the meta database.

Open it to see what is checked when a database is registered. `customer-sharding register`, `prepare` and `databases`
call it, and so does the service.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reference.customer_sharding.credentials import Credentials, Flavor
from reference.customer_sharding.errors import BadInput, Conflict, UnknownDatabase
from reference.customer_sharding.identifiers import customer_id
from reference.customer_sharding.move.preparing import check_credentials
from reference.customer_sharding.move.side import Side

from .meta import Meta


@dataclass(frozen=True)
class Registered:
    """A registered database.

    Attributes:
        name: Name of the database in the sharding service.
        number: Number of the database's id range.
        credentials: Login for applications.
        admin: Login of the tables' owner, which applications never get.
        identifier_field: The column that names the customer.
        customers: Number of customers placed in it.
        ready: Whether it is prepared and accepts customers.
        row_security: Whether it restricts applications' sessions to their customer's rows.
    """

    name: str
    number: int
    credentials: Credentials
    admin: Credentials
    identifier_field: str
    customers: int
    ready: bool
    row_security: bool = False

    def public(self) -> dict[str, Any]:
        """Return the fields without users and passwords."""
        where = {"host": self.credentials.host, "port": self.credentials.port, "database": self.credentials.database}
        flavor = str(self.credentials.flavor)
        state = {"customers": self.customers, "ready": self.ready, "row_security": self.row_security}
        return {"name": self.name, **where, "flavor": flavor, **state}


class Databases:
    """Registers, prepares and finds databases."""

    def __init__(self, meta: Meta) -> None:
        self._meta = meta

    def register(
        self,
        name: str,
        credentials: Credentials,
        *,
        admin: Credentials | None = None,
        identifier_field: str = "customer_id",
        allow_superuser: bool = False,
        row_security: bool = False,
    ) -> Sequence[str]:
        """Register a database and prepare it: see `guard` and `side.Side.prepare`. Idempotent.

        Args:
            name: Name of the database in the sharding service.
            credentials: Login for applications: a user who may read and write rows, and is not a superuser.
            admin: Login of the tables' owner, for preparing and moving; by default `credentials`.
            identifier_field: The column that names the customer.
            allow_superuser: Whether to accept a superuser's login for applications.
            row_security: Whether the database itself restricts applications' sessions to their customer's rows. Once
                true, it stays true for this database.

        Returns:
            The names of the customers' tables.

        Raises:
            BadInput: The applications' user is a superuser, `admin` is for another database, or row security is
                impossible: on MySQL, or if the applications' user owns the tables.
            Conflict: The name or the database is taken, or a table cannot be guarded.
            DatabaseUnavailable: The database does not answer.
        """
        customer_id(name)  # a name becomes part of a URL path, as an identifier does
        admin = admin or credentials
        if (admin.host, admin.port, admin.database) != (credentials.host, credentials.port, credentials.database):
            raise BadInput("the credentials of the admin are for another database")
        if not identifier_field.isidentifier():
            raise BadInput(f"identifier_field is a column's name such as customer_id, not {identifier_field!r}")
        if row_security:
            _check_restrictable(credentials, admin)
        check_credentials(credentials, allow_superuser=allow_superuser)
        with self._meta.transaction() as ask:
            ask(
                'INSERT INTO sharding_database (name, host, port, "user", password, database, flavor, admin_user, '
                "admin_password, identifier_field) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) "
                "ON CONFLICT DO NOTHING",
                *(name, credentials.host, credentials.port, credentials.user, credentials.password),
                *(credentials.database, credentials.flavor, admin.user, admin.password, identifier_field),
            )
        try:
            known = self.database(name)
        except UnknownDatabase:
            raise Conflict(f"{credentials} is registered already, by another name") from None
        if (known.credentials, known.admin, known.identifier_field) != (credentials, admin, identifier_field):
            if str(known.credentials) != str(credentials):
                raise Conflict(f"{name} is registered already, as {known.credentials}")
            with self._meta.transaction() as ask:
                ask(
                    "UPDATE sharding_database SET password = %s, admin_user = %s, admin_password = %s WHERE name = %s",
                    *(credentials.password, admin.user, admin.password, name),
                )
        return self.prepare(name, row_security=row_security)

    def prepare(self, name: str, *, row_security: bool = False) -> Sequence[str]:
        """Create the guard on a registered database's tables, such as those that a migration has added.

        Args:
            name: Name of the database in the sharding service.
            row_security: As in `register`.

        Raises:
            BadInput: Row security is impossible: on MySQL, or if the applications' user owns the tables.
            UnknownDatabase: The database is not registered.
            Conflict: A table cannot be guarded.
            DatabaseUnavailable: The database does not answer.
        """
        known = self.database(name)
        row_security = row_security or known.row_security
        if row_security:
            _check_restrictable(known.credentials, known.admin)
        side = self.end(name)
        try:
            tables = side.prepare(known.number, known.credentials.user, row_security=row_security)
        finally:
            side.close()
        with self._meta.transaction() as ask:
            ask("UPDATE sharding_database SET ready = true, row_security = %s WHERE name = %s", row_security, name)
        return tables

    def database(self, name: str) -> Registered:
        """Return a registered database.

        Raises:
            UnknownDatabase: The database is not registered.
        """
        found = [each for each in self.databases() if each.name == name]
        if not found:
            raise UnknownDatabase(f"no database {name} is registered")
        return found[0]

    def databases(self) -> Sequence[Registered]:
        """Return all registered databases, by name."""
        with self._meta.transaction() as ask:
            rows = ask(
                'SELECT name, number, host, port, "user", password, database, flavor, admin_user, admin_password, '
                "identifier_field, customers, ready, row_security FROM sharding_database ORDER BY name"
            )
        found = []
        for name, number, host, port, user, password, database, flavor, admin_user, admin_password, *rest in rows:
            credentials = Credentials(host, port, user, password, database, Flavor.of(flavor))
            admin = Credentials(host, port, admin_user, admin_password, database, Flavor.of(flavor))
            found.append(Registered(name, number, credentials, admin, *rest))
        return found

    def end(self, name: str) -> Side:
        """Return a connection to a database as the owner of its tables; the caller closes it.

        Raises:
            UnknownDatabase: The database is not registered.
        """
        known = self.database(name)
        return Side(name, known.admin, known.identifier_field)


def _check_restrictable(credentials: Credentials, admin: Credentials) -> None:
    if credentials.flavor is not Flavor.POSTGRES:
        raise BadInput("only PostgreSQL has row security: on MySQL the library restricts a session to its customer")
    if admin.user == credentials.user:
        raise BadInput(
            "row security does not restrict the tables' owner: give applications and the admin different users"
        )
