"""Running a rebalance up to one of its steps, in this process or in one that is killed there."""

import multiprocessing
import os
import signal

import psycopg

from fixtures.waiting import eventually
from reference.foreign_partitions import PartitionUnavailable, Rebalance

# How the sentence of each kind of step ends, in the order of a replacement.
STEPS = [
    "are to be replaced",
    "new leaves are created",
    "changes are recorded",
    "rows are copied",
    ": changes are caught up",
    "locked",
    "the last changes are caught up",
    "ready to switch",
    "switched",
    "settled",
]
WITHIN_THE_SWITCH = ("locked", "the last changes are caught up", "ready to switch", "switched")


def state(*urls):
    """Return every table of every server with its bound."""
    query = """SELECT c.relname, pg_get_expr(relpartbound, c.oid) FROM pg_class c
        WHERE relnamespace = 'public'::regnamespace ORDER BY 1"""
    found = []
    for url in urls:
        with psycopg.connect(url) as connection:
            found.append(connection.execute(query).fetchall())
    return found


def run_until(steps, end, begin=""):
    """Go on to the step whose sentence begins and ends so, and return the rest of the run."""
    for step in steps:
        if step.endswith(end) and step.startswith(begin):
            return steps
    raise AssertionError(f"no step ends with {end!r}")


def run_to_its_end(description):
    """Rebalance, and again where a server aborted a switch that took too long, as the error says.

    On a machine with too much else to do a switch may take longer than the seconds for which it may hold its locks.
    """

    def run():
        with Rebalance(description) as rebalance:
            list(rebalance.run())
        return True

    eventually(run, within=240, despite=PartitionUnavailable)


def run_and_be_killed(description, end, begin=""):
    """Rebalance in another process that is killed after a step."""
    process = multiprocessing.get_context("spawn").Process(target=_killed_after, args=(description, end, begin))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL


def _killed_after(description, end, begin):
    def run():
        with Rebalance(description) as rebalance:
            run_until(rebalance.run(), end, begin)
            os.kill(os.getpid(), signal.SIGKILL)

    eventually(run, within=50, despite=PartitionUnavailable)
