"""The sharding service's memory, in PostgreSQL: databases, customers' places, and their moves.

A part each: `meta` (tables and transactions), `databases`, `places` and `moves`. `Store` offers what they do in one
place, which is what the service, the command and the mover are given.
"""

from __future__ import annotations

from reference.customer_sharding.settings import PoolLimits

from .databases import Databases, Registered
from .meta import Meta
from .moves import Moves
from .places import Places

__all__ = ["Registered", "Store"]


class Store:
    """Databases, customers and moves; safe to share between threads.

    Its methods are those of its parts: see `Databases`, `Places` and `Moves`.

    Args:
        dsn: Of the meta database, `postgresql://...`. Tables are made where they are missing.
        limits: Of the connections to it.

    Raises:
        BadInput: The DSN is none.
        DatabaseUnavailable: The meta database does not answer.
    """

    def __init__(self, dsn: str, limits: PoolLimits | None = None) -> None:
        meta = Meta(dsn, limits)
        databases = Databases(meta)
        places = Places(meta, databases)
        moves = Moves(meta, databases, places)
        self.close = meta.close
        self.register = databases.register
        self.prepare = databases.prepare
        self.database = databases.database
        self.databases = databases.databases
        self.end = databases.end
        self.place = places.place
        self.whereabouts = places.whereabouts
        self.route = places.route
        self.routes = places.routes
        self.begin_move = moves.begin_move
        self.move = moves.move
        self.moves = moves.moves
        self.claim_move = moves.claim_move
        self.switch = moves.switch
        self.compared = moves.compared
        self.since_switch = moves.since_switch
        self.finish_move = moves.finish_move
        self.abort_move = moves.abort_move
