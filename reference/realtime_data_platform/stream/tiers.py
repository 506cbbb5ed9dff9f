"""Tiers of a Pinot table: groups of servers that hold the segments older than a given age.

Read this to see the form of a tier. It is checked here because Pinot accepts some wrong values and fails later, and
rejects others with a message that does not name the cause.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from reference.realtime_data_platform.errors import BadInput

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_AGE = re.compile(r"(?=\d)(\d+d)?(\d+h)?(\d+m)?(\d+s)?")
_SUFFIX = "_REALTIME"


@dataclass(frozen=True)
class Tier:
    """The servers for a table's segments of a given age or older; younger segments stay on the tenant's servers.

    Attributes:
        name: The tier's name, of letters, digits, `_` and `-`.
        age: The age of a segment's newest row at which the segment moves to this tier: `30d`, `24h`, `1h30m`.
        tag: The tag of the tier's servers, which ends in `_REALTIME`.

    Raises:
        BadInput: An attribute has another form.
    """

    name: str
    age: str
    tag: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise BadInput(f"{self.name!r} is not a valid name of a tier: use letters, digits, _ and -")
        if not _AGE.fullmatch(self.age):
            raise BadInput(
                f"tier {self.name}: {self.age!r} is not an age of a segment: write it like 30d, 24h or 1h30m"
            )
        if not self.tag.endswith(_SUFFIX) or self.tag == _SUFFIX:
            raise BadInput(
                f"tier {self.name}: servers of a realtime table have a tag like cold{_SUFFIX}, not {self.tag!r}"
            )


def configs(tiers: Sequence[Tier]) -> list[dict[str, str]]:
    """Return the `tierConfigs` of Pinot's table.

    Raises:
        BadInput: Two tiers have one name.
    """
    twice = [name for name, count in Counter(tier.name for tier in tiers).items() if count > 1]
    if twice:
        raise BadInput(f"two tiers have the name {twice[0]}: give each a name of its own")
    return [
        {
            "name": tier.name,
            "segmentSelectorType": "time",
            "segmentAge": tier.age,
            "storageType": "pinot_server",
            "serverTag": tier.tag,
        }
        for tier in tiers
    ]
