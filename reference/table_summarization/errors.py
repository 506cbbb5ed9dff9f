"""What can be wrong with a table, each said in one sentence that tells what to do."""

from reference.extras import install


class SummaryError(ValueError):
    """A table that cannot be summarized as asked; the base of this package's errors."""


class UnknownColumnError(SummaryError):
    """A column was named that the table does not have, or has more than once."""


class EmptyTableError(SummaryError):
    """The table has no rows, or no columns are left to summarize."""


class UnreadableError(SummaryError):
    """A file, a query or an object that cannot be read as a table."""


class UnsupportedValuesError(SummaryError):
    """A column of values that a pattern cannot fix, such as lists."""


class MissingExtraError(SummaryError):
    """A package is not installed: one of the extra, or one that only some need, such as a database's driver."""

    def __init__(self, package: str, *, in_extra: bool = True) -> None:
        how = f"it with the extra: {install('table-summarization')}" if in_extra else "it"
        super().__init__(f"{package} is needed for this; install {how}")
