"""Names of columns as text, refused where two are the same."""

from collections import Counter
from collections.abc import Sequence

from reference.table_summarization.errors import UnknownColumnError


def unique_names(names: Sequence[object]) -> list[str]:
    """Column names as text.

    Raises:
        UnknownColumnError: If a name stands twice.
    """
    texts = [str(name) for name in names]
    twice = sorted(name for name, times in Counter(texts).items() if times > 1)
    if twice:
        raise UnknownColumnError(f"the table has more than one column {twice[0]!r}; rename one of them")
    return texts
