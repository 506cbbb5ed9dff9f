"""The mover: a customer moves to another database while requests go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .service.store import Store


class Mover:
    """Moves one customer, step by step; each step is one transaction in one database.

    A mover that is killed is replaced by another, which goes on from what the databases say.

    Args:
        store: The meta database.
        customer: Who moves.
        lease: Seconds for which a reader may trust what the database told it: `models`' lease.
        drain: Seconds from the switch until the rows at the source are deleted: longer than any request takes.
        batch: Rows copied in one transaction.
    """

    def __init__(
        self, store: Store, customer: str, *, lease: float = 1.0, drain: float = 30.0, batch: int = 500
    ) -> None: ...

    def step(self) -> str | None:
        """Do the next step and return its name; None when the move is finished.

        Raises:
            Superseded: Another mover has taken over.
            Unavailable: A database does not answer; a later step tries again.
        """
        raise NotImplementedError

    def run(self) -> None:
        """Step until the move is finished."""
        raise NotImplementedError
