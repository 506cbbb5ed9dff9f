"""Profiles of a running Python service, sampled from outside by py-spy: the service is not changed or restarted.

Read this to see what a profile contains: the functions on each stack, the process, and nothing of arguments or values.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
import time
from collections import Counter
from pathlib import Path

from .errors import BadInput, ProfileFailed
from .pprof_format import Frame, Sample, encode_pprof

RATE = 100
LONGEST = 600
"""Seconds that one profile may take."""

_FRAME = re.compile(r"(?P<function>.+) \((?P<file>.+):(?P<line>\d+)\)")
_PROCESS = re.compile(r'process (\d+):"')


def profile(pid: int, seconds: int, *, rate: int = RATE) -> bytes:
    """Sample a process and its children; return a profile of their processor time, as pprof reads it.

    Args:
        pid: Process of the service. Root may profile any process; others those of their own, where the system's
            settings allow it.
        seconds: How long to sample: whole seconds, which is how py-spy takes it.
        rate: Samples a second. A stack that is seen in one sample counts for 1 / rate seconds.

    Returns:
        A gzipped profile. Each sample has the label `pid`: under gunicorn, which worker it is from.

    Raises:
        BadInput: An argument is not usable.
        ProfileFailed: py-spy is not installed, or cannot read the process.
    """
    if not 1 <= seconds <= LONGEST:
        raise BadInput(f"a profile of {seconds} seconds: give 1 to {LONGEST}")
    if not 1 <= rate <= 1000:
        raise BadInput(f"{rate} samples a second: give 1 to 1000")
    if pid < 1:
        raise BadInput(f"{pid} is no process")
    begun = time.time_ns()
    written = _record(pid, seconds, rate)
    return encode_pprof(read_stacks(written), rate=rate, begun_ns=begun, seconds=seconds)


def read_stacks(written: str) -> list[Sample]:
    """Return the samples that py-spy wrote in its raw format, one line a stack.

    The command lines of the processes, which may hold secrets, are left out.

    Args:
        written: Lines such as `process 7:"python -m first";main (first.py:3);work (first.py:9) 12`.
    """
    counted: Counter[tuple[int, tuple[Frame, ...]]] = Counter()
    for line in written.splitlines():
        stack, _, count = line.rpartition(" ")
        frames: list[Frame] = []
        # From the innermost function outwards, up to a command line, which may have any character in it.
        for part in reversed(stack.split(";")):
            found = _FRAME.fullmatch(part)
            if not found:
                break
            frames.append(Frame(found["function"], found["file"], int(found["line"])))
        processes = _PROCESS.findall(stack)
        if frames and processes and count.isdecimal():
            counted[int(processes[-1]), tuple(frames)] += int(count)
    return [Sample(pid, frames, count) for (pid, frames), count in counted.items()]


def _record(pid: int, seconds: int, rate: int) -> str:
    scripts = sysconfig.get_path("scripts")
    program = shutil.which("py-spy", path=scripts) or shutil.which("py-spy")
    if program is None:
        raise ProfileFailed("py-spy is not installed: pip install executable-documents[service-telemetry]")
    if not Path(f"/proc/{pid}").exists():
        raise ProfileFailed(f"there is no process {pid}")
    options = ["--pid", str(pid), "--rate", str(rate), "--duration", str(seconds), "--subprocesses"]
    # Short names would be ambiguous: `flask/__init__.py` of Flask, and of its instrumentation, a namespace package.
    done = subprocess.run(
        [program, "record", *options, "--full-filenames", "--format", "raw", "--output", "/dev/stdout"],
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + 60,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise ProfileFailed(f"process {pid} cannot be profiled: {last.strip()}; root may profile every process")
    return done.stdout
