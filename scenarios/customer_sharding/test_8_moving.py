"""A customer moves to another database while requests go on; whoever moves it may die at any moment."""

import psutil
import pytest

from reference.customer_sharding.move.connection import ABANDONED
from scenarios.customer_sharding.moves.movers import STEPS
from scenarios.customer_sharding.sharded import FENCE_LIMIT, LEASE, PATIENCE, SECONDS

STEPS_BEFORE_THE_SWITCH = list(STEPS)[: list(STEPS).index("switch")]


def writes_go_on(step, done):
    """Return whether writes are accepted after the mover was killed in a step that was committed (`done`) or not."""
    order = list(STEPS)
    return STEPS[step if done else order[max(order.index(step) - 1, 0)]].writes


@pytest.fixture
def judged(sharded, evidence):
    """Check the clients' journal: no row is lost, duplicated or misplaced, and no read is stale."""

    def judge():
        writes, reads = sharded.judged(), sharded.judged_reads()
        evidence.text("findings", f"writes {writes}\nreads {reads}")
        writes.require()
        reads.require()

    return judge


@pytest.mark.claim("shard-9")
def test_customers_move_while_clients_write(sharded, judged, evidence):
    """Each of two customers moves to where the other one was; a third stays."""
    one, other, third = sharded.place("first", "second", "first")

    with sharded.clients(one, other, third) as clients:
        clients.go_on()
        ended = [mover.wait() for mover in (sharded.mover(one, "second"), sharded.mover(other, "first"))]
        clients.go_on()

    evidence.json("what the movers said", [output.splitlines() for _, output in ended])
    waits = {customer: sharded.longest_wait(customer) for customer in (one, other, third)}
    evidence.json("seconds without an acknowledged write, at most", waits)
    assert [code for code, _ in ended] == [0, 0]
    assert sharded.whereabouts(one, other, third) == ["second", "first", "first"]
    assert sharded.states(one) == {"first": "gone", "second": "open"}
    assert not any(client.refusals for client in clients.of(third))
    judged()


class TestAMoverThatIsKilled:
    """A mover is killed during the commit of a step, which the server then completes or rolls back."""

    @pytest.mark.claim("shard-9")
    @pytest.mark.parametrize("done", [True, False], ids=["done", "undone"])
    @pytest.mark.parametrize("step", STEPS)
    def test_killed_mover_is_succeeded(self, step, done, sharded, judged):
        one, third = sharded.place("first", "first")

        with sharded.clients(one, third) as clients:
            with sharded.killed_in(STEPS[step], clients, one, done=done):
                answer = "write" if writes_go_on(step, done) else "refused"
                clients.go_on_each({third: ["read", "write"], one: ["read", answer]})
            clients.go_on()

        assert sharded.whereabouts(one, third) == ["second", "first"]
        judged()

    @pytest.mark.claim("shard-9")
    @pytest.mark.parametrize("step", STEPS_BEFORE_THE_SWITCH)
    def test_killed_movers_work_is_undone(self, step, sharded, judged):
        (one,) = sharded.place("first")

        with sharded.clients(one) as clients:
            with sharded.killed_in(STEPS[step], clients, one, done=True, successor=["abort", one]):
                clients.go_on(one, what=["read", "write" if writes_go_on(step, done=True) else "refused"])
            clients.go_on()

        assert sharded.whereabouts(one) == ["first"]
        judged()

    @pytest.mark.claim("shard-9")
    @pytest.mark.parametrize(
        ("before", "option", "answered"), [("compare", "--lease=60", "refused"), ("open", "--drain=60", "write")]
    )
    def test_mover_killed_while_waiting_is_succeeded(self, before, option, answered, sharded, judged):
        """It waits for the readers' leases to expire, and for the longest request to end."""
        (one,) = sharded.place("first")

        with sharded.clients(one) as clients:
            clients.go_on()
            mover = sharded.mover(one, "second", option, successor=["resume", *SECONDS, *PATIENCE])
            mover.says(before)
            clients.go_on(one, what=["read", answered])
            with pytest.raises(psutil.TimeoutExpired):
                mover.wait(within=1)
            with sharded.nemesis(mover=mover).breaking("mover", "kill"):
                clients.go_on(one, what=["read", answered])
            clients.go_on()

        assert sharded.whereabouts(one) == ["second"]
        judged()

    @pytest.mark.claim("shard-9")
    def test_move_whose_sides_differ_does_not_switch(self, sharded, command, judged):
        """A row changes in the second database without the mover; writes go on where the move ends."""
        (one,) = sharded.place("first")

        with sharded.clients(one) as clients:
            clients.go_on()
            with sharded.gate(STEPS["fence"]) as fence:
                mover = sharded.mover(one, "second")
                fence.reached()
                sharded.falsify(one)
                fence.open(committed=True)
            code, output = mover.wait()
            assert sharded.states(one)["first"] == "copying"
            clients.go_on(one, what=["read", "write"])
            undone, _ = command("abort", one)

        assert code == 1
        assert f"the rows of customer {one} differ between the two sides in person" in output
        assert undone == 0
        assert sharded.whereabouts(one) == ["first"]
        judged()

    @pytest.mark.claim("shard-9")
    def test_switched_move_is_not_undone(self, sharded, command, judged):
        (one,) = sharded.place("first")

        with sharded.clients(one) as clients:
            with sharded.killed_in(STEPS["switch"], clients, one, done=True):
                code, output = command("abort", one)
            clients.go_on()

        assert code == 1
        assert "has switched already: finish it and move back" in output
        assert sharded.whereabouts(one) == ["second"]
        judged()


class TestAServerThatFreezes:
    """A fence that nobody can lift expires by the clock of the source database."""

    BOUND = LEASE + FENCE_LIMIT  # seconds
    LIMITED = f"--fence-limit={FENCE_LIMIT}"

    @pytest.fixture
    def refused(self, sharded, judged, evidence):
        """Freeze a server at a step, until the customer's writes were refused and are taken again."""

        def refused(frozen, step):
            one, third = sharded.place("first", "first")
            with sharded.clients(one, third) as clients:
                clients.go_on()
                with sharded.gate(STEPS[step]) as gate:
                    mover = sharded.mover(one, "second", self.LIMITED)
                    gate.reached()
                    with sharded.server_frozen(frozen):
                        if step == "fence":
                            gate.open(committed=True)
                        clients.go_on(third)
                        clients.go_on(one, what=["refused"])
                        clients.go_on(one, what=["write"])
                        longest = max(client.longest_refusal() for client in clients.of(one))
                code, output = mover.wait()
                clients.go_on()
            evidence.json("seconds for which writes were refused in a row, at most", longest)
            assert code == 0, output
            assert sharded.whereabouts(one, third) == ["second", "first"]
            judged()
            return longest

        return refused

    @pytest.mark.claim("shard-9")
    @pytest.mark.claim("shard-17")
    def test_frozen_target_holds_no_fence(self, refused):
        assert self.BOUND / 2 < refused("second", "fence") <= self.BOUND

    @pytest.mark.claim("shard-9")
    @pytest.mark.claim("shard-17")
    def test_frozen_meta_database_holds_no_fence(self, refused):
        """The switch was sent: whether it is committed nobody knows."""
        assert self.BOUND / 2 < refused("meta", "switch") <= self.BOUND

    @pytest.mark.claim("shard-17")
    def test_killed_mover_holds_no_fence(self, sharded, judged, evidence):
        """Nobody takes over from it until the customer's writes are taken again."""
        (one,) = sharded.place("first")

        with sharded.clients(one) as clients:
            with sharded.killed_in(STEPS["fence"], clients, one, self.LIMITED, done=True):
                clients.go_on(one, what=["refused"])
                clients.go_on(one, what=["write"])
            longest = max(client.longest_refusal() for client in clients.of(one))
            clients.go_on()

        evidence.json("seconds for which writes were refused in a row, at most", longest)
        assert self.BOUND / 2 < longest <= self.BOUND
        assert sharded.whereabouts(one) == ["second"]
        judged()


class TestAMoverThatFreezes:
    @pytest.mark.claim("shard-9")
    def test_superseded_mover_does_nothing_more(self, sharded, judged):
        (one,) = sharded.place("first")

        with sharded.clients(one) as clients, sharded.gate(STEPS["fence"]) as fence:
            clients.go_on()
            with sharded.gate(STEPS["copy"]) as copy:
                frozen = sharded.mover(one, "second")
                copy.reached()
                with sharded.nemesis(mover=frozen).breaking("mover", "pause"):
                    copy.open(committed=True)
                    successor = sharded.mover(one, "second")
                    fence.reached()
                code, output = frozen.wait()
            fence.open(committed=True)
            assert successor.wait()[0] == 0
            clients.go_on()

        assert code == 1
        assert f"another mover has taken over customer {one}" in output
        assert sharded.whereabouts(one) == ["second"]
        judged()

    @pytest.mark.claim("shard-9")
    def test_frozen_mover_loses_the_customers_lock(self, sharded, judged, evidence):
        """The server ends its transaction: the customer's writes wait no longer than that."""
        (one,) = sharded.place("first")

        with sharded.clients(one) as clients:
            clients.go_on()
            with sharded.late_transaction(one) as commit:
                frozen = sharded.mover(one, "second")
                sharded.lock_awaited()
                with sharded.nemesis(mover=frozen).breaking("mover", "pause"):
                    commit()
                    sharded.lock_had()
                    clients.go_on()
            assert frozen.wait()[0] == 0
            clients.go_on()

        evidence.json("seconds without an acknowledged write, at most", sharded.longest_wait(one))
        assert ABANDONED / 2 < sharded.longest_wait(one) < ABANDONED * 2
        assert sharded.whereabouts(one) == ["second"]
        judged()
