"""The meta database: databases, customers and moves, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from reference.customer_sharding.copying import Move
from reference.customer_sharding.credentials import Credentials, Flavor
from reference.customer_sharding.errors import BadInput, Conflict, Superseded, UnknownCustomer, UnknownDatabase
from reference.customer_sharding.identifiers import customer_id
from reference.customer_sharding.pools import Pool
from reference.customer_sharding.routes import Route
from reference.customer_sharding.settings import PoolLimits
from reference.customer_sharding.side import Side, check

TABLES = (
    """CREATE TABLE IF NOT EXISTS sharding_database (
        name text PRIMARY KEY, number bigint GENERATED ALWAYS AS IDENTITY UNIQUE, host text NOT NULL, port int NOT NULL,
        "user" text NOT NULL, password text NOT NULL, database text NOT NULL, flavor text NOT NULL,
        admin_user text NOT NULL, admin_password text NOT NULL, identifier_field text NOT NULL,
        customers bigint NOT NULL DEFAULT 0, ready boolean NOT NULL DEFAULT false,
        UNIQUE (host, port, database))""",
    """CREATE TABLE IF NOT EXISTS sharding_place (
        customer text PRIMARY KEY, database text NOT NULL REFERENCES sharding_database, epoch bigint NOT NULL DEFAULT 1,
        attempt bigint NOT NULL DEFAULT 0)""",
    """CREATE TABLE IF NOT EXISTS sharding_move (
        customer text PRIMARY KEY REFERENCES sharding_place, source text NOT NULL, target text NOT NULL,
        epoch bigint NOT NULL, phase text NOT NULL DEFAULT 'copying', switched_at timestamptz)""",
)
NEXT_ATTEMPT = "UPDATE sharding_place SET attempt = attempt + 1 WHERE customer = %s"
MOVE = """SELECT m.customer, m.source, m.target, m.epoch, p.attempt, m.phase
          FROM sharding_move m JOIN sharding_place p USING (customer)"""


@dataclass(frozen=True)
class Registered:
    """A registered database.

    Attributes:
        name: What operators call it.
        number: Tells its generated ids from the others'.
        credentials: What applications are handed.
        admin: Of the owner; never handed out.
        identifier_field: The column that names the customer.
        customers: How many it has.
        ready: Whether it is prepared, and takes customers.
    """

    name: str
    number: int
    credentials: Credentials
    admin: Credentials
    identifier_field: str
    customers: int
    ready: bool

    def public(self) -> dict[str, Any]:
        """Return what may be shown: no user, no password."""
        where = {"host": self.credentials.host, "port": self.credentials.port, "database": self.credentials.database}
        flavor = str(self.credentials.flavor)
        return {"name": self.name, **where, "flavor": flavor, "customers": self.customers, "ready": self.ready}


class Store:
    """The sharding service's memory; safe to share between threads.

    Passwords are in it as they are: who may read it may enter every database.

    Args:
        dsn: Of the meta database, `postgresql://...`. Tables are made where they are missing.
        limits: Of the connections to it.

    Raises:
        BadInput: The DSN is none.
        DatabaseUnavailable: The meta database does not answer.
    """

    def __init__(self, dsn: str, limits: PoolLimits | None = None) -> None:
        self._pool = Pool(_credentials(dsn), limits or PoolLimits())
        with self._transaction() as ask:
            # Two services may start at once, and CREATE IF NOT EXISTS alone is no protection.
            ask("SELECT pg_advisory_xact_lock(4710013)")
            for statement in TABLES:
                ask(statement)

    # Databases

    def register(
        self,
        name: str,
        credentials: Credentials,
        *,
        admin: Credentials | None = None,
        identifier_field: str = "customer_id",
        allow_superuser: bool = False,
    ) -> Sequence[str]:
        """Register a database and prepare it: see `guard` and `side.Side.prepare`. Doing it again changes nothing.

        Args:
            name: What operators call it.
            credentials: What is handed out: of a user who may read and write rows, and no superuser.
            admin: Of the user who owns the tables, for preparing and moving; never handed out. By default the same.
            identifier_field: The column that names the customer.
            allow_superuser: Hand out a superuser's credentials all the same.

        Returns:
            The names of its customers' tables.

        Raises:
            BadInput: The credentials are a superuser's, or the admin's are of another database.
            Conflict: The name or the database is taken, or a table cannot be guarded.
            DatabaseUnavailable: It does not answer.
        """
        customer_id(name)  # it stands in paths, too
        admin = admin or credentials
        if (admin.host, admin.port, admin.database) != (credentials.host, credentials.port, credentials.database):
            raise BadInput("the admin's credentials are of another database")
        if not identifier_field.isidentifier():
            raise BadInput(f"identifier_field is a column's name such as customer_id, not {identifier_field!r}")
        check(credentials, identifier_field, allow_superuser=allow_superuser)
        with self._transaction() as ask:
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
            with self._transaction() as ask:
                ask(
                    "UPDATE sharding_database SET password = %s, admin_user = %s, admin_password = %s WHERE name = %s",
                    *(credentials.password, admin.user, admin.password, name),
                )
        return self.prepare(name)

    def prepare(self, name: str) -> Sequence[str]:
        """Put the guard on a registered database's tables, such as those that a migration has added.

        Raises:
            UnknownDatabase: It is not registered.
            Conflict: A table cannot be guarded.
            DatabaseUnavailable: It does not answer.
        """
        known = self.database(name)
        side = self.end(name)
        try:
            tables = side.prepare(known.number, known.credentials.user)
        finally:
            side.close()
        with self._transaction() as ask:
            ask("UPDATE sharding_database SET ready = true WHERE name = %s", name)
        return tables

    def database(self, name: str) -> Registered:
        """Return a registered database.

        Raises:
            UnknownDatabase: It is not registered.
        """
        found = [each for each in self.databases() if each.name == name]
        if not found:
            raise UnknownDatabase(f"no database {name} is registered")
        return found[0]

    def databases(self) -> Sequence[Registered]:
        """Return all registered databases, by name."""
        with self._transaction() as ask:
            rows = ask(
                'SELECT name, number, host, port, "user", password, database, flavor, admin_user, admin_password, '
                "identifier_field, customers, ready FROM sharding_database ORDER BY name"
            )
        found = []
        for name, number, host, port, user, password, database, flavor, admin_user, admin_password, *rest in rows:
            credentials = Credentials(host, port, user, password, database, Flavor.of(flavor))
            admin = Credentials(host, port, admin_user, admin_password, database, Flavor.of(flavor))
            found.append(Registered(name, number, credentials, admin, *rest))
        return found

    def end(self, name: str) -> Side:
        """Return a database as its owner sees it; to be closed.

        Raises:
            UnknownDatabase: It is not registered.
        """
        known = self.database(name)
        return Side(name, known.admin, known.identifier_field)

    # Customers

    def place(self, customer: str, database: str | None = None) -> Route:
        """Place a customer in a database, by default the one with the fewest customers; again changes nothing.

        Raises:
            BadIdentifier: It cannot name a customer.
            UnknownDatabase: It is not registered, or none is.
            Conflict: The customer is elsewhere already: move it.
            DatabaseUnavailable: The database does not answer; placing it again goes on from there.
        """
        customer_id(customer)
        with self._transaction() as ask:
            if not ask("SELECT 1 FROM sharding_place WHERE customer = %s", customer):
                chosen = ask(
                    "SELECT name FROM sharding_database WHERE ready AND (name = %s OR %s) ORDER BY customers, name "
                    "LIMIT 1 FOR UPDATE",
                    *(database, database is None),
                )
                if not chosen:
                    raise UnknownDatabase(f"{'no database' if database is None else database} is registered and ready")
                added = ask(
                    "INSERT INTO sharding_place (customer, database) VALUES (%s, %s) "
                    "ON CONFLICT DO NOTHING RETURNING 1",
                    *(customer, chosen[0][0]),
                )
                if added:
                    ask("UPDATE sharding_database SET customers = customers + 1 WHERE name = %s", chosen[0][0])
        name, epoch, moving = self.whereabouts(customer)
        if database not in (None, name):
            raise Conflict(f"customer {customer} is in {name}: move it to {database}")
        if not moving:
            side = self.end(name)
            try:
                side.admit(customer, epoch)
            finally:
                side.close()
        return self.route(customer)

    def whereabouts(self, customer: str) -> tuple[str, int, bool]:
        """Return a customer's database, epoch, and whether it moves.

        Raises:
            UnknownCustomer: Not placed yet.
        """
        with self._transaction() as ask:
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
        """Return where a customer is.

        Raises:
            BadIdentifier: It cannot name a customer.
            UnknownCustomer: Not placed yet.
        """
        customer_id(customer)
        with self._transaction() as ask:
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
        """Return customer, database and epoch of all, by customer."""
        with self._transaction() as ask:
            return [tuple(row) for row in ask("SELECT customer, database, epoch FROM sharding_place ORDER BY customer")]

    # Moves

    def begin_move(self, customer: str, target: str) -> Move:
        """Record that a customer is to move; idempotent for the same target. `moving.Mover` carries it out.

        Raises:
            UnknownCustomer: Not placed yet.
            UnknownDatabase: The target is not registered.
            Conflict: It is there already, moves elsewhere, or the target is of another flavor.
        """
        name, epoch, _ = self.whereabouts(customer)
        source, goal = self.database(name), self.database(target)
        if source.credentials.flavor is not goal.credentials.flavor:
            raise Conflict(f"{name} and {target} are of different flavors: rows move between those of one")
        if not goal.ready:
            raise Conflict(f"{target} is not prepared")
        with self._transaction() as ask:
            if target != name:
                begun = ask(
                    "INSERT INTO sharding_move (customer, source, target, epoch) "
                    "SELECT customer, database, %s, epoch + 1 FROM sharding_place "
                    "WHERE customer = %s AND database = %s AND epoch = %s ON CONFLICT DO NOTHING RETURNING 1",
                    *(target, customer, name, epoch),
                )
                if begun:
                    # Whoever moved the customer before knows nothing of this move.
                    ask(NEXT_ATTEMPT, customer)
        found = self.move(customer)
        if found is None:
            raise Conflict(f"customer {customer} is in {target} already")
        if found.target != target or found.phase == "aborting":
            raise Conflict(f"customer {customer} moves from {found.source} to {found.target}, phase {found.phase}")
        return found

    def move(self, customer: str) -> Move | None:
        """Return the customer's move under way."""
        with self._transaction() as ask:
            found = ask(f"{MOVE} WHERE m.customer = %s", customer)
        return Move(*found[0]) if found else None

    def moves(self) -> Sequence[Move]:
        """Return all moves under way, by customer."""
        with self._transaction() as ask:
            return [Move(*row) for row in ask(f"{MOVE} ORDER BY m.customer")]

    def claim_move(self, customer: str) -> Move:
        """Take a move over from earlier movers.

        Raises:
            Conflict: There is none.
        """
        with self._transaction() as ask:
            ask(NEXT_ATTEMPT, customer)
        found = self.move(customer)
        if found is None:
            raise Conflict(f"customer {customer} does not move")
        return found

    def switch(self, move: Move) -> None:
        """Send the customer to the target from now on; the point of no return.

        Raises:
            Superseded: Another mover has taken over, or the move was aborted.
        """
        with self._transaction() as ask:
            self._mine(ask, move)
            done = ask(
                "UPDATE sharding_move SET phase = 'switched', switched_at = now() WHERE customer = %s AND epoch = %s "
                "AND phase = 'copying' RETURNING 1",
                *(move.customer, move.epoch),
            )
            if not done:
                raise Superseded(f"the move of customer {move.customer} is no longer copying")
            ask(
                "UPDATE sharding_place SET database = %s, epoch = %s WHERE customer = %s",
                *(move.target, move.epoch, move.customer),
            )
            # In one order for all, so that two switches cannot wait for each other.
            for name, more in sorted(((move.source, -1), (move.target, 1))):
                ask("UPDATE sharding_database SET customers = customers + %s WHERE name = %s", more, name)

    def since_switch(self, move: Move) -> float:
        """Return the seconds since the switch, by the meta database's clock."""
        with self._transaction() as ask:
            found = ask(
                "SELECT extract(epoch FROM now() - switched_at)::float8 FROM sharding_move WHERE customer = %s",
                move.customer,
            )
        return float(found[0][0] or 0) if found else 0.0

    def finish_move(self, move: Move) -> None:
        """Forget the move.

        Raises:
            Superseded: Another mover has taken over.
        """
        with self._transaction() as ask:
            self._mine(ask, move)
            ask("DELETE FROM sharding_move WHERE customer = %s", move.customer)

    def abort_move(self, customer: str) -> None:
        """Let a move be undone; the next mover does it.

        Raises:
            Conflict: There is none, or it has switched: then it can only be finished, and undone by moving back.
        """
        with self._transaction() as ask:
            done = ask(
                "UPDATE sharding_move SET phase = 'aborting' WHERE customer = %s AND phase <> 'switched' RETURNING 1",
                customer,
            )
            ask(NEXT_ATTEMPT, customer)  # the mover under way notices, and begins no step more
        if not done:
            raise Conflict(f"customer {customer} does not move, or has switched already: finish it and move it back")

    def _mine(self, ask: Any, move: Move) -> None:
        found = ask("SELECT attempt FROM sharding_place WHERE customer = %s FOR UPDATE", move.customer)
        if not found or found[0][0] != move.attempt:
            raise Superseded(f"another mover has taken over customer {move.customer}")

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._pool.close()

    @contextmanager
    def _transaction(self) -> Generator[Any]:
        database = self._pool.database

        def ask(statement: str, *values: object) -> list[Any]:
            cursor = database.execute_sql(statement, values or None)
            return cursor.fetchall() if cursor.description else []

        taken = self._pool.take()
        try:
            with database.atomic():
                yield ask
        finally:
            if taken:
                self._pool.give_back()


def _credentials(dsn: str) -> Credentials:
    try:
        parts: Mapping[str, Any] = conninfo_to_dict(dsn)
        user = str(parts.get("user", "postgres"))
        host, port = str(parts.get("host", "127.0.0.1")), int(parts.get("port", 5432))
        return Credentials(
            host, port, user, str(parts.get("password", "")), str(parts.get("dbname", user)), Flavor.POSTGRES
        )
    except (psycopg.ProgrammingError, ValueError):
        # The reason may repeat the password.
        raise BadInput("the meta database is written postgresql://USER:PASSWORD@HOST:PORT/DATABASE") from None
