"""The exceptions of this library; every one is a `DiscoveryError`."""

from __future__ import annotations


class DiscoveryError(Exception):
    """Base class of this library's exceptions."""


class BadInput(DiscoveryError, ValueError):
    """A name, an address or a setting has a wrong value; the message says what to write."""


class Unreachable(DiscoveryError, ConnectionError):
    """ZooKeeper does not answer; a cache raises it once its last answer is older than the grace."""


class NotAllowed(DiscoveryError, PermissionError):
    """ZooKeeper refuses a request: the credential is missing, or is not the one that the nodes were created with."""


class NoInstance(DiscoveryError, LookupError):
    """No instance of a service is registered, and the caller required one."""
