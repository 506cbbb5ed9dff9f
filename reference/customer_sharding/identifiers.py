"""The rule for customer identifiers, and the function that checks it: every identifier passes it on its way in."""

from __future__ import annotations

import re

from .errors import BadIdentifier

LONGEST = 64
PATTERN = r"[A-Za-z0-9][A-Za-z0-9_-]*"


def customer_id(identifier: object) -> str:
    """Validate a customer identifier and return it unchanged.

    It becomes a segment of a URL path, so only characters that need no escaping are allowed: at most 64 ASCII letters,
    digits, `-` and `_`, beginning with a letter or a digit. Dots are excluded, since `..` means another path.

    Raises:
        BadIdentifier: The identifier is invalid; an identifier that is too long is not repeated in the message.
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
