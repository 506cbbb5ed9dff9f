"""Names of services, and the paths of their nodes in ZooKeeper: `/providers/SERVICE/UUID`."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Self
from uuid import NAMESPACE_URL, UUID, uuid5

from .errors import BadInput

if TYPE_CHECKING:
    from .instance import Instance

ROOT = "/providers"
LONGEST = 200


def service_name(name: str) -> str:
    """Return a service's name unchanged, or refuse it.

    A name is a node of a path and often a part of a URL: ASCII letters, digits, `-`, `_` and `.`, beginning with a
    letter or a digit.

    Raises:
        BadInput: The text cannot be a service's name.
    """
    if not isinstance(name, str):
        raise BadInput(f"a service's name is a string, not {name!r}")
    if len(name) > LONGEST:
        raise BadInput(f"a service's name has at most {LONGEST} characters, not {len(name)}")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise BadInput(
            f"{name!r} cannot name a service: use letters, digits, '-', '_' and '.', beginning with a letter or a digit"
        )
    return str(name)


def service_path(name: str) -> str:
    """Return the path of a service, whose children are its instances.

    Raises:
        BadInput: The name cannot be a service's.
    """
    return f"{ROOT}/{service_name(name)}"


def instance_id(name: str, instance: Instance) -> UUID:
    """Return the name-based UUID (RFC 9562, version 5) of an instance.

    Every process computes the same one, so that an address can be registered once only, by any of the processes that
    share it and in any session.
    """
    return uuid5(NAMESPACE_URL, f"//{instance}/{service_name(name)}")


def instance_path(name: str, instance: Instance) -> str:
    """Return the path of an instance's node."""
    return f"{service_path(name)}/{instance_id(name, instance)}"


class KnownServices(StrEnum):
    """Base of an enumeration of the services that a code base knows; its members are names, and checked as such.

    Examples:
        >>> class Known(KnownServices):
        ...     EMAIL = "email"
        ...     USERS = "users"
        >>> service_path(Known.EMAIL)
        '/providers/email'
        >>> class Known(KnownServices):
        ...     EMAIL = "e/mail"
        Traceback (most recent call last):
        reference.service_discovery.errors.BadInput: 'e/mail' cannot name a service: ...
    """

    def __new__(cls, value: str) -> Self:
        """Check a member's name."""
        member = str.__new__(cls, service_name(value))
        member._value_ = value
        return member
