"""Movers: the command `customer-sharding` in processes, and the protocol's steps in which they are killed."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from fixtures.services.orphans import VARIABLE, Owner, end, tree
from fixtures.waiting import eventually

COMMAND = Path(sys.executable).with_name("customer-sharding")


class Mover:
    """A mover in a process, with the faults that can be injected; `restart` lets another mover take over.

    Args:
        command: Runs the command to its end in this process, as the successor.
        meta: URL of the meta database.
        words: Arguments of the command: `move`, the customer, the target, options.
        output: File for its output.
        successor: Arguments of the command that takes over.
    """

    def __init__(self, command, meta, words, output, successor):
        self.successor = successor
        self._command, self._output = command, output
        with output.open("w") as file:
            self.process = subprocess.Popen(
                [COMMAND, *words],
                env={**os.environ, VARIABLE: Owner.current().name, "SHARDING_META": meta},
                stdout=file,
                stderr=file,
            )

    def kill(self):
        """Kill it (SIGKILL)."""
        end(tree(psutil.Process(self.process.pid)))
        self.process.wait()

    def restart(self):
        """Let another mover take the move over, to continue or undo it."""
        code, output = self._command(*self.successor)
        assert code == 0, output

    def close(self):
        """Kill it if it still runs."""
        if self.process.poll() is None:
            self.kill()

    def pause(self):
        """Freeze it (SIGSTOP)."""
        psutil.Process(self.process.pid).suspend()

    def resume(self):
        """Undo `pause` (SIGCONT)."""
        psutil.Process(self.process.pid).resume()

    def wait(self, within=60):
        """Wait until it has ended, and return its exit code and output."""
        return self.process.wait(within), self.said()

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
