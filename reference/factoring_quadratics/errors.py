"""What this library refuses: both errors have one base, for a caller that handles them alike."""


class FactoringError(ValueError):
    """Coefficients that cannot be factored, or a table that cannot be made."""


class NotAQuadratic(FactoringError):
    """The coefficients are none of a quadratic over the rationals; the message says why."""


class TableTooLong(FactoringError):
    """The method's table would take too long to make or to read; ``factor`` does without it."""
