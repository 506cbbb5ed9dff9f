"""The faults that a pipeline suffers, how long each lasts, and the judgement of what was read meanwhile."""

import time
from contextlib import contextmanager

from fixtures.faults import Step
from scenarios.realtime_data_platform.concurrent_updates import repeating
from scenarios.realtime_data_platform.pipeline import VISIBLE_WITHIN

# The longest timeout in seconds after which each service, or those that wait for it, begin anew.
TIMEOUTS = {
    "connect": 10,  # its session with Kafka; Debezium waits as long before it begins again
    "kafka": 10,  # the broker's session with the controller, and Connect's with the broker
    "zookeeper": 6,  # Pinot's sessions
    "pinot-controller": 6,
    "pinot-broker": 10,  # of a query
    "pinot-server": 16,  # its session, and the interval at which a server that starts looks whether it has caught up
    "trino": 10,  # none but its reader waits for it
    "hive": 10,  # of Trino's calls
    "s3": 30,  # of Trino's reads
    "postgres": 10,  # Debezium waits as long before it begins again
}
MULTIPLE = 6
KILLED, CUT = 5.0, 8.0
FROZEN = {name: seconds + 2.0 for name, seconds in TIMEOUTS.items()} | {"pinot-server": 9.0}
# A sender of PostgreSQL's gives its reader up after so many seconds; by default after 60.
SENDER_TIMEOUT = 8

# Which service a way leads to, and by which of its ports.
WAYS = {
    "Connect to PostgreSQL": ("postgres", "sql"),
    "Pinot to Kafka": ("kafka", "proxied"),
    "Trino to S3": ("s3", "api"),
}
# Frozen, Pinot's servers lose their sessions. Other services answer late, or as after a kill: those in the soak.
SESSIONS_OF_PINOT = ("zookeeper", "pinot-server")
# Killed by tests of their own, too.
ALSO_KILLED = ("connect", "pinot-server")


class Way:
    """The way to a port of a service, by its proxy."""

    def __init__(self, running, port):
        self.running, self.port = running, port

    def cut(self):
        self.running.cut(self.port)

    def mend(self):
        self.running.mend(self.port)


def steps(everything):
    """Return the faults: kills, pauses and cuts; with `everything` each of them for each service."""
    kills = [Step(name, "kill") for name in TIMEOUTS if everything or name not in ALSO_KILLED]
    pauses = [Step(name, "pause") for name in (TIMEOUTS if everything else SESSIONS_OF_PINOT)]
    return [*kills, *pauses, *(Step(way, "cut") for way in WAYS)]


def lasts(step):
    """Return for how many seconds a fault lasts."""
    return {"kill": KILLED, "cut": CUT}.get(step.fault) or FROZEN[step.target]


@contextmanager
def judged(load, found, what, service, turn=1, *, writing=True):
    """Read the view until it shows a change made after the block, and note what was seen; gives the row to note it in.

    Where the block itself writes, it is the block's last change.
    """
    row = {"fault": what if turn == 1 else f"{what}, turn {turn}", "exit code of status": ""}
    reads, changes = load.reads, load.moments.newest
    exact, refused = reads.exact, len(reads.refused)
    with repeating(load.read, pause=0.1), repeating(load.step if writing else lambda: None, pause=0.1):
        load.caught_up(changes, within=VISIBLE_WITHIN)
        yield row
        healed, moment = time.monotonic(), load.moments.newest + writing
        load.caught_up(moment, within=MULTIPLE * TIMEOUTS[service])
        took = time.monotonic() - healed
    reads.judge()
    wrong, reads.wrong = reads.wrong, []
    found.append(
        row
        | {
            "reads of a moment": reads.exact - exact,
            "errors": len(reads.refused) - refused,
            "wrong": len(wrong),
            "changes": load.moments.newest - changes,
            "seconds until a later change was read": round(took, 1),
            "at most": MULTIPLE * TIMEOUTS[service],
        }
    )
    assert not wrong, wrong[:3]
