"""The steps of a move on one database at a time: it refuses a superseded mover, and changes the right rows only."""

import contextlib

import pytest

from reference.customer_sharding.credentials import Credentials
from reference.customer_sharding.errors import Conflict, CustomerMoving, Superseded
from reference.customer_sharding.guard import COPYING, FENCED, GONE, INCOMING, OPEN, is_here
from reference.customer_sharding.move.protocol import Batch, Claim
from reference.customer_sharding.move.rows import Rows
from reference.customer_sharding.move.side import Side
from reference.customer_sharding.requests.routes import Route
from reference.customer_sharding.requests.shard import Shard
from reference.customer_sharding.settings import Api, Settings
from scenarios.customer_sharding.databases import USER

ONE, OTHER = "1", "2"
INSERT = "INSERT INTO person (name, address, customer_id) VALUES (%s, '', %s)"
COLUMNS = ("id", "name", "address", "customer_id")


@pytest.fixture
def sides(databases):
    """The first and the second database, prepared; customer 1 is in the first."""
    with contextlib.ExitStack() as stack:
        sides = []
        for number, name in enumerate(("first", "second"), 1):
            side = Side(name, Credentials(**databases[name].owner), "customer_id")
            sides.append(stack.enter_context(contextlib.closing(side)))
            side.prepare(number, USER)
        sides[0].admit(ONE, 1)
        yield sides


@pytest.mark.claim("shard-9")
def test_superseded_mover_is_refused_by_both_databases(sides):
    source, target = sides
    frozen, successor = Claim(ONE, 2, 1), Claim(ONE, 2, 2)
    source.take_over(frozen)
    source.take_over(successor)
    target.receive(successor)

    for attempt in (
        lambda: source.take_over(frozen),
        lambda: source.change_state(frozen, [OPEN], COPYING),
        lambda: source.acknowledge(frozen, [1]),
        lambda: source.purge(frozen, 10, ["person"]),
        lambda: target.receive(frozen),
        lambda: target.apply(frozen, Batch()),
        lambda: target.discard(frozen),
    ):
        with pytest.raises(Superseded, match="another mover has taken over customer 1"):
            attempt()

    assert source.customer_state(ONE).state == OPEN
    assert target.customer_state(ONE).state == INCOMING


@pytest.mark.claim("shard-9")
def test_step_in_the_wrong_state_changes_no_rows(databases, sides):
    source, target = sides
    claim = Claim(ONE, 2, 1)
    databases["first"].connection.execute(INSERT, ["kept", ONE])

    with pytest.raises(Conflict, match="customer 1 has not moved away from first: its rows stay"):
        source.purge(claim, 10, ["person"])
    with pytest.raises(Conflict, match="customer 1 is open in first, not copying"):
        source.change_state(claim, [COPYING], FENCED, 10)
    target.receive(Claim(ONE, 3, 1))
    with pytest.raises(Superseded, match="customer 1 is no longer moving to second"):
        target.apply(claim, Batch())
    target.change_state(Claim(ONE, 3, 1), [INCOMING], OPEN)
    with pytest.raises(Superseded, match="customer 1 is no longer moving to second"):
        target.apply(Claim(ONE, 3, 1), Batch())
    with pytest.raises(Conflict, match="customer 1 is in second already, open"):
        target.receive(Claim(ONE, 3, 1))

    assert databases["first"].customers() == {ONE: 1}
    assert source.customer_state(ONE).state == OPEN


@pytest.mark.claim("shard-9")
def test_batch_is_read_in_one_snapshot(databases, sides, monkeypatch):
    source, _ = sides
    connection, claim, read = databases["first"].connection, Claim(ONE, 2, 1), Rows.of
    connection.execute(INSERT, ["before", ONE])
    source.change_state(claim, [OPEN], COPYING)

    def written_meanwhile(*arguments):
        connection.execute(INSERT, ["meanwhile", ONE])
        return read(*arguments)

    monkeypatch.setattr(Rows, "of", written_meanwhile)
    batch = source.read(ONE, {}, 10)

    assert [row[batch.columns["person"].index("name")] for row in batch.rows["person"]] == ["before"]
    assert batch.changes == []


@pytest.mark.claim("shard-9")
def test_changed_key_spares_other_customers_rows(databases, sides):
    _, target = sides
    claim = Claim(ONE, 2, 1)
    target.admit(OTHER, 1)
    databases["second"].connection.execute("INSERT INTO person VALUES (7, 'theirs', '', '2')")
    target.receive(claim)

    target.apply(claim, Batch(changed={"person": [("7",)]}, columns={"person": COLUMNS}))

    assert databases["second"].customers() == {OTHER: 1}


@pytest.mark.claim("shard-9")
@pytest.mark.parametrize(
    ("state", "there", "epoch", "readable", "for_a_lease"),
    [
        (OPEN, 1, 1, True, True),
        (COPYING, 1, 1, True, True),
        (FENCED, 1, 1, True, False),
        (INCOMING, 2, 2, True, False),
        (INCOMING, 3, 2, False, False),
        (INCOMING, 2, 3, False, False),
        ("unreadable", 2, 2, False, False),
        (GONE, 2, 2, False, False),
    ],
)
def test_state_and_epoch_decide_who_may_read(state, there, epoch, readable, for_a_lease):
    assert is_here((state, there), epoch) == (readable, for_a_lease)
    assert is_here(None, epoch) == (False, False)


class Routed(Shard):
    """A shard whose routes the test sets."""

    leads_to = None

    def route(self, identifier):
        return self.leads_to


@pytest.mark.claim("shard-9")
@pytest.mark.usefixtures("sides")
def test_lease_of_an_old_route_does_not_serve_a_new(databases):
    first, second = (Credentials(**databases[name].user) for name in ("first", "second"))
    with contextlib.closing(Routed(Settings(Api("http://127.0.0.1:9"), "customer_id", lease=60))) as shard:
        shard.leads_to = Route(ONE, first, 1)
        shard.open(ONE).close()

        shard.leads_to = Route(ONE, second, 2)

        with pytest.raises(CustomerMoving, match="customer 1 is moving"):
            shard.open(ONE)
