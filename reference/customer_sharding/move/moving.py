"""The mover: a customer moves to another database while requests go on.

**The protocol.** Each step is one transaction in one database, and may be repeated: after a mover was killed, another
one reads from the databases how far it came, and continues.

| step | where | what |
| --- | --- | --- |
| claim | meta | this mover's attempt number is one higher than its predecessor's; lower ones are refused from now on |
| check | both | the preflight: tables that cannot be moved are refused, and the record of the move is deleted |
| take over | source | the source refuses earlier movers, too |
| receive | target | rows of earlier attempts are deleted; the state is `incoming`: only the mover writes |
| track | source | `open` -> `copying`: from now on the keys of written rows are recorded |
| copy | target | the next rows, and copied rows that changed since, read in one snapshot of the source |
| acknowledge | source | the records of changes that the target has applied are deleted |
| fence | source | `copying` -> `fenced`, once no transaction of the customer is open: no write passes any more |
| drain | target | the changes recorded until the fence are applied |
| compare | both | the preflight again, then number and digest of all rows, table by table |
| wait | | until every answer that a reader got before the fence has expired (the lease) |
| announce | target | clients whose route leads here may read, no longer than the fence lasts |
| switch | meta | the customer is placed in the target: **the point of no return** |
| retire | source | -> `gone`: readers with an old route are refused, too |
| catch up | target | changes recorded after a fence had expired are applied |
| open | target | `incoming` -> `open`: writes go on |
| clean up | source | after the longest request (`drain`), the rows of the tables compared are deleted |
| finish | meta | the record of the move is deleted |

**Why nothing is lost.** A write is acknowledged after its transaction. It ended before `track` (and is in the snapshot
that is copied), or between `track` and `fence` (and is recorded in the same transaction), or it is refused: `fence`
waits for open transactions, and the source refuses all later writes, whatever route the writer has cached. The target
accepts the customer's writes only after `open`, when the source accepts none and all recorded changes are applied.
Only rows of tables that were compared are deleted at the source.

**Why nothing is in the wrong place.** Between `receive` and `clean up` rows are on both sides, and one side at most
is `open` to writes. What is read at the source is current until `open`, and after `retire` nobody reads there: a
reader has asked the database itself whether the customer is there, at most a lease ago.

**Why a fence may expire.** It is stored with its end, `lease + fence_limit` after its beginning by the source's own
clock, and from then on the guard treats it as `copying`: writes pass and are recorded, whether or not a mover, the
target or the meta database is alive to lift it. A switch whose commit was delayed may still take effect after that.
This does no harm: the target is not open, its announcement has expired, so that nobody reads there, and the mover that
continues retires the source, applies the recorded changes, waits a lease once more, and only then opens the target.

**What a client notices.** From `fence` to `open` writes are answered 503 with Retry-After, for as long as the lease,
the last changes and the comparison take. Before the switch that is at most `lease + fence_limit` in a row, whatever
fails, and `abort` undoes the move. After the switch, a mover that died must be replaced: `customer-sharding resume`
continues the move. A mover that is frozen, or cut off, while it holds the customer's lock delays the customer's writes
by five seconds: then PostgreSQL and MariaDB end its transaction. MySQL ends it only with the connection.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence

from reference.customer_sharding.errors import Conflict, Superseded, Unavailable
from reference.customer_sharding.guard import COPYING, FENCED, GONE, INCOMING, OPEN

from .preflight import refusals
from .protocol import Claim, Directory, End, Move

MARGIN = 0.1  # fraction of the fence limit: no switch begins in the last part of a fence
ROUNDS = 10  # batches of changes applied before the fence, even where the customer writes faster than we copy


class Mover:
    """Moves one customer, step by step.

    Args:
        directory: The meta database; the move is recorded there (`Store.begin_move`).
        customer: Identifier of the customer.
        lease: Seconds for which a reader may trust the database's answer: at least the largest `SHARDING_LEASE`. By
            default as the move was begun.
        drain: Seconds from the switch until the rows at the source are deleted: longer than any request takes. By
            default as the move was begun.
        batch: Rows copied in one transaction.
        fence_limit: Seconds, in addition to the lease, after which a fence expires.
        fences: How many fences may expire before the move is given up.
        clock: Returns seconds, monotonic.
        sleep: Waits for a number of seconds.
    """

    def __init__(
        self,
        directory: Directory,
        customer: str,
        *,
        lease: float | None = None,
        drain: float | None = None,
        batch: int = 500,
        fence_limit: float = 10.0,
        fences: int = 4,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._directory = directory
        self._customer = customer
        self._asked_lease, self._asked_drain = lease, drain
        self._lease, self._drain = lease or 0.0, drain or 0.0
        self._batch = batch
        self._fence_limit = fence_limit
        self._fences = fences
        self._clock = clock
        self._sleep = sleep
        self._claim: Claim | None = None
        self._source: End | None = None
        self._target: End | None = None
        self._received = False
        self._taken_over = False
        self._compared: Sequence[str] | None = None
        self._checked = False
        self._switch_sent = False
        self._readers_left = False
        self._lifts = 0
        self._applied: list[int] = []
        self._rounds = 0
        self._fenced_at: float | None = None

    def run(self, patience: float = 60.0, progress: Callable[[str], None] = lambda _: None) -> None:
        """Do all steps until the move is finished.

        Args:
            patience: Seconds to keep retrying a database that does not answer.
            progress: Called with the name of each step done.

        Raises:
            Superseded: Another mover has taken over.
            Conflict: The rows do not fit the target; `abort` the move.
            Unavailable: A database did not answer for `patience` seconds. The move can be resumed.
        """
        since = self._clock()
        while True:
            try:
                step = self.step()
            except Unavailable as error:
                if self._clock() - since > patience:
                    raise
                self._sleep(min(error.retry_after, patience / 10))
                continue
            if step is None:
                return
            since = self._clock()
            progress(step)

    def step(self) -> str | None:
        """Do the next step and return its name; None when the move is finished.

        Raises:
            Superseded: Another mover has taken over.
            Conflict: The rows or the schemas do not fit. A fence is lifted before this is raised.
            Unavailable: A database does not answer; a later step tries again.
        """
        if self._claim is None:
            if self._directory.move(self._customer) is None:
                return None
            move = self._directory.claim_move(self._customer)
            self._source, self._target = self._directory.end(move.source), self._directory.end(move.target)
            self._claim = Claim(move.customer, move.epoch, move.attempt)
            self._lease = move.lease if self._asked_lease is None else self._asked_lease
            self._drain = move.drain if self._asked_drain is None else self._asked_drain
            return "claim"
        found = self._directory.move(self._customer)
        if found is None:
            self.close()
            return None
        if found.attempt != self._claim.attempt:
            raise Superseded(f"another mover has taken over customer {self._customer}")
        assert self._source is not None
        assert self._target is not None
        if not self._checked and found.phase == "copying":
            self._check(found, self._claim, self._source, self._target)
            self._checked = True
            return "check"
        if not self._taken_over:
            self._source.take_over(self._claim)
            self._taken_over = True
            return "take over"
        if found.phase == "copying":
            try:
                return self._step_before_switch(found, self._claim, self._source, self._target)
            except Conflict:
                self._lift(self._claim, self._source)
                raise
        if found.phase == "switched":
            return self._step_after_switch(found, self._claim, self._source, self._target)
        return self._step_of_abort(found, self._claim, self._source, self._target)

    def close(self) -> None:
        """Close the connections to both databases."""
        for end in (self._source, self._target):
            if end is not None:
                end.close()

    def _check(self, move: Move, claim: Claim, source: End, target: End) -> None:
        """Run the preflight; where it refuses a move that has changed nothing yet, delete the record of the move."""
        held = source.customer_state(claim.customer)
        begun = held is not None and held.state != OPEN
        try:
            self._compare_schemas(move, source, target)
        except Conflict:
            if not begun:
                self._directory.finish_move(move)
            elif held is not None and held.state == FENCED:
                source.take_over(claim)
                self._lift(claim, source)
            raise

    def _compare_schemas(self, move: Move, source: End, target: End) -> Sequence[str]:
        """Return the tables that are moved."""
        here, there = source.inspect(), target.inspect()
        problems = refusals(here, there, (move.source, move.target))
        if problems:
            raise Conflict(f"customer {move.customer} cannot be moved: {'; '.join(problems)}")
        return list(here.columns)

    def _lift(self, claim: Claim, source: End) -> None:
        """Lift the fence: writes go on and are recorded. Where the source does not answer, the fence expires."""
        with contextlib.suppress(Unavailable, Conflict):
            source.change_state(claim, [FENCED], COPYING)
        self._fenced_at, self._rounds, self._compared = None, 0, None

    def _step_before_switch(self, move: Move, claim: Claim, source: End, target: End) -> str:
        """Do the next step on the way to the switch."""
        if self._switch_sent:
            # The answer was lost, and the commit may still be pending: after this it has taken effect, or never will.
            claimed = self._directory.claim_move(self._customer)
            self._claim = Claim(claimed.customer, claimed.epoch, claimed.attempt)
            self._switch_sent, self._taken_over = False, False
            return "claim"
        held = source.customer_state(claim.customer)
        state = None if held is None else held.state
        if held is not None and state == FENCED:
            if self._fenced_at is None:
                self._fenced_at = self._clock()
            if held.left <= 2 * self._fence_limit * MARGIN:
                self._lifts += 1
                self._lift(claim, source)
                if self._lifts == self._fences:
                    raise Conflict(
                        f"a fence of {self._lease + self._fence_limit:g} s is too short to carry the last changes of "
                        f"customer {claim.customer} over and to compare its rows: move it while it writes less"
                    )
                return "lift"
        if not self._received:
            target.receive(claim)
            self._received = True
            return "receive"
        if self._applied:
            source.acknowledge(claim, self._applied)
            self._applied = []
            return "acknowledge"
        if state not in (COPYING, FENCED):
            source.change_state(claim, [OPEN], COPYING)
            return "track"
        batch = source.read(claim.customer, target.copied(claim.customer), self._batch)
        idle = batch.complete and not batch.changes
        few = batch.complete and (len(batch.changes) <= self._batch or self._rounds >= ROUNDS)
        if state == COPYING and few and (idle or self._rounds > 0):
            source.change_state(claim, [COPYING], FENCED, self._lease + self._fence_limit)
            self._fenced_at = self._clock()
            return "fence"
        if not idle:
            target.apply(claim, batch)
            self._applied = list(batch.changes)
            if batch.complete:
                self._rounds += 1
            return "drain" if state == FENCED else "copy"
        return self._compare_and_switch(move, claim, source, target)

    def _compare_and_switch(self, move: Move, claim: Claim, source: End, target: End) -> str:
        """Compare the rows, wait a lease, announce, and switch: the source is fenced and the target has all changes."""
        assert self._fenced_at is not None
        if self._compared is None:
            tables = self._compare_schemas(move, source, target)
            here, there = source.summary(claim.customer), target.summary(claim.customer)
            if here != there:
                held = source.customer_state(claim.customer)
                if held is not None and held.state == FENCED and held.left <= 0:
                    return "compare"  # the fence expired meanwhile, so that the customer may have written; it is lifted
                names = ", ".join(sorted(name for name in here if here[name] != there.get(name)))
                raise Conflict(f"the rows of customer {claim.customer} differ between the two sides in {names}")
            self._compared = tables
            return "compare"
        wait = self._lease - (self._clock() - self._fenced_at)
        if wait > 0:
            self._sleep(wait)
            return "wait"
        # The announcement ends before the fence does: the seconds left were counted before it was made.
        since = self._clock()
        held = source.customer_state(claim.customer)
        left = 0.0 if held is None or held.state != FENCED else held.left
        slack = self._fence_limit * MARGIN
        if left <= 2 * slack:
            return "wait"
        target.change_state(claim, [INCOMING], INCOMING, left - slack)
        if self._clock() - since > slack:
            return "announce"
        self._switch_sent = True
        self._directory.switch(move, self._compared)
        return "switch"

    def _step_after_switch(self, move: Move, claim: Claim, source: End, target: End) -> str:
        """Do the next step after the switch."""
        held = source.customer_state(claim.customer)
        if held is None or held.state != GONE:
            intact = held is not None and held.state == FENCED and held.left > 0
            source.change_state(claim, [FENCED, COPYING], GONE)
            self._readers_left = intact
            return "retire"
        there = target.customer_state(claim.customer)
        if there is None or there.state == INCOMING:
            return self._catch_up_and_open(claim, source, target)
        left = self._drain - self._directory.since_switch(move)
        if left > 0:
            self._sleep(left)
            return "wait"
        if source.purge(claim, self._batch, self._directory.compared(move)):
            return "clean up"
        self._directory.finish_move(move)
        return "finish"

    def _catch_up_and_open(self, claim: Claim, source: End, target: End) -> str:
        """Apply the changes recorded after a fence had expired, then open: the source accepts no writes any more."""
        if self._applied:
            source.acknowledge(claim, self._applied)
            self._applied = []
            return "acknowledge"
        batch = source.read(claim.customer, target.copied(claim.customer), self._batch)
        if batch.changes:
            target.apply(claim, batch)
            self._applied = list(batch.changes)
            return "catch up"
        if not self._readers_left:
            self._sleep(self._lease)
            self._readers_left = True
            return "wait"
        target.change_state(claim, [INCOMING], OPEN)
        return "open"

    def _step_of_abort(self, move: Move, claim: Claim, source: End, target: End) -> str:
        """Do the next step of an aborted move."""
        if not self._received:
            target.discard(claim)
            self._received = True
            return "discard"
        held = source.customer_state(claim.customer)
        if held is not None and held.state in (COPYING, FENCED):
            source.change_state(claim, [COPYING, FENCED], OPEN)
            return "lift"
        self._directory.finish_move(move)
        return "finish"
