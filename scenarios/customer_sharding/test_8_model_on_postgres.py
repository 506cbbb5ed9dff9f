"""The model check of the move on real databases, which must keep the promises that the model assumes of databases."""

from contextlib import closing

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from fixtures.tests.customer_sharding.test_moving_model import FencesNothing, OpensFirst, a_move_under_load
from reference.customer_sharding.credentials import Credentials, Flavor
from reference.customer_sharding.errors import Conflict
from reference.customer_sharding.move import connection
from reference.customer_sharding.service.store import Store
from scenarios.customer_sharding.moves.moves_on_postgres import MovesOnPostgres, World

NAMES = {"a": "first", "b": "second"}
LOCK_WAIT = 0.02  # seconds: a client's transaction stays open until a later step, however long a mover waits
EXAMPLES = settings(
    max_examples=max(settings().max_examples // 10, 5),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def machine(meta, databases, monkeypatch):
    """Return a function that makes a hypothesis state machine of moves on these databases, with given attributes."""
    monkeypatch.setattr(connection, "LOCK_WAIT", LOCK_WAIT)
    with closing(Store(meta)) as store:
        urls, users = {"meta": meta}, {}
        for name, of in NAMES.items():
            owner, user = ({**each} for each in (databases[of].owner, databases[of].user))
            store.register(name, _credentials(user), admin=_credentials(owner))
            urls[name] = databases[of].url
            users[name] = {"dbname": user.pop("database"), **{k: v for k, v in user.items() if k != "flavor"}}
        with closing(World(store, urls, users)) as world:
            yield lambda **attributes: type("Machine", (MovesOnPostgres,), {"world": world, **attributes})


def _credentials(entry):
    names = ("host", "port", "user", "password", "database")
    return Credentials(*(entry[name] for name in names), Flavor.POSTGRES)


@pytest.mark.claim("shard-9")
def test_real_databases_pass_the_model_check(machine):
    checked = machine()

    run_state_machine_as_test(checked, settings=EXAMPLES)

    assert checked.world.done["take_over"] > 0


@pytest.mark.claim("shard-9")
def test_real_move_under_load_passes_each_check(machine):
    checked = machine()

    a_move_under_load(checked)

    assert checked.world.done["switch"] == checked.world.done["finish_move"] == 1


@pytest.mark.claim("shard-9")
@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"lease": 0}, id="the leases are not waited for"),
        pytest.param({"mover": OpensFirst}, id="the target opens before the source is gone"),
        pytest.param({"mover": FencesNothing}, id="no fence"),
    ],
)
def test_broken_mover_fails_on_real_databases(broken, machine):
    """The checks find on real databases the same errors that they find in the model."""
    with pytest.raises((AssertionError, Conflict)):
        a_move_under_load(machine(**broken))
