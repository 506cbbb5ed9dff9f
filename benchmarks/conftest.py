"""Fixtures of the benchmarks: sizes, bounds, and figures that pytest-benchmark shows, stores and compares."""

from __future__ import annotations

import os
import re
import sys
import tomllib
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from pytest_benchmark.logger import PytestBenchmarkWarning

from benchmarks.replay import Clock
from fixtures.measure import Comparison, Growth, Timed
from fixtures.measure.plugin import Grows, Versus
from fixtures.venvs import Peer, venv

SIZES = ("smoke", "gate", "full", "peers", "soak")
STORAGE = "results/benchmarks"
BOUNDS = tomllib.loads(Path(__file__).with_name("bounds.toml").read_text())
PEERS = Path(__file__).parent / "peers"
CLOCK = Clock()
FIGURES = pytest.StashKey[list[tuple[str, Mapping[str, Any], Comparison | Growth]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("figures").addoption(
        "--sizes",
        choices=SIZES,
        default="gate",
        help="smoke: only check that it runs; gate (default): for CI; full: every bound at its size; peers: time the "
        "published packages instead of ours, at large sizes too (an hour); soak: the largest sizes",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    # A skipped or failed test does not use the fixture, which needs no warning.
    unused = "ignore:Benchmark fixture was not used:pytest_benchmark.logger.PytestBenchmarkWarning"
    config.addinivalue_line("filterwarnings", unused)
    config.addinivalue_line("markers", "peers: under --sizes=peers it times the published package in our place")
    config.addinivalue_line("markers", "full: it takes minutes and runs under --sizes=full only")
    option = config.option
    if option.benchmark_storage == "file://./.benchmarks":
        option.benchmark_storage = f"file://{config.rootpath / STORAGE}"
    if option.benchmark_compare is True:
        # Compare with all stored runs, not only the last: the first one holds the document's own figures.
        option.benchmark_compare = "[0-9][0-9][0-9][0-9]_"
    if option.benchmark_group_by == "group":
        option.benchmark_group_by = "name"
    # Runs of other machines are compared on purpose.
    warnings.filterwarnings("ignore", "Benchmark machine_info is different", PytestBenchmarkWarning)
    option.benchmark_columns = option.benchmark_columns or ["min", "median", "max", "rounds"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.benchmark(timer=CLOCK))
    sizes = config.getoption("sizes")
    others = [item for item in items if not _of_these_sizes(item, sizes)]
    items[:] = [item for item in items if _of_these_sizes(item, sizes)]
    config.hook.pytest_deselected(items=others)


def _of_these_sizes(item: pytest.Item, sizes: str) -> bool:
    if sizes == "peers":
        return item.get_closest_marker("peers") is not None
    return sizes == "full" or item.get_closest_marker("full") is None


@pytest.hookimpl(wrapper=True)
def pytest_benchmark_group_stats() -> Generator[None, Any, Any]:
    groups = yield
    return sorted(groups, key=lambda group: [part.zfill(9) for part in re.split(r"(\d+)", group[0] or "")])


def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    # Keep only what explains differences of figures, and nothing that identifies a machine.
    machine_info.pop("node", None)
    cpu = machine_info.get("cpu", {})
    machine_info["cpu"] = {name: cpu[name] for name in ("brand_raw", "arch", "count") if name in cpu}
    machine_info["memory_gb"] = round(psutil.virtual_memory().total / 2**30)
    machine_info["usable_cores"] = len(os.sched_getaffinity(0))


class Recorder:
    """Stores a test's figures by pytest-benchmark."""

    def __init__(self, request: pytest.FixtureRequest, benchmark: BenchmarkFixture) -> None:
        self.request = request
        self.benchmark = benchmark
        name = getattr(request.node, "originalname", request.node.name)
        self.bound: Mapping[str, Any] = BOUNDS.get(request.path.stem.removeprefix("test_"), {}).get(name, {})

    def __call__(self, seconds: Sequence[float], /, **facts: Any) -> None:
        """Store the seconds of each round, and facts about them."""
        CLOCK.replay(seconds)
        self.benchmark.pedantic(lambda: None, rounds=len(seconds))
        self.benchmark.extra_info.update(facts)

    def limits(self, *names: str) -> dict[str, float]:
        """Return the bound of this test from bounds.toml, by the given names of arguments."""
        limits = {name: self.bound[name] for name in names if name in self.bound}
        if not limits:
            raise LookupError(f"bounds.toml has none of {', '.join(names)} for {self.request.node.nodeid}")
        if "guarded" in self.bound:
            return dict.fromkeys(limits, self.bound["guarded"])
        return limits

    def judged(self, measured: Comparison | Growth, seconds: Sequence[float], **facts: Any) -> None:
        """Store a measurement that was compared with its bound."""
        self(seconds, **measured.figures(), aim=self.bound["aim"], **facts)
        self.request.config.stash.setdefault(FIGURES, []).append((self._name(facts), self.bound, measured))

    def _name(self, facts: Mapping[str, Any]) -> str:
        # Name the size, since it may differ from the one that the bound is stated for.
        rows = f" at {facts['rows']:,} rows" if "rows" in facts else ""
        return f"{self.request.node.name}{rows}"


@pytest.fixture
def sizes(request: pytest.FixtureRequest) -> str:
    """The value of --sizes: smoke, gate, full, peers or soak."""
    return str(request.config.getoption("sizes"))


@pytest.fixture
def record(request: pytest.FixtureRequest, benchmark: BenchmarkFixture) -> Recorder:
    """`record(seconds, fact=...)` stores a figure that has no bound."""
    return Recorder(request, benchmark)


class RecordedVersus(Versus):
    def __init__(self, request: pytest.FixtureRequest, record: Recorder) -> None:
        super().__init__(request)
        self.record = record

    def __call__(self, ours: Callable[..., Any], other: Callable[..., Any], **settings: Any) -> Comparison:
        __tracebackhide__ = True
        facts = settings.pop("facts", {})
        limits = self.record.limits("faster", "slower")
        measured = super().__call__(ours, other, **limits, **{"memory": True, **settings})
        self.record.judged(measured, measured.ours, **facts)
        return measured


class RecordedGrowth(Grows):
    def __init__(self, request: pytest.FixtureRequest, record: Recorder) -> None:
        super().__init__(request)
        self.record = record

    def __call__(self, run: Callable[[Any], Any], sizes: Sequence[int], **settings: Any) -> Growth:
        __tracebackhide__ = True
        peaks: dict[Any, float] = {}

        def watched(size: Any) -> Any:
            taken = run(size)
            if isinstance(taken, Timed) and taken.peak_mb is not None:
                peaks[size] = max(taken.peak_mb, peaks.get(size, 0))
            return taken

        measured = super().__call__(watched, sizes, **self.record.limits("at_most"), **settings)
        self.record.judged(measured, [each[-1] for each in measured.seconds], peaks_mb=peaks)
        return measured


@pytest.fixture
def versus(request: pytest.FixtureRequest, record: Recorder) -> RecordedVersus:
    """`versus(ours, other)` of fixtures.measure, with the bound of bounds.toml; the figures and `facts` are stored."""
    return RecordedVersus(request, record)


@pytest.fixture
def growth(request: pytest.FixtureRequest, record: Recorder) -> RecordedGrowth:
    """`growth(run, sizes)` of fixtures.measure, with the bound of bounds.toml; the largest size's times are stored."""
    return RecordedGrowth(request, record)


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Peer]]:
    """`peer(worker, *arguments, environment=None)` starts a worker of `peers/`; it ends with the module.

    Workers share the folder of their tables.
    """
    tables = tmp_path_factory.mktemp("tables")
    running: dict[tuple[str, ...], Peer] = {}

    def start(worker: str, *arguments: str, environment: str | None = None) -> Peer:
        key = (worker, *arguments)
        if key not in running:
            python = Path(sys.executable) if environment is None else venv(environment).python
            variables = {"BENCHMARK_TABLES": str(tables), "PYTHONPATH": str(PEERS.parents[1])}
            running[key] = Peer(python, PEERS / f"{worker}.py", *arguments, variables=variables).__enter__()
        return running[key]

    yield start
    for each in running.values():
        each.close()


def versions(*packages: str) -> dict[str, str]:
    """Return the installed versions of packages, to be stored with a figure."""
    return {package: version(package) for package in packages}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    figures = config.stash.get(FIGURES, [])
    if figures:
        terminalreporter.section("figures, each a ratio in one run")
    for name, bound, measured in figures:
        aim = f"aim {bound['aim']:g} {'reached' if _reached(bound, measured) else 'not reached'}"
        terminalreporter.write_line(f"{name}: {bound['work']}, against {bound['against']}: {measured} ({aim})")
        if "not_met" in bound:
            terminalreporter.write_line(
                f"NOT MET: {name}: {bound['not_met']}; guarded at {bound['guarded']:g} until it is"
            )
    for name, _, measured in figures:
        if measured.note:
            terminalreporter.write_line(f"measured: {name}: {measured.note}")


def _reached(bound: Mapping[str, Any], measured: Comparison | Growth) -> bool:
    if isinstance(measured, Growth):
        return measured.exponent <= bound["aim"]
    return (1 / measured.ratio >= bound["aim"]) if "faster" in bound else (measured.ratio <= bound["aim"])
