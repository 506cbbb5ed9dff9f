"""The base of this library's errors, for a caller that handles them all alike."""


class PeaceScoreError(ValueError):
    """Data, weights, measures or a comparison from which no score follows."""
