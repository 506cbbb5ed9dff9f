"""Profiles of a running Python service, sampled from outside by py-spy: the service is not changed or restarted.

Read this to see what a profile contains: the functions on each stack and the process, but no arguments or values.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sysconfig
import tempfile
import time
from collections import Counter
from pathlib import Path

from .errors import BadInput, ProfileFailed
from .pprof_format import Frame, Sample, encode_pprof

RATE = 100
LONGEST = 600
"""Limit on the seconds of one profile."""
MOST_SECONDS_MORE = 60
"""Seconds after the end of a profile until py-spy is ended; it cannot read a process that is stopped."""

_PROCESS = re.compile(r"Process (\d+) Thread ")


def profile(pid: int, seconds: int, *, rate: int = RATE) -> bytes:
    """Sample a process and its children; return a profile of their processor time in pprof's format.

    Args:
        pid: Process id of the service. Root may profile any process; other users may profile their own processes, if
            the system's settings allow it.
        seconds: How long to sample; py-spy accepts whole seconds only.
        rate: Samples per second. A stack that is seen in one sample counts for 1 / rate seconds.

    Returns:
        A gzipped profile. Each sample has the label `pid`, which under gunicorn distinguishes the workers.

    Raises:
        BadInput: An argument is not usable.
        ProfileFailed: py-spy is not installed, or cannot read the process.
    """
    if not 1 <= seconds <= LONGEST:
        raise BadInput(f"a profile of {seconds} seconds: give 1 to {LONGEST}")
    if not 1 <= rate <= 1000:
        raise BadInput(f"{rate} samples per second: give 1 to 1000")
    if pid < 1:
        raise BadInput(f"{pid} is not the id of a process")
    begun = time.time_ns()
    written = _record(pid, seconds, rate)
    return encode_pprof(read_stacks(written), rate=rate, begun_ns=begun, seconds=seconds)


def read_stacks(written: str) -> list[Sample]:
    """Return the samples of a file that py-spy wrote in the format of speedscope.

    The outermost entries of each stack are the processes with their command lines; these entries have no file. They are
    left out, since a command line may contain secrets. It may also contain line breaks, or text that looks like a
    function: therefore py-spy's line format, unlike this one, cannot be parsed reliably.

    Args:
        written: JSON with a profile of each thread of each process.

    Raises:
        ProfileFailed: The text is not in this format.
    """
    counted: Counter[tuple[int, tuple[Frame, ...]]] = Counter()
    try:
        read = json.loads(written)
        frames = [Frame(each["name"], each["file"], each["line"] or 0) for each in read["shared"]["frames"]]
        for thread in read["profiles"]:
            process = _PROCESS.match(thread["name"])
            if not process:
                raise ProfileFailed(f"py-spy wrote stacks of {thread['name']!r}, a name without a process id")
            for stack in thread["samples"]:
                functions = (frames[at] for at in reversed(stack))
                counted[int(process[1]), tuple(each for each in functions if each.file)] += 1
    except (ValueError, LookupError, TypeError) as error:
        raise ProfileFailed(f"py-spy wrote no profile in the format of speedscope: {error}") from error
    return [Sample(pid, stack, count) for (pid, stack), count in counted.items() if stack]


def _record(pid: int, seconds: int, rate: int) -> str:
    scripts = sysconfig.get_path("scripts")
    program = shutil.which("py-spy", path=scripts) or shutil.which("py-spy")
    if program is None:
        raise ProfileFailed("py-spy is not installed: pip install executable-documents[service-telemetry]")
    if not Path(f"/proc/{pid}").exists():
        raise ProfileFailed(f"there is no process {pid}")
    options = ["--pid", str(pid), "--rate", str(rate), "--duration", str(seconds), "--subprocesses"]
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder, "profile.json")
        try:
            # Short file names would be ambiguous: Flask and its instrumentation both have a `flask/__init__.py`.
            done = subprocess.run(
                [program, "record", *options, "--full-filenames", "--format", "speedscope", "--output", written],
                capture_output=True,
                text=True,
                check=False,
                timeout=seconds + MOST_SECONDS_MORE,
            )
        except subprocess.TimeoutExpired as error:
            raise ProfileFailed(
                f"py-spy did not end within {MOST_SECONDS_MORE} s after the profile: is process {pid} stopped?"
            ) from error
        if done.returncode or not written.exists():
            raise ProfileFailed(
                f"process {pid} cannot be profiled: {_why(done.stderr)}; root may profile every process"
            )
        return written.read_text()


def _why(said: str) -> str:
    """Return error and reason from py-spy's output, without the backtrace."""
    lines = [line.strip() for line in said.splitlines()]
    whys = [line.partition(": ")[2] for line in lines if line.startswith(("Error: ", "Reason: "))]
    return "; ".join(whys) or (lines or ["py-spy gives no reason"])[-1]
