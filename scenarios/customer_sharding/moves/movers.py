"""Movers: the command `customer-sharding` in processes of their own, and where in their work they are killed.

They are forked from a process that has the imports done: under load those took longer than the move.
"""

import atexit
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

from fixtures.fork_server import ERRORS, OUTPUT, ForkServer
from fixtures.services.runtimes.orphans import end, ended, tree
from fixtures.waiting import eventually
from reference.customer_sharding.cli import app as cli

IMPORTED = ("reference.customer_sharding.move.moving", "reference.customer_sharding.service.store", __name__)
EXIT_CODE = "EXIT_CODE"  # a file


def main():
    """Run the command, and write its exit code to the file that the environment names."""
    code = 0
    try:
        cli()
    except SystemExit as end_of_command:
        code = end_of_command.code or 0
    Path(os.environ[EXIT_CODE]).write_text(str(code))


@cache
def _fork_server():
    fork_server = ForkServer(IMPORTED)
    atexit.register(fork_server.close)
    return fork_server


class Mover:
    """A mover in a process, and its faults; `restart` has another one take over.

    Args:
        command: Runs the command to its end in this process: the successor.
        meta: URL of the meta database.
        words: Words of the command: `move`, the customer, the target, options.
        output: A file for what it says.
        successor: The words of the command that takes over.
    """

    def __init__(self, command, meta, words, output, successor):
        self.successor = successor
        self._command, self._output = command, output
        self._exit_code = output.with_suffix(".exit")
        output.touch()
        files = {OUTPUT: str(output), ERRORS: str(output), EXIT_CODE: str(self._exit_code)}
        self.process = psutil.Process(_fork_server().start(f"{__name__}:main", *words, SHARDING_META=meta, **files))

    def kill(self):
        """SIGKILL."""
        end(tree(self.process))

    def restart(self):
        """Let another mover take the move over, to continue or undo it."""
        code, output = self._command(*self.successor)
        assert code == 0, output

    def close(self):
        """Kill it if it still runs."""
        if not ended(self.process):
            self.kill()

    def pause(self):
        """Freeze it (SIGSTOP)."""
        self.process.suspend()

    def resume(self):
        """Undo `pause` (SIGCONT)."""
        self.process.resume()

    def wait(self, within=60):
        """Wait until it has ended, and return its exit code and output."""
        self.process.wait(within)
        return int(self._exit_code.read_text()), self.said()

    def said(self):
        """Return its output so far: a line with customer and step for each step done."""
        return self._output.read_text()

    def says(self, step):
        """Wait until it reports that a step is done."""
        eventually(lambda: f"\t{step}\n" in self.said(), within=30, every=0.01, message=f"the step {step}")


@dataclass(frozen=True)
class Step:
    """A step of the protocol, and how its commit is recognised.

    Attributes:
        name: Its name in the protocol.
        where: `meta`, `source` or `target`.
        table: Table in which it changes a row.
        event: The trigger event of that change.
        condition: SQL condition on NEW and OLD that selects the row.
        writes: Whether the customer's writes are accepted once it is done.
    """

    name: str
    where: str
    table: str
    event: str
    condition: str
    writes: bool


# A trigger that does not name the mover is refused by its preflight.
BY_A_MOVER = "current_setting('sharding.mover', true) = 'on'"


def _shift(before, after):
    return f"OLD.state = '{before}' AND NEW.state = '{after}'"


# In the protocol's order; `compare` and `wait` change nothing. The conditions hold for a customer's first move.
_IN_ORDER = [
    Step("claim", "meta", "sharding_place", "UPDATE", "NEW.attempt = 2", True),
    Step("take over", "source", "sharding_customer", "UPDATE", _shift("open", "open"), True),
    Step("receive", "target", "sharding_customer", "INSERT OR UPDATE", "NEW.state = 'incoming'", True),
    Step("track", "source", "sharding_customer", "UPDATE", _shift("open", "copying"), True),
    Step("copy", "target", "sharding_copied", "INSERT", "NOT NEW.done", True),
    Step("acknowledge", "source", "sharding_change", "DELETE", "true", True),
    Step("fence", "source", "sharding_customer", "UPDATE", _shift("copying", "fenced"), False),
    Step("drain", "target", "person", "INSERT", f"NEW.name = 'late' AND {BY_A_MOVER}", False),
    Step("switch", "meta", "sharding_move", "UPDATE", "NEW.phase = 'switched'", False),
    Step("retire", "source", "sharding_customer", "UPDATE", _shift("fenced", "gone"), False),
    Step("open", "target", "sharding_customer", "UPDATE", _shift("incoming", "open"), True),
    Step("clean up", "source", "person", "DELETE", BY_A_MOVER, True),
    Step("finish", "meta", "sharding_move", "DELETE", "true", True),
]
STEPS = {step.name: step for step in _IN_ORDER}
