"""What may name a customer."""

from __future__ import annotations

import re

from .errors import BadIdentifier

LONGEST = 64
PATTERN = r"[A-Za-z0-9][A-Za-z0-9_-]*"


def customer_id(identifier: object) -> str:
    """Return an identifier as it is, if it can name a customer.

    It becomes part of a path, so it is what a path takes as it stands: at most 64 ASCII letters, digits, `-` and `_`,
    beginning with a letter or a digit. There is no dot: `..` is another path.

    Raises:
        BadIdentifier: It cannot; the message does not repeat more of it than the longest that could.
    """
    if not isinstance(identifier, str):
        raise BadIdentifier(f"a customer is named by a string, not by {type(identifier).__name__}")
    if len(identifier) > LONGEST:
        raise BadIdentifier(f"a customer's identifier has at most {LONGEST} characters, not {len(identifier)}")
    if not re.fullmatch(PATTERN, identifier):
        raise BadIdentifier(
            f"{identifier!r} cannot name a customer: use letters, digits, '-' and '_', beginning with a letter or digit"
        )
    return str(identifier)
