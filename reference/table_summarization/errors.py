"""The exceptions of this package, all subclasses of `SummaryError`; each message is one sentence that says what to do.

Open it to find which exception to catch.
"""

from reference.extras import install


class SummaryError(ValueError):
    """Base class of this package's exceptions: the table cannot be summarized with these options."""


class UnknownColumnError(SummaryError):
    """A requested column is missing from the table, or occurs more than once."""


class EmptyTableError(SummaryError):
    """The table has no rows, or no columns are left to summarize."""


class UnreadableError(SummaryError):
    """A file, a query or an object that cannot be read as a table."""


class UnsupportedValuesError(SummaryError):
    """A column has values that cannot be part of a pattern, such as lists."""


class MissingExtraError(SummaryError):
    """A package is not installed: one that belongs to the extra, or another such as a database driver."""

    def __init__(self, package: str, *, in_extra: bool = True) -> None:
        how = f"it with the extra: {install('table-summarization')}" if in_extra else "it"
        super().__init__(f"{package} is needed for this; install {how}")
