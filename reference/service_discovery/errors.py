"""The exceptions of this library; every one is a `DiscoveryError`."""

from __future__ import annotations


class DiscoveryError(Exception):
    """Base class of this library's exceptions."""


class BadInput(DiscoveryError, ValueError):
    """A name, an address or a setting has a wrong value; the message says what to write."""


class Unreachable(DiscoveryError, ConnectionError):
    """ZooKeeper does not answer, or has not for so long that what is known is too old to be handed out."""


class NotAllowed(DiscoveryError, PermissionError):
    """ZooKeeper answers, and refuses: the credential is missing or not the one that the nodes were made with."""


class NoInstance(DiscoveryError, LookupError):
    """No instance of a service is registered, and the caller said that it needs one."""
