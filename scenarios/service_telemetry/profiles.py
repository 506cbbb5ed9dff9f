"""Profiles of a service over time: taken from outside while it is under load, and read by the tool pprof."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import requests
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fixtures.services.fetching.go import Binary
from reference.service_telemetry import profile_server

NESTED = ("_one", "_two", "_fibo", "fibonacci")
LEAST = 0.01
"""Share of the time from which on a function is drawn."""

Stacks: TypeAlias = Sequence[tuple[tuple[str, ...], int]]
"""Stacks of functions, the outermost first, and the nanoseconds that each was seen running."""


@contextmanager
def profiles_of(pid: int) -> Iterator[str]:
    """Serve profiles of a process; the URL that a scraper is given."""
    server = profile_server(pid, port=0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/debug/pprof/profile"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def requests_for(url: str, headers: Mapping[str, str], method: str = "GET") -> Iterator[None]:
    """Send one request after another while the block runs.

    Raises:
        AssertionError: One was not answered with 200.
    """
    done, answered = threading.Event(), set()

    def send() -> None:
        with requests.Session() as session:
            while not done.is_set():
                answered.add(session.request(method, url, headers=headers, timeout=60).status_code)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    assert answered == {200}, answered


class Pprof:
    """The tool pprof.

    Args:
        folder: Folder in which it may write.
    """

    def __init__(self, folder: Path) -> None:
        self._program = Binary("pprof").get()
        self._folder = folder

    def merged(self, profiles: Sequence[Path], name: str) -> Path:
        """Return a file of profiles added up."""
        file = self._folder / f"{name}.pb.gz"
        self._run("-proto", f"-output={file}", *map(str, profiles))
        return file

    def seconds(self, profile: Path, *, base: Path | None = None) -> dict[str, tuple[float, float]]:
        """Return the seconds of each function, in itself and with all that it calls.

        Args:
            profile: The profile.
            base: A profile that is subtracted.
        """
        # Of several bases it would subtract one.
        subtracted = [f"-diff_base={base}"] if base else []
        lines = self._run("-top", "-cum", "-unit=ns", "-nodefraction=0", *subtracted, str(profile)).splitlines()
        at = next(number for number, line in enumerate(lines) if line.split()[:1] == ["flat"])
        found: dict[str, tuple[float, float]] = {}
        for line in lines[at + 1 :]:
            flat, _, _, cumulative, _, name = line.split(maxsplit=5)
            found[name] = (_nanoseconds(flat) / 1e9, _nanoseconds(cumulative) / 1e9)
        return found

    def stacks(self, profile: Path, *, of: str = "functions") -> Stacks:
        """Return the stacks of a profile, of `functions` or of their `files`."""
        printed = self._run("-traces", "-unit=ns", f"-{of}", str(profile))
        stacks = []
        for block in re.split(r"^-+\+-+$", printed, flags=re.MULTILINE)[1:]:
            lines = [line.strip() for line in block.splitlines() if line.strip() and "pid:" not in line]
            if lines:
                value, innermost = lines[0].split(maxsplit=1)
                stacks.append(((*reversed(lines[1:]), innermost), _nanoseconds(value)))
        return stacks

    def pids(self, profile: Path) -> set[int]:
        """Return the processes that a profile is of."""
        return set(map(int, re.findall(r"%\): (\d+)$", self._run("-tags", str(profile)), flags=re.MULTILINE)))

    def _run(self, *words: str) -> str:
        variables = {"HOME": str(self._folder), "PPROF_TMPDIR": str(self._folder)}
        # It would look for the program that was profiled, to find names that are in the profile already.
        command = [self._program, "-symbolize=none", *words]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout


def nested(seconds: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """Return the entries of the nested functions of the endpoint, by their short names."""
    short = {name.rpartition(".")[2]: value for name, value in seconds.items()}
    return {name: short[name] for name in NESTED if name in short}


def icicle(stacks: Stacks) -> Figure:
    """Return an icicle graph: each function below its caller, as wide as the time in which it was on the stack."""
    total = sum(value for _, value in stacks)
    figure = Figure(figsize=(9, 6), layout="constrained")
    axes = figure.subplots()
    deepest = _draw([(_without_recursion(stack), value) for stack, value in stacks], axes, 0.0, 0, total)
    axes.set_xlim(0, 1)
    axes.set_ylim(deepest, 0)
    axes.set_yticks([])
    axes.set_xlabel(f"share of {total / 1e9:.2f} s of processor time")
    return figure


def _draw(stacks: Stacks, axes: Axes, left: float, depth: int, total: int) -> int:
    deepest = depth
    for name in sorted({stack[depth] for stack, _ in stacks if len(stack) > depth}):
        below = [(stack, value) for stack, value in stacks if len(stack) > depth and stack[depth] == name]
        width = sum(value for _, value in below) / total
        if width >= LEAST:
            short = name.rpartition(".")[2]
            colour = "#ee6677" if short in NESTED else "#bbccee"
            axes.barh(depth + 0.5, width, left=left, height=1, color=colour, edgecolor="white")
            if width > 0.014 * len(short):
                axes.text(left + width / 2, depth + 0.5, short, ha="center", va="center", fontsize=8)
            deepest = max(deepest, _draw(below, axes, left, depth + 1, total), depth + 1)
        left += width
    return deepest


def _without_recursion(stack: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for index, name in enumerate(stack) if index == 0 or stack[index - 1] != name)


def _nanoseconds(text: str) -> int:
    return round(float(text.removesuffix("ns")))
