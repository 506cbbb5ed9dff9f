"""The sharding service's storage, in PostgreSQL: databases, placements of customers, and moves.

`Store` is composed of `Meta` (tables and transactions), `Databases`, `Places` and `Moves`, and offers their methods to
the service, the command line and the mover.
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

    Its methods are documented in the classes that it is composed of: see `Databases`, `Places` and `Moves`.

    Args:
        dsn: Address of the meta database, `postgresql://...`. Missing tables are created.
        limits: Number of connections and timeouts.

    Raises:
        BadInput: The DSN is invalid.
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
        self.check_move = moves.check_move
        self.begin_move = moves.begin_move
        self.move = moves.move
        self.moves = moves.moves
        self.claim_move = moves.claim_move
        self.switch = moves.switch
        self.compared = moves.compared
        self.since_switch = moves.since_switch
        self.finish_move = moves.finish_move
        self.abort_move = moves.abort_move
