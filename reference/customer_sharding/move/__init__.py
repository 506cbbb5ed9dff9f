"""Moving a customer to another database while requests go on.

Begin with `moving`, which describes the protocol and carries it out. `side` has the steps in the source and in the
target database, and `preflight` the checks before a move.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from .moving import Mover
    from .protocol import Claim, Move
    from .side import Side

__all__ = [
    "Claim",
    "Move",
    "Mover",
    "Side",
]

_MODULES = {
    "Claim": "protocol",
    "Move": "protocol",
    "Mover": "moving",
    "Side": "side",
}


__getattr__ = import_at_first_use(__name__, _MODULES)
