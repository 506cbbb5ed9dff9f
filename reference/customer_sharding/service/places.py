"""Placements, in the meta database: which customer is in which database.

Open it to see how a database is chosen for a new customer, and how a route is looked up.
"""

from __future__ import annotations

from collections.abc import Sequence

from reference.customer_sharding.credentials import Credentials
from reference.customer_sharding.errors import Conflict, UnknownCustomer, UnknownDatabase
from reference.customer_sharding.identifiers import customer_id
from reference.customer_sharding.requests.routes import Route

from .databases import Databases
from .meta import Meta


class Places:
    """Places and finds customers."""

    def __init__(self, meta: Meta, databases: Databases) -> None:
        self._meta = meta
        self._databases = databases

    def place(self, customer: str, database: str | None = None) -> Route:
        """Place a customer in a database, by default the one with the fewest customers. Idempotent.

        Raises:
            BadIdentifier: The identifier is invalid.
            UnknownDatabase: The database is not registered, or no database is.
            Conflict: The customer is in another database already, or a table stores the identifier differently.
            DatabaseUnavailable: The database does not answer; repeat the call to complete the placement.
        """
        customer_id(customer)
        asked = database
        if not self._is_placed(customer):
            database = self._choose(database)
            side = self._databases.end(database)
            try:
                side.spelling(customer)
            finally:
                side.close()
        with self._meta.transaction() as ask:
            if not ask("SELECT 1 FROM sharding_place WHERE customer = %s", customer):
                chosen = ask(
                    "SELECT name FROM sharding_database WHERE ready AND (name = %s OR %s) ORDER BY customers, name "
                    "LIMIT 1 FOR UPDATE",
                    *(database, database is None),
                )
                if not chosen:
                    raise UnknownDatabase(
                        f"no database{'' if database is None else f' {database}'} is registered and ready"
                    )
                added = ask(
                    "INSERT INTO sharding_place (customer, database) VALUES (%s, %s) "
                    "ON CONFLICT DO NOTHING RETURNING 1",
                    *(customer, chosen[0][0]),
                )
                if added:
                    ask("UPDATE sharding_database SET customers = customers + 1 WHERE name = %s", chosen[0][0])
        name, epoch, moving = self.whereabouts(customer)
        if asked not in (None, name):
            raise Conflict(f"customer {customer} is in {name}: move it to {asked}")
        if not moving:
            side = self._databases.end(name)
            try:
                side.admit(customer, epoch)
            finally:
                side.close()
        return self.route(customer)

    def _is_placed(self, customer: str) -> bool:
        with self._meta.transaction() as ask:
            return bool(ask("SELECT 1 FROM sharding_place WHERE customer = %s", customer))

    def _choose(self, database: str | None) -> str:
        with self._meta.transaction() as ask:
            found = ask(
                "SELECT name FROM sharding_database WHERE ready AND (name = %s OR %s) ORDER BY customers, name LIMIT 1",
                *(database, database is None),
            )
        if not found:
            raise UnknownDatabase(_none_ready(database))
        return str(found[0][0])

    def whereabouts(self, customer: str) -> tuple[str, int, bool]:
        """Return a customer's database and epoch, and whether a move of the customer is under way.

        Raises:
            UnknownCustomer: The customer is not placed yet.
        """
        with self._meta.transaction() as ask:
            found = ask(
                "SELECT p.database, p.epoch, m.customer IS NOT NULL FROM sharding_place p "
                "LEFT JOIN sharding_move m USING (customer) WHERE p.customer = %s",
                customer,
            )
        if not found:
            raise UnknownCustomer(f"there is no customer {customer}")
        name, epoch, moving = found[0]
        return str(name), int(epoch), bool(moving)

    def route(self, customer: str) -> Route:
        """Return a customer's route.

        Raises:
            BadIdentifier: The identifier is invalid.
            UnknownCustomer: The customer is not placed yet.
        """
        customer_id(customer)
        with self._meta.transaction() as ask:
            found = ask(
                'SELECT d.host, d.port, d."user", d.password, d.database, d.flavor, p.epoch '
                "FROM sharding_place p JOIN sharding_database d ON d.name = p.database WHERE p.customer = %s",
                customer,
            )
        if not found:
            raise UnknownCustomer(f"there is no customer {customer}")
        *entry, epoch = found[0]
        return Route(customer, Credentials(*entry), epoch)

    def routes(self) -> Sequence[tuple[str, str, int]]:
        """Return the customer, database and epoch of every placement, in the order of customers."""
        with self._meta.transaction() as ask:
            return [tuple(row) for row in ask("SELECT customer, database, epoch FROM sharding_place ORDER BY customer")]


def _none_ready(database: str | None) -> str:
    wanted = "no database" if database is None else f"no database {database}"
    return f"{wanted} is registered and ready"
