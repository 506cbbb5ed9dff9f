"""What can go wrong, said once."""


class PlatformError(Exception):
    """Any failure that this library reports; the message says what the server said."""


class BadInput(PlatformError, ValueError):
    """What was asked for cannot be had: a description, an artifact or an address is wrong."""


class Refused(PlatformError):
    """A server said no."""


class NotFound(Refused):
    """A server does not know what a statement names, or not yet."""


class Unreachable(PlatformError):
    """A server does not answer within the bound."""


class NotInTime(PlatformError):
    """A server took what it was given, and was not done within the bound."""
