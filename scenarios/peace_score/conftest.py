"""Fixtures of the scenario: the published and the corrected score, and the real interactions of twenty years."""

from pathlib import Path

import pytest

from reference.peace_score import directed, score
from reference.peace_score.data import read_history
from reference.peace_score.models import averaged, scores_by_year
from scenarios.peace_score import published

DATA = Path(__file__).parents[2] / "fixtures" / "data" / "peace_score"


@pytest.fixture
def peace(way):
    """The score of nations and of the world."""
    return {"published": published, "corrected": score}[way]


@pytest.fixture
def undirected(way):
    """How interactions that have a direction become an undirected graph."""
    return {"published": published.undirected, "corrected": directed.symmetrized}[way]


@pytest.fixture(scope="session")
def data():
    """The directory of the real interactions."""
    return DATA


@pytest.fixture(scope="session")
def history():
    """The real interactions, read."""
    return read_history(DATA)


@pytest.fixture(scope="session")
def scored(history):
    """The nations' scores by year."""
    return scores_by_year(history, history.years)


@pytest.fixture(scope="session")
def index(history):
    """The Global Peace Index by year, its sign turned: as published, 1 is the most peaceful and 5 the least."""
    return {
        year: {nation: -value for nation, value in history.peace_index[year].items()}
        for year in history.years
        if year in history.peace_index
    }


@pytest.fixture(scope="session")
def index_mean(index):
    """Each nation's mean of the turned index."""
    return averaged(index.values())


@pytest.fixture
def world_of_2014(history):
    """The graph of 2014, of the nations that have an edge: the essay does not say what the others' peace would be."""
    graph = history.graph(2014)
    return graph.subgraph([nation for nation in graph if graph.degree[nation]]).copy()
