"""The protocol of workers: JSON lines, `{run, size}` in, `{seconds, checksum, peak_mb}` out.

Workers run in other virtual environments, so they and this module import only what is published.
"""

import gc
import json
import os
import queue
import resource
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import psutil


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds that some work took, with the garbage collector off, and its result."""
    gc.collect()
    gc.disable()
    start = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - start
    gc.enable()
    return seconds, result


def serve(runs: Mapping[str, Callable[[int], tuple[float, Any]]]) -> NoReturn:
    """Answer requests until standard input closes; then end at once, even in the middle of a run.

    Args:
        runs: By name, functions that take a size and return seconds and a checksum of the result.
    """
    # What libraries print must not be taken for answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    orders: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(orders,), daemon=True).start()
    print('{"ready": true}', file=answers, flush=True)
    while True:
        order = json.loads(orders.get())
        _reset_peaks()
        seconds, checksum = runs[order["run"]](order["size"])
        print(json.dumps({"seconds": seconds, "checksum": checksum, "peak_mb": _peak_mb()}), file=answers, flush=True)


def _listen(orders: "queue.Queue[str]") -> None:
    for line in sys.stdin:
        orders.put(line)
    os._exit(0)


def _tree() -> list[Path]:
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    return [Path("/proc") / str(process.pid) for process in processes]


def _reset_peaks() -> None:
    for process in _tree():
        (process / "clear_refs").write_text("5")


def _peak_mb() -> float:
    # The sum of each process's own high-water mark is an upper bound of the sum's; of those that have ended, the kernel
    # kept the largest.
    ended = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    lines = [line for process in _tree() for line in (process / "status").read_text().splitlines()]
    return max(ended, sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))) / 1024
