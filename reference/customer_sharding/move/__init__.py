"""Moving a customer to another database while requests go on.

`moving` is the protocol, `side` what it does in a database at either end.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

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


def __getattr__(name: str) -> object:
    """Import a public name's module when the name is first asked for: each needs a driver or a framework."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
