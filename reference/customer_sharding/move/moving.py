"""The mover: a customer moves to another database while requests go on.

**The protocol.** Each step is one transaction in one database, and may be done again: what a mover that was killed has
left is taken up by another one, which reads from the databases how far it came.

| step | where | what |
| --- | --- | --- |
| claim | meta | this mover's number is one higher than its predecessor's; a lower one is refused from now on |
| receive | target | what earlier attempts left is deleted; the state is `incoming`: the mover alone writes |
| track | source | `open` -> `copying`: from now on the keys of what is written are noted |
| copy | target | the next rows, and those that were changed among the copied, read in one snapshot of the source |
| acknowledge | source | the notes of what the target has are deleted |
| fence | source | `copying` -> `fenced`, once no transaction of the customer is open: no write passes any more |
| drain | target | what was noted until the fence; then both sides are compared |
| wait | | until no reader may trust any more an answer from before the fence (the lease) |
| switch | meta | the customer's place is the target: **the point of no return** |
| retire | source | `fenced` -> `gone`: readers with an old route are sent away too |
| open | target | `incoming` -> `open`: writes go on |
| clean up | source | after the longest request (`drain`), the rows are deleted |
| finish | meta | the move is forgotten |

**Why nothing is lost.** A write is acknowledged after its transaction. It ended before `track` (and is in the snapshot
that is copied), or between `track` and `fence` (and is noted in the same transaction), or it is refused: `fence` waits
for those under way and the source refuses all later ones, whatever route the writer believes in. The target takes the
customer's writes only after `open`, when the source takes none and all notes are applied.

**Why nothing is in the wrong place.** Between `receive` and `clean up` rows are on both sides, and one side at most
is `open` to writes. What is read at the source is current until `open`, and after `retire` nobody reads there: a
reader has asked the database itself whether the customer is there, at most a lease ago.

**What a client notices.** From `fence` to `open` writes are answered 503 with Retry-After: a lease, the last notes and
the comparison long. A fence that lasts longer than `fence_limit`, because the target has gone, is lifted and
tried again. A mover that is killed leaves it standing: `customer-sharding resume` goes on from there, or `abort`
lifts it. One that is frozen, or cut off, while it has the customer's lock keeps the customer's writes waiting for five
seconds: then PostgreSQL ends its transaction. MySQL does not before its connection has ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from reference.customer_sharding.errors import Conflict, Superseded, Unavailable
from reference.customer_sharding.guard import COPYING, FENCED, GONE, INCOMING, OPEN

from .protocol import Claim, Directory, End, Move

ROUNDS = 10  # of catching up while the customer writes faster than we: then the fence takes what is left


class Mover:
    """Moves one customer, step by step.

    Args:
        directory: The meta database; the move is recorded there (`Store.begin_move`).
        customer: Who moves.
        lease: Seconds for which a reader may trust the database's answer: no less than any `SHARDING_LEASE`.
        drain: Seconds from the switch until the rows at the source are deleted: longer than any request takes.
        batch: Rows copied in one transaction.
        fence_limit: Seconds, beside the lease, after which a fence is lifted again.
        clock: Seconds, monotonic.
        sleep: Waits for seconds.
    """

    def __init__(
        self,
        directory: Directory,
        customer: str,
        *,
        lease: float = 1.0,
        drain: float = 30.0,
        batch: int = 500,
        fence_limit: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._directory = directory
        self._customer = customer
        self._lease = lease
        self._drain = drain
        self._batch = batch
        self._fence_limit = fence_limit
        self._clock = clock
        self._sleep = sleep
        self._claim: Claim | None = None
        self._source: End | None = None
        self._target: End | None = None
        self._received = False
        self._taken_over = False
        self._equal = False
        self._applied: list[int] = []
        self._rounds = 0
        self._fenced_at: float | None = None

    def run(self, patience: float = 60.0, progress: Callable[[str], None] = lambda _: None) -> None:
        """Step until the move is finished.

        Args:
            patience: Seconds for which a database that does not answer is tried again.
            progress: Called with the name of each step done.

        Raises:
            Superseded: Another mover has taken over.
            Conflict: The rows do not fit the target; `abort` the move.
            Unavailable: A database did not answer for too long. The move can be resumed.
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
            Conflict: The rows do not fit the target.
            Unavailable: A database does not answer; a later step tries again.
        """
        if self._claim is None:
            if self._directory.move(self._customer) is None:
                return None
            move = self._directory.claim_move(self._customer)
            self._source, self._target = self._directory.end(move.source), self._directory.end(move.target)
            self._claim = Claim(move.customer, move.epoch, move.attempt)
            return "claim"
        found = self._directory.move(self._customer)
        if found is None:
            self.close()
            return None
        if found.attempt != self._claim.attempt:
            raise Superseded(f"another mover has taken over customer {self._customer}")
        assert self._source is not None
        assert self._target is not None
        if not self._taken_over:
            self._source.take_over(self._claim)
            self._taken_over = True
            return "take over"
        if found.phase == "copying":
            return self._step_before_switch(found, self._claim, self._source, self._target)
        if found.phase == "switched":
            return self._step_after_switch(found, self._claim, self._source, self._target)
        return self._step_of_abort(found, self._claim, self._source, self._target)

    def close(self) -> None:
        """Let go of the databases."""
        for end in (self._source, self._target):
            if end is not None:
                end.close()

    def _step_before_switch(self, move: Move, claim: Claim, source: End, target: End) -> str:
        """Do the next step on the way to the switch."""
        held = source.customer_state(claim.customer)
        state = None if held is None else held.state
        if state == FENCED:
            if self._fenced_at is None:
                self._fenced_at = self._clock()
            if self._clock() - self._fenced_at > self._lease + self._fence_limit:
                source.change_state(claim, [FENCED], COPYING)
                self._fenced_at, self._rounds, self._equal = None, 0, False
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
            source.change_state(claim, [COPYING], FENCED)
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
        """The source is fenced and the target has all: compare, wait for the readers, switch."""
        assert self._fenced_at is not None
        if not self._equal:
            here, there = source.summary(claim.customer), target.summary(claim.customer)
            if here != there:
                names = ", ".join(sorted(name for name in here if here[name] != there.get(name)))
                raise Conflict(f"the rows of customer {claim.customer} differ between the two sides in {names}")
            self._equal = True
            return "compare"
        left = self._lease - (self._clock() - self._fenced_at)
        if left > 0:
            self._sleep(left)
            return "wait"
        self._directory.switch(move)
        return "switch"

    def _step_after_switch(self, move: Move, claim: Claim, source: End, target: End) -> str:
        """Do the next step after the switch."""
        held = source.customer_state(claim.customer)
        if held is None or held.state != GONE:
            source.change_state(claim, [FENCED], GONE)
            return "retire"
        there = target.customer_state(claim.customer)
        if there is None or there.state == INCOMING:
            target.change_state(claim, [INCOMING], OPEN)
            return "open"
        left = self._drain - self._directory.since_switch(move)
        if left > 0:
            self._sleep(left)
            return "wait"
        if source.purge(claim, self._batch):
            return "clean up"
        self._directory.finish_move(move)
        return "finish"

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
