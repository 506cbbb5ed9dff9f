"""The meta database: databases, customers and moves, in PostgreSQL."""

from __future__ import annotations

from reference.customer_sharding.credentials import Credentials
from reference.customer_sharding.routes import Route


class Store:
    """The sharding service's memory.

    Args:
        dsn: Of the meta database, `postgresql://...`. Tables are made where they are missing.
    """

    def __init__(self, dsn: str) -> None: ...

    def register(
        self,
        name: str,
        credentials: Credentials,
        *,
        admin: Credentials | None = None,
        identifier_field: str = "customer_id",
    ) -> None:
        """Register a database and prepare it: tables that know its customers, triggers on the customers' tables.

        Args:
            name: What operators call it.
            credentials: What is handed out: of a user who may read and write rows, and no superuser.
            admin: Of the user who owns the tables, for preparing and moving; never handed out. By default the same.
            identifier_field: The column that names the customer.

        Raises:
            BadInput: The credentials are a superuser's and an `admin` of its own is missing, ...
            Conflict: The name is taken by another database.
            DatabaseUnavailable: It does not answer.
        """
        raise NotImplementedError

    def place(self, customer: str, database: str | None = None) -> Route:
        """Place a customer in a database, by default the one with the fewest customers; idempotent.

        Raises:
            Conflict: The customer is elsewhere already: move it.
        """
        raise NotImplementedError

    def route(self, customer: str) -> Route:
        """Return where a customer is.

        Raises:
            UnknownCustomer: Not placed yet.
        """
        raise NotImplementedError

    def begin_move(self, customer: str, target: str) -> None:
        """Record that a customer is to move; idempotent for the same target. `moving.Mover` does it.

        Raises:
            Conflict: It moves to yet another database already.
        """
        raise NotImplementedError
