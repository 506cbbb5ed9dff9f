"""Tiers of a Pinot table: which servers hold its segments from an age on.

Read this to see what of a tier is checked here, since Pinot accepts it and fails later, or in other words.
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
    """Servers for the segments of a table from an age on; the others stay on the servers of its tenant.

    Attributes:
        name: Its name, of letters, digits, `_` and `-`.
        age: The age of a segment's newest row from which on the segment belongs there: `30d`, `24h`, `1h30m`.
        tag: The tag of its servers, which ends in `_REALTIME`.

    Raises:
        BadInput: One of these has another form.
    """

    name: str
    age: str
    tag: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise BadInput(f"{self.name!r} is no name of a tier: use letters, digits, _ and -")
        if not _AGE.fullmatch(self.age):
            raise BadInput(f"tier {self.name}: {self.age!r} is no age of a segment: write 30d, 24h or 1h30m")
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
        raise BadInput(f"two tiers have the name {twice[0]}: name each otherwise")
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
