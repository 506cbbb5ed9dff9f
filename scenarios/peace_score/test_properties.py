"""The axioms of a score of peace as one table of properties, and what the ways to sum it up do beyond them."""

import statistics

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference.peace_score.aggregates import AGGREGATES, mean, median
from reference.peace_score.directed import symmetrized
from reference.peace_score.interactions import NEUTRAL, Dispute, serenity
from reference.peace_score.models import Model
from reference.peace_score.score import nation_peace, outside_peace, world_peace
from scenarios.peace_score import published
from scenarios.peace_score.worlds import World, models, shares, turns_for_the_worse, worlds

ROUNDING = 1e-12


class Score:
    """A world's nations by a model, and the world by each of the aggregates."""

    def __init__(self, world, model):
        self.combine = model.combine
        self.graph = world if isinstance(world, nx.Graph) else world.graph(model)
        self.nations = nation_peace(self.graph, combine=model.combine)
        self.world = {
            name: world_peace(self.graph, combine=model.combine, aggregate=aggregate)
            for name, aggregate in AGGREGATES.items()
        }


def bounded(data, score):
    """Every nation's peace and the world's are from 0 to 1."""
    of = score(data.draw(worlds()))

    assert all(0 <= value <= 1 for value in [*of.nations.values(), *of.world.values()])


def symmetric(data, score):
    """An interaction counts the same for both nations, whatever the order of the records."""
    world = data.draw(worlds())
    forwards, backwards = score(world), score(world.with_records_reversed())

    assert forwards.nations == backwards.nations
    assert forwards.world == backwards.world
    for one, other, weight in forwards.graph.edges(data="weight"):
        assert backwards.graph[other][one]["weight"] == weight


def monotone(data, score):
    """A hostile interaction raises no nation's peace, a treaty lowers none."""
    before, after = map(score, data.draw(turns_for_the_worse()))

    assert all(after.nations[nation] <= before.nations[nation] + ROUNDING for nation in before.nations)
    for aggregate, value in after.world.items():
        assert value <= before.world[aggregate] + ROUNDING, aggregate


def nameless(data, score):
    """The names of nations do not matter, neither in the records nor in the graph."""
    world = data.draw(worlds())
    names = dict(zip(world.nations, data.draw(st.permutations(world.nations)), strict=True))
    of, renamed = score(world), score(world.renamed(names.get))
    relabelled = score(nx.relabel_nodes(of.graph, names))

    expected = {names[nation]: value for nation, value in of.nations.items()}
    assert renamed.nations == relabelled.nations == expected
    assert renamed.world == relabelled.world == of.world


def defined_alone(data, score):
    """A nation without an edge has the neutral peace outside, and its own inside."""
    world = data.draw(worlds(largest=5))
    with_an_island = score(World((*world.nations, "Isle"), world.disputes, world.alliances, world.conflicts))

    assert outside_peace(with_an_island.graph, ["Isle"]) == {"Isle": NEUTRAL}
    assert with_an_island.nations["Isle"] == with_an_island.combine(NEUTRAL, serenity())


def open_to_newcomers(data, score):
    """A nation without interactions changes no other's peace and raises the world's only if its own is higher."""
    world = data.draw(worlds())
    conflicts = data.draw(st.lists(st.integers(1, 2), max_size=2))
    newcomer = World((*world.nations, "New"), world.disputes, world.alliances, world.conflicts | {"New": conflicts})
    before, after = score(world), score(newcomer)

    assert after.nations.items() - {("New", after.nations["New"])} == before.nations.items()
    for aggregate, value in after.world.items():
        assert value <= max(before.world[aggregate], after.nations["New"]) + ROUNDING, aggregate


AXIOMS = [bounded, symmetric, monotone, nameless, defined_alone, open_to_newcomers]


@pytest.mark.claim("peace-3")
@pytest.mark.parametrize("axiom", AXIOMS, ids=lambda axiom: axiom.__name__)
@given(data=st.data(), model=models)
def test_axiom_holds(axiom, data, model):
    axiom(data, lambda world: Score(world, model))


@pytest.mark.claim("peace-3")
def test_average_of_neighbours_needs_a_neighbour():
    with pytest.raises(statistics.StatisticsError, match="at least one data point"):
        published.nation_peace(nx.empty_graph(["Isle"]))


@pytest.mark.claim("peace-3")
@given(world=worlds(smallest=2))
def test_war_lowers_the_worlds_peace(world):
    """A score that never moves would be monotone, too."""
    one, other = world.nations[:2]
    at_peace = World(world.nations, {}, world.alliances, {})
    at_war = World(world.nations, {(one, other): [Dispute(hostility=5)]}, world.alliances, {})
    before, after = Score(at_peace, Model()), Score(at_war, Model())

    assert {nation for nation in world.nations if after.nations[nation] < before.nations[nation]} == {one, other}
    assert all(after.world[aggregate] < before.world[aggregate] for aggregate in ("mean", "root-mean", "rank-weighted"))


class TestANewcomer:
    """What a nation without interactions does to the world's peace depends on the aggregate, in a stated way."""

    many = st.lists(shares, min_size=1, max_size=12)

    @pytest.mark.claim("peace-3")
    @pytest.mark.parametrize("name", ["mean", "median", "low-decile", "root-mean"])
    @given(others=many, newcomer=shares)
    def test_newcomer_draws_aggregates_towards_itself(self, name, others, newcomer):
        before, after = AGGREGATES[name](others), AGGREGATES[name]([*others, newcomer])

        assert min(before, newcomer) - ROUNDING <= after <= max(before, newcomer) + ROUNDING

    @pytest.mark.claim("peace-3")
    @given(others=many, newcomer=shares)
    def test_newcomer_draws_the_mean_by_one_part_in_n(self, others, newcomer):
        moved = mean([*others, newcomer]) - mean(others)

        assert moved == pytest.approx((newcomer - mean(others)) / (len(others) + 1), abs=ROUNDING)

    @pytest.mark.claim("peace-3")
    @pytest.mark.parametrize("name", ["mean", "worst-half", "root-mean", "rank-weighted"])
    @given(others=many, newcomer=shares)
    def test_newcomer_moves_aggregates_by_two_parts(self, name, others, newcomer):
        moved = AGGREGATES[name]([*others, newcomer]) - AGGREGATES[name](others)

        assert abs(moved) <= 2 / (len(others) + 1) + ROUNDING

    @pytest.mark.claim("peace-3")
    def test_newcomer_can_move_median_and_decile_fully(self):
        divided = [0.0] * 50 + [1.0] * 50
        assert median([*divided, 1.0]) - median([*divided, 0.0]) == 1

        few_lost = [0.0] * 10 + [1.0] * 90
        assert AGGREGATES["low-decile"](few_lost) == 0
        assert AGGREGATES["low-decile"]([*few_lost, 1.0]) == 1


@pytest.mark.claim("peace-3")
def test_worse_half_of_an_odd_number_has_the_middle():
    assert AGGREGATES["worst-half"]([1.0, 0.5, 0.0]) == 0.25
    assert AGGREGATES["worst-half"]([1.0, 0.5, 0.25, 0.0]) == 0.125


@pytest.mark.claim("peace-3")
def test_rule_that_depends_on_the_direction_is_refused():
    directed = nx.DiGraph([("A", "B", {"weight": 0.9}), ("B", "A", {"weight": 0.2})])

    with pytest.raises(ValueError, match="the rule is not symmetric"):
        symmetrized(directed, rule=lambda there, back: there - back)


def each_below_the_median_loses_half(ranks):
    middle = len(ranks) // 2
    return [score / 2 for score in ranks[:middle]] + ranks[middle:]


def the_worst_loses_all(ranks):
    return [0.0, *ranks[1:]]


def each_above_the_median_loses_a_tenth_of_the_rest(ranks):
    return [min(score, score - (score - median(ranks)) / 10) for score in ranks]


NOTICED_BY = {
    each_below_the_median_loses_half: {"mean", "low-decile", "worst-half", "root-mean", "rank-weighted"},
    the_worst_loses_all: {"mean", "worst-half", "root-mean", "rank-weighted"},
    each_above_the_median_loses_a_tenth_of_the_rest: {"mean", "root-mean", "rank-weighted"},
}


@pytest.mark.claim("peace-3")
@pytest.mark.parametrize("happening", NOTICED_BY, ids=lambda happening: happening.__name__)
def test_aggregates_notice_a_worse_world_of_2014(scored, happening, evidence):
    before = sorted(scored[2014].values())
    after = happening(before)

    moved = {name: (aggregate(before), aggregate(after)) for name, aggregate in AGGREGATES.items()}

    assert {name for name, (was, now) in moved.items() if now < was} == NOTICED_BY[happening]
    assert all(now <= was for was, now in moved.values())
    evidence.table(
        happening.__name__.replace("_", " "),
        [{"aggregate": name, "before": f"{was:.4f}", "after": f"{now:.4f}"} for name, (was, now) in moved.items()],
    )
