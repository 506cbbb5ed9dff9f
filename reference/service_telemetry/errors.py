"""The errors of this library."""


class TelemetryError(Exception):
    """The base of the errors of this library."""


class BadInput(TelemetryError, ValueError):
    """An argument is not usable; the message says what to do."""


class LoadFailed(TelemetryError):
    """A request of a load was not answered with 200."""


class ProfileFailed(TelemetryError):
    """A process cannot be profiled; the message says why."""
