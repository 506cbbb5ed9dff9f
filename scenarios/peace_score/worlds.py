"""Hypothesis strategies: small worlds, what can happen in them, and ways to measure it."""

from dataclasses import dataclass, field, replace
from itertools import combinations

from hypothesis import strategies as st

from reference.peace_score.aggregates import COMBINATIONS
from reference.peace_score.interactions import UNKNOWN_FATALITY, Alliance, Dispute, Measure, peace_graph
from reference.peace_score.models import Model

disputes = st.builds(Dispute, hostility=st.integers(1, 5), fatality=st.integers(0, 6) | st.just(UNKNOWN_FATALITY))
alliances = st.builds(Alliance, *[st.booleans()] * 4)
intensities = st.integers(1, 2)
shares = st.floats(0, 1)


@dataclass(frozen=True)
class World:
    """Nations and the records of what they did; any pair may be recorded in either order."""

    nations: tuple
    disputes: dict = field(default_factory=dict)
    alliances: dict = field(default_factory=dict)
    conflicts: dict = field(default_factory=dict)

    def graph(self, model):
        return peace_graph(self.nations, self.disputes, self.alliances, self.conflicts, measure=model.measure)

    def renamed(self, name):
        return World(
            tuple(map(name, self.nations)),
            {(name(one), name(other)): rows for (one, other), rows in self.disputes.items()},
            {(name(one), name(other)): rows for (one, other), rows in self.alliances.items()},
            {name(nation): rows for nation, rows in self.conflicts.items()},
        )

    def with_records_reversed(self):
        """The same records: every pair the other way round, everything in the opposite order."""
        return World(
            self.nations[::-1],
            {pair[::-1]: rows[::-1] for pair, rows in reversed(self.disputes.items())},
            {pair[::-1]: rows[::-1] for pair, rows in reversed(self.alliances.items())},
            {nation: rows[::-1] for nation, rows in reversed(self.conflicts.items())},
        )


@st.composite
def worlds(draw, smallest=1, largest=6):
    """Worlds of a few nations; some of them have nothing to do with any other."""
    nations = tuple("ABCDEFGH"[: draw(st.integers(smallest, largest))])
    pairs = list(combinations(nations, 2))

    def by_pair(records):
        rows = st.lists(records, min_size=1, max_size=3)
        return draw(st.dictionaries(st.sampled_from(pairs), rows, max_size=6)) if pairs else {}

    return World(
        nations,
        by_pair(disputes),
        by_pair(alliances),
        draw(st.dictionaries(st.sampled_from(nations), st.lists(intensities, min_size=1, max_size=2))),
    )


@st.composite
def turns_for_the_worse(draw):
    """A world before and after one step away from peace."""
    world = draw(worlds(smallest=2))
    # mostly a pair that has records already: a further one is where an average would go wrong
    pair = draw(st.sampled_from([*world.alliances, *world.disputes, *combinations(world.nations, 2)]))
    nation = draw(st.sampled_from(world.nations))
    quarrels, treaties = world.disputes.get(pair, []), world.alliances.get(pair, [])
    conflicts = world.conflicts.get(nation, [])

    def with_disputes(*rows):
        return replace(world, disputes=world.disputes | {pair: [*quarrels, *rows]})

    def with_alliances(*rows):
        return replace(world, alliances=world.alliances | {pair: [*treaties, *rows]})

    def with_conflicts(*rows):
        return replace(world, conflicts=world.conflicts | {nation: [*conflicts, *rows]})

    dispute, alliance = draw(disputes), draw(alliances)
    graver = Dispute(draw(st.integers(dispute.hostility, 5)), draw(st.integers(max(dispute.fatality, 0), 6)))
    return draw(
        st.sampled_from(
            [
                (world, with_disputes(dispute)),
                (with_disputes(dispute), with_disputes(graver)),
                (with_alliances(alliance), world),
                (with_alliances(Alliance(True, True, True, True)), with_alliances(alliance)),
                (world, with_conflicts(draw(intensities))),
                (with_conflicts(1), with_conflicts(2)),
            ]
        )
    )


@st.composite
def measures(draw):
    """Any measure that the library accepts; an unknown number of deaths weighs as none."""

    def scale(levels):
        return tuple(sorted(draw(st.lists(shares, min_size=levels, max_size=levels))))

    minor, war = scale(2)
    strengths = dict.fromkeys(("defence", "neutrality", "nonaggression", "consultation"))
    return Measure(
        hostility=scale(5),
        fatality=scale(7),
        dispute_from=draw(st.integers(1, 5)),
        minor_conflict=minor,
        war_within=war,
        **{promise: draw(shares) for promise in strengths},
    )


models = st.builds(Model, measure=st.just(Measure()) | measures(), combine=st.sampled_from(list(COMBINATIONS.values())))
