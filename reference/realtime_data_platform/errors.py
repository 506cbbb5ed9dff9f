"""The errors that this library raises; each is a `PlatformError`.

Open this to choose what to catch: the class says whether the input, a server or the timeout was the cause.
"""


class PlatformError(Exception):
    """Any failure that this library reports; its message includes what the server answered."""


class BadInput(PlatformError, ValueError):
    """A table, an artifact or an address is wrong; nothing was changed, or everything created was removed again."""


class Refused(PlatformError):
    """A server rejected a request or a statement."""


class NotFound(Refused):
    """A statement names a catalog, table or column that the server does not know, or does not know yet."""


class NotOurs(Refused):
    """Somebody else made an object with a name that the platform would use; nothing was changed."""


class Unreachable(PlatformError):
    """A server did not answer within the timeout."""


class NotInTime(PlatformError):
    """A server accepted a request but did not reach the expected state within the timeout."""


class NotSecure(PlatformError):
    """A connection cannot be encrypted as its address says, or the server's certificate is not trusted."""
