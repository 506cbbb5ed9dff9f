"""Runs the published package in its own environment: JSON lines in and out, see `fixtures.venvs.Peer`.

On Dask's threads and in one partition, the least that the package needs. A run is `patients` (so many rows), `tie` or
`versions`.
"""

import json
import os
import resource
import sys
import time
import warnings
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import published  # the module beside this one; the package it stands in belongs to another environment

#: Two columns of two values each, all as frequent: nothing but the order of a set decides which column describes it.
TIE = [{"a": a, "b": b} for a in "xy" for b in "pq"]


def answer(run, size):
    """Return the result of a run."""
    if run == "versions":
        pins = [pin for pin in metadata.requires("tsum") if pin.startswith(("dask", "attrs", "cattrs"))]
        return {
            "pins": pins,
            **{name: metadata.version(name) for name in ("tsum", "dask", "attrs", "cattrs", "pandas")},
        }
    if run == "tie":
        return published.summarize(TIE)
    return published.summarize(published.data(size / len(published.data())))


def main():
    """Serve until the standard input closes."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    warnings.simplefilter("ignore")  # of pandas and Dask, about how the package uses them
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        start = time.perf_counter()
        found = answer(order["run"], order["size"])
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": seconds, "checksum": found, "peak_mb": peak}), file=answers, flush=True)


if __name__ == "__main__":
    main()
