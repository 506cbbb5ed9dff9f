"""Convert column names to text, and refuse a table in which two are the same; every source calls this."""

from collections import Counter
from collections.abc import Sequence

from reference.table_summarization.errors import UnknownColumnError


def unique_names(names: Sequence[object]) -> list[str]:
    """Return column names as text.

    Raises:
        UnknownColumnError: Two columns have the same name.
    """
    texts = [str(name) for name in names]
    duplicates = sorted(name for name, times in Counter(texts).items() if times > 1)
    if duplicates:
        raise UnknownColumnError(f"the table has more than one column {duplicates[0]!r}; rename one of them")
    return texts
