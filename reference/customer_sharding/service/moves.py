"""The moves under way, in the meta database: begins, claims, switches and ends them.

Open it to see what a move changes in the meta database. `move.moving.Mover` calls it at each step of the protocol.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

from reference.customer_sharding.errors import Conflict, Superseded
from reference.customer_sharding.move.preflight import refusals
from reference.customer_sharding.move.protocol import Move

from .databases import Databases
from .meta import Meta
from .places import Places

NEXT_ATTEMPT = "UPDATE sharding_place SET attempt = attempt + 1 WHERE customer = %s"
MOVE = """SELECT m.customer, m.source, m.target, m.epoch, p.attempt, m.phase, m.lease, m.drain
          FROM sharding_move m JOIN sharding_place p USING (customer)"""


class Moves:
    """Begins, claims, switches and ends moves; each call is one transaction."""

    def __init__(self, meta: Meta, databases: Databases, places: Places) -> None:
        self._meta = meta
        self._databases = databases
        self._places = places

    def check_move(self, customer: str, target: str) -> Sequence[str]:
        """Return the problems that prevent a move, each with its remedy; an empty list means that it can be moved.

        Nothing is changed. A move begins with the same checks.

        Raises:
            UnknownCustomer: The customer is not placed yet.
            UnknownDatabase: The target is not registered.
            Conflict: The customer is in the target already, or the target is of another flavor or not prepared.
            DatabaseUnavailable: One of the two databases does not answer.
        """
        name, _ = self._movable(customer, target)
        if name == target:
            raise Conflict(f"customer {customer} is in {target} already")
        with closing(self._databases.end(name)) as source, closing(self._databases.end(target)) as goal:
            return refusals(source.inspect(), goal.inspect(), (name, target))

    def _movable(self, customer: str, target: str) -> tuple[str, int]:
        """Return a customer's database and epoch, after checking that the target can take rows from it."""
        name, epoch, _ = self._places.whereabouts(customer)
        source, goal = self._databases.database(name), self._databases.database(target)
        if source.credentials.flavor is not goal.credentials.flavor:
            raise Conflict(f"{name} and {target} are of different flavors: name a database of the same flavor")
        if not goal.ready:
            raise Conflict(f"{target} is not prepared: run `customer-sharding prepare {target}`")
        return name, epoch

    def begin_move(self, customer: str, target: str, *, lease: float = 1.0, drain: float = 30.0) -> Move:
        """Record that a customer is to move; idempotent for the same target. `moving.Mover` carries it out.

        Args:
            customer: Identifier of the customer.
            target: Name of the database to move it to.
            lease: Seconds for which a reader may trust the database's answer. Stored, for any mover that carries out
                the move.
            drain: Seconds from the switch until the rows at the source are deleted. Stored like the lease.

        Raises:
            UnknownCustomer: The customer is not placed yet.
            UnknownDatabase: The target is not registered.
            Conflict: The customer is in the target already, moves elsewhere, or the flavors differ.
        """
        name, epoch = self._movable(customer, target)
        with self._meta.transaction() as ask:
            if target != name:
                begun = ask(
                    "INSERT INTO sharding_move (customer, source, target, epoch, lease, drain) "
                    "SELECT customer, database, %s, epoch + 1, %s, %s FROM sharding_place "
                    "WHERE customer = %s AND database = %s AND epoch = %s ON CONFLICT DO NOTHING RETURNING 1",
                    *(target, lease, drain, customer, name, epoch),
                )
                if begun:
                    # A mover of an earlier move must not take part in this one.
                    ask(NEXT_ATTEMPT, customer)
        found = self.move(customer)
        if found is None:
            raise Conflict(f"customer {customer} is in {target} already")
        if found.target != target or found.phase == "aborting":
            raise Conflict(f"customer {customer} moves from {found.source} to {found.target}, phase {found.phase}")
        return found

    def move(self, customer: str) -> Move | None:
        """Return the customer's move under way, or None."""
        with self._meta.transaction() as ask:
            found = ask(f"{MOVE} WHERE m.customer = %s", customer)
        return Move(*found[0]) if found else None

    def moves(self) -> Sequence[Move]:
        """Return all moves under way, by customer."""
        with self._meta.transaction() as ask:
            return [Move(*row) for row in ask(f"{MOVE} ORDER BY m.customer")]

    def claim_move(self, customer: str) -> Move:
        """Take a move over from earlier movers.

        Raises:
            Conflict: The customer has no move under way.
        """
        with self._meta.transaction() as ask:
            ask(NEXT_ATTEMPT, customer)
        found = self.move(customer)
        if found is None:
            raise Conflict(f"no move of customer {customer} is under way")
        return found

    def switch(self, move: Move, tables: Sequence[str]) -> None:
        """Route the customer to the target from now on. This is the point of no return.

        Args:
            move: The move as claimed by the caller.
            tables: The tables that were compared: only rows of these are deleted at the source.

        Raises:
            Superseded: Another mover has taken over, or the move was aborted.
        """
        with self._meta.transaction() as ask:
            self._check_claim(ask, move)
            done = ask(
                "UPDATE sharding_move SET phase = 'switched', switched_at = now(), tables = %s "
                "WHERE customer = %s AND epoch = %s AND phase = 'copying' RETURNING 1",
                *(list(tables), move.customer, move.epoch),
            )
            if not done:
                raise Superseded(f"the move of customer {move.customer} is no longer copying")
            ask(
                "UPDATE sharding_place SET database = %s, epoch = %s WHERE customer = %s",
                *(move.target, move.epoch, move.customer),
            )
            # All switches update the databases in the same order, so that two of them cannot deadlock.
            for name, more in sorted(((move.source, -1), (move.target, 1))):
                ask("UPDATE sharding_database SET customers = customers + %s WHERE name = %s", more, name)

    def compared(self, move: Move) -> Sequence[str]:
        """Return the tables that were compared before the switch."""
        with self._meta.transaction() as ask:
            found = ask("SELECT tables FROM sharding_move WHERE customer = %s", move.customer)
        return list(found[0][0] or ()) if found else []

    def since_switch(self, move: Move) -> float:
        """Return the seconds since the switch, by the meta database's clock."""
        with self._meta.transaction() as ask:
            found = ask(
                "SELECT extract(epoch FROM now() - switched_at)::float8 FROM sharding_move WHERE customer = %s",
                move.customer,
            )
        return float(found[0][0] or 0) if found else 0.0

    def finish_move(self, move: Move) -> None:
        """Delete the record of the move.

        Raises:
            Superseded: Another mover has taken over.
        """
        with self._meta.transaction() as ask:
            self._check_claim(ask, move)
            ask("DELETE FROM sharding_move WHERE customer = %s", move.customer)

    def abort_move(self, customer: str) -> None:
        """Mark a move to be undone by the next mover.

        Raises:
            Conflict: No move is under way, or it has switched already; after the switch, finish the move, and move
                the customer back.
        """
        with self._meta.transaction() as ask:
            ask("SELECT 1 FROM sharding_place WHERE customer = %s FOR UPDATE", customer)  # first, as a switch does
            done = ask(
                "UPDATE sharding_move SET phase = 'aborting' WHERE customer = %s AND phase <> 'switched' RETURNING 1",
                customer,
            )
            if not done:
                raise Conflict(
                    f"no move of customer {customer} is under way, or it has switched already: finish it and move back"
                )
            ask(NEXT_ATTEMPT, customer)  # the databases refuse the next step of a mover that is still at work

    def _check_claim(self, ask: Any, move: Move) -> None:
        found = ask("SELECT attempt FROM sharding_place WHERE customer = %s FOR UPDATE", move.customer)
        if not found or found[0][0] != move.attempt:
            raise Superseded(f"another mover has taken over customer {move.customer}")
