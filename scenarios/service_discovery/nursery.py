"""Where the scenario's processes come from: one that has imported everything, and forks for each that is asked for.

They are processes like any other, killed and frozen one by one; only that they need not import Flask first. As a
program it reads orders, JSON lines of `{program, arguments, environment}`, and answers each with a pid.
"""

import json
import os
import pkgutil
import signal
import subprocess
import sys
from pathlib import Path

import gunicorn.app.wsgiapp
import gunicorn.workers.sync  # noqa: F401 imported for those who are born here

from fixtures.services.leavings import VARIABLE, Owner
from scenarios.service_discovery import application, caller, first_use  # noqa: F401 likewise


class Nursery:
    """The other end of the program."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "scenarios.service_discovery.nursery"],
            cwd=Path(__file__).parents[2],
            env={**os.environ, VARIABLE: Owner.current().name},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def bear(self, program, *arguments, **environment):
        """Start a program, `MODULE:FUNCTION`; its pid. OUTPUT in its environment is a file for what it says."""
        order = {"program": program, "arguments": arguments, "environment": environment}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def close(self):
        with self.process:
            self.process.stdin.close()


def main():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks for their exit codes
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if not pid:
            grow_up(**order)
            sys.exit()
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def grow_up(program, arguments, environment):
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.update(environment)
    output = os.environ.get("OUTPUT")
    os.dup2(os.open(output, os.O_WRONLY | os.O_APPEND | os.O_CREAT) if output else 2, 1)
    sys.argv = [program, *arguments]
    pkgutil.resolve_name(program)()


if __name__ == "__main__":
    main()
