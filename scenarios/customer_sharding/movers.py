"""Movers: the command `customer-sharding` in processes of their own, and where in their work they are killed."""

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
    """A mover in a process, and the faults that can be done to it; `restart` has another one take over.

    Args:
        command: Runs the command to its end in this process: the successor.
        meta: URL of the meta database.
        words: Of the command: `move`, the customer, the target, options.
        output: A file for what it says.
        successor: The words of the command that takes over.
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
        """SIGKILL."""
        end(tree(psutil.Process(self.process.pid)))
        self.process.wait()

    def restart(self):
        """Have another mover take the move over: go on with it, or undo it."""
        code, output = self._command(*self.successor)
        assert code == 0, output

    def close(self):
        """End it where it has not ended."""
        if self.process.poll() is None:
            self.kill()

    def pause(self):
        """SIGSTOP."""
        psutil.Process(self.process.pid).suspend()

    def resume(self):
        """SIGCONT."""
        psutil.Process(self.process.pid).resume()

    def wait(self, within=60):
        """Wait until it has ended; its exit code and what it said."""
        return self.process.wait(within), self.said()

    def said(self):
        """What it has said so far: a line for each step done, customer and step."""
        return self._output.read_text()

    def says(self, step):
        """Wait until it says that a step is done."""
        eventually(lambda: f"\t{step}\n" in self.said(), within=30, every=0.01, message=f"the step {step}")


@dataclass(frozen=True)
class Step:
    """A step of the protocol, and how its commit is recognised.

    Attributes:
        name: As the protocol calls it.
        where: `meta`, `source` or `target`.
        table: In which it changes a row.
        event: How.
        condition: Which row: of NEW and OLD.
        writes: Whether the customer's writes go on once it is done.
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
