"""The peace that interactions leave: between two nations (f), within one (s), and the graph of both.

Source: the essay "Peace, Somewhat Precisely" asks for f and s with values in [0, 1] and leaves their form
open. The form here is the simplest that is monotone in every interaction: peace is what each hostile act
leaves of it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final, TypeVar

import networkx as nx

from reference.peace_score.errors import PeaceScoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Nation = TypeVar("Nation", bound=Hashable)
"""A nation as a node of the graph: any hashable value."""

NEUTRAL: Final = 0.5
"""Peace between two nations without any interaction: the middle of the scale, neither friends nor enemies."""

UNKNOWN_FATALITY: Final = -9
"""The code of the dispute data for an unknown number of deaths."""


class MeasureError(PeaceScoreError):
    """A parameter or a coded level is outside its scale."""


def _level(name: str, value: int, lowest: int, highest: int) -> int:
    """Return the value, or refuse one outside the scale."""
    if not lowest <= value <= highest:
        raise MeasureError(f"{name} must be from {lowest} to {highest}, not {value}")
    return value


@dataclass(frozen=True, slots=True)
class Dispute:
    """A militarized dispute that sets two nations against each other in a year.

    Attributes:
        hostility: highest act, from 1 (none) over threat, display and use of force to 5 (war).
        fatality: deaths in battle, from 0 (none) to 6 (over 999), or ``UNKNOWN_FATALITY``.
    """

    hostility: int
    fatality: int = 0


@dataclass(frozen=True, slots=True)
class Alliance:
    """A treaty between two nations: what they promise each other.

    Attributes:
        defence: to fight for the other when it is attacked.
        neutrality: to stay out of the other's wars.
        nonaggression: not to attack the other.
        consultation: to talk in a crisis.
    """

    defence: bool = False
    neutrality: bool = False
    nonaggression: bool = False
    consultation: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """The weights of interactions: what counts as one, and how much.

    The defaults are read off the meaning of the codes; none is fitted to another index. How far the results
    hang on them is what ``reference.peace_score.models.VARIATIONS`` are for.

    Attributes:
        hostility: severity of the levels 1 to 5. Equal steps: the codes are an order without distances, and
            equal steps claim least; level 1 is an incident without a militarized act (nothing lost), level 5
            is war (nothing left).
        fatality: severity of the levels 0 to 6, on top of the hostility. Equal steps again; over 999 deaths
            is the threshold from which a dispute is coded as a war: nothing is left.
        unknown_fatality: the level taken where the deaths are unknown. None: most disputes with known deaths
            had none.
        dispute_from: lowest hostility that is an interaction at all. A threat: below it nothing military was
            done or said.
        defence: strength of a promise to fight for the other, the most that a treaty can promise.
        neutrality: strength of a promise to stay out of the other's wars: half, since it asks for nothing to
            be done.
        nonaggression: strength of a promise not to attack: half, for the same reason.
        consultation: strength of a promise to talk: half of that again.
        minor_conflict: severity of a conflict within a nation with 25 to 999 deaths in battle a year: half
            way to war.
        war_within: severity of a war within: nothing of the peace inside is left.
    """

    hostility: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    fatality: tuple[float, ...] = (0.0, 1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1.0)
    unknown_fatality: int = 0
    dispute_from: int = 2
    defence: float = 1.0
    neutrality: float = 0.5
    nonaggression: float = 0.5
    consultation: float = 0.25
    minor_conflict: float = 0.5
    war_within: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what would break the axioms.

        Raises:
            MeasureError: a severity or strength outside [0, 1], a graver level that weighs less, a level too
                many or too few.
        """
        within = (self.minor_conflict, self.war_within)
        scales = (
            ("hostility", self.hostility, 5),
            ("fatality", self.fatality, 7),
            ("conflict within", within, 2),
        )
        for name, scale, levels in scales:
            if len(scale) != levels:
                raise MeasureError(f"{name}: there are {levels} levels, not {len(scale)}")
            if not all(low <= high for low, high in pairwise((0.0, *scale, 1.0))):
                raise MeasureError(f"{name}: severities must rise from 0 to at most 1, not {scale}")
        for name in ("defence", "neutrality", "nonaggression", "consultation"):
            if not 0 <= (strength := getattr(self, name)) <= 1:
                raise MeasureError(f"{name}: a strength must be from 0 to 1, not {strength}")
        _level("unknown_fatality", self.unknown_fatality, 0, len(self.fatality) - 1)
        _level("dispute_from", self.dispute_from, 1, len(self.hostility))

    def counts(self, dispute: Dispute) -> bool:
        """Return whether a dispute is an interaction.

        Raises:
            MeasureError: a hostility that the scale does not have.
        """
        return _level("hostility", dispute.hostility, 1, len(self.hostility)) >= self.dispute_from

    def remains(self, dispute: Dispute) -> float:
        """Return what a dispute leaves of the peace between two nations, in [0, 1]; 1 where it does not count.

        Raises:
            MeasureError: a hostility or fatality that the scale does not have.
        """
        known = self.unknown_fatality if dispute.fatality == UNKNOWN_FATALITY else dispute.fatality
        fatality = _level("fatality", known, 0, len(self.fatality) - 1)
        if not self.counts(dispute):
            return 1.0
        return (1 - self.hostility[dispute.hostility - 1]) * (1 - self.fatality[fatality])

    def strength(self, alliance: Alliance) -> float:
        """Return the strongest of the promises, in [0, 1]; the weaker ones are mostly contained in it."""
        return max(
            self.defence * alliance.defence,
            self.neutrality * alliance.neutrality,
            self.nonaggression * alliance.nonaggression,
            self.consultation * alliance.consultation,
        )


DEFAULT: Final = Measure()
"""The stated defaults."""


def peace_between(
    disputes: Iterable[Dispute] = (), alliances: Iterable[Alliance] = (), *, measure: Measure = DEFAULT
) -> float:
    r"""f: how much peace there is between two nations.

    .. math:: f = \frac{1 + c}{2} \prod_d (1 - h_d)(1 - k_d)

    where c is the strength of the strongest promise between the two, and h and k are the severities of a
    dispute's hostility and deaths. No interaction gives ``NEUTRAL``, a defence pact without a dispute 1, a war
    0.

    Args:
        disputes: the disputes between the two, in one year.
        alliances: the treaties in force between the two.
        measure: what counts, and how much.

    Returns:
        A value in [0, 1]. It never rises by a further or graver dispute and never falls by a further or
        stronger promise.

    Raises:
        MeasureError: a level that the scale does not have.
    """
    cooperation = max(map(measure.strength, alliances), default=0.0)
    # sorted: a product of floats depends on its order, and the order of the records means nothing
    return (NEUTRAL + (1 - NEUTRAL) * cooperation) * math.prod(sorted(map(measure.remains, disputes)))


def serenity(conflicts: Iterable[int] = (), *, measure: Measure = DEFAULT) -> float:
    r"""s: how much peace there is within a nation's borders, the product of what each conflict leaves.

    Args:
        conflicts: intensity of each conflict inside: 1 minor, 2 war.
        measure: what counts, and how much.

    Returns:
        A value in [0, 1]: 1 without a conflict, and it never rises by a further or graver one.

    Raises:
        MeasureError: an intensity other than 1 or 2.
    """
    severities = (measure.minor_conflict, measure.war_within)
    return math.prod(1 - severities[_level("intensity", intensity, 1, 2) - 1] for intensity in sorted(conflicts))


def peace_graph(
    nations: Iterable[Nation],
    disputes: Mapping[tuple[Nation, Nation], Sequence[Dispute]] | None = None,
    alliances: Mapping[tuple[Nation, Nation], Sequence[Alliance]] | None = None,
    conflicts: Mapping[Nation, Sequence[int]] | None = None,
    *,
    measure: Measure = DEFAULT,
) -> nx.Graph[Nation]:
    """Return the weighted, undirected graph of the nations and the peace between and within them.

    Args:
        nations: the nodes; a nation without any interaction is one too.
        disputes: by pair of nations, in either order.
        alliances: by pair of nations, in either order.
        conflicts: intensities by nation.
        measure: what counts, and how much.

    Returns:
        A graph with ``peace_between`` as the edge attribute ``weight`` and ``serenity`` as the node attribute of
        that name. There is an edge where, and only where, an interaction counts.

    Raises:
        MeasureError: a level that the scale does not have, a nation that is not a node, a nation paired with
            itself.
    """
    graph: nx.Graph[Nation] = nx.Graph()
    conflicts = conflicts or {}
    for nation in nations:
        graph.add_node(nation, serenity=serenity(conflicts.get(nation, ()), measure=measure))
    order = {nation: place for place, nation in enumerate(graph)}
    hostile: defaultdict[tuple[Nation, Nation], list[Dispute]] = defaultdict(list)
    friendly: defaultdict[tuple[Nation, Nation], list[Alliance]] = defaultdict(list)
    for pair, quarrels in (disputes or {}).items():
        hostile[_pair(order, pair)] += [quarrel for quarrel in quarrels if measure.counts(quarrel)]
    for pair, treaties in (alliances or {}).items():
        friendly[_pair(order, pair)] += [treaty for treaty in treaties if measure.strength(treaty) > 0]
    for pair in hostile | friendly:
        if (quarrels := hostile[pair]) or friendly[pair]:
            graph.add_edge(*pair, weight=peace_between(quarrels, friendly[pair], measure=measure))
    if strangers := set(conflicts) - set(order):
        raise MeasureError(f"a conflict within {strangers.pop()!r}, which is not among the nations")
    return graph


def _pair(order: Mapping[Nation, int], pair: tuple[Nation, Nation]) -> tuple[Nation, Nation]:
    """Return a pair in the nations' order; refuse it unless both are different nations of the graph."""
    for nation in pair:
        if nation not in order:
            raise MeasureError(f"an interaction of {nation!r}, which is not among the nations")
    one, other = sorted(pair, key=order.__getitem__)
    if one == other:
        raise MeasureError(f"an interaction of {one!r} with itself: give it as a conflict within")
    return one, other
