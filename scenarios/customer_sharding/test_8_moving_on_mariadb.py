"""Customers move on MariaDB as they do on PostgreSQL."""

import contextlib
import itertools

import pymysql
import pytest
from typer.testing import CliRunner

from fixtures.faults import Found, Journal, check_reads, check_writes
from fixtures.serving import Served
from reference.customer_sharding.cli import app as cli
from reference.customer_sharding.credentials import Credentials
from reference.customer_sharding.errors import DatabaseUnavailable
from reference.customer_sharding.guard import REFUSED_NUMBER
from reference.customer_sharding.move import connection
from reference.customer_sharding.move.connection import Link
from reference.customer_sharding.move.moving import Mover
from reference.customer_sharding.move.rows import Rows
from reference.customer_sharding.move.side import Side
from scenarios.customer_sharding.clients import Clients
from scenarios.customer_sharding.moves.mariadb_moves import CAPITAL, OTHER, PERSON, SMALL, TICKET, move
from scenarios.customer_sharding.services.processes import ShardingService
from scenarios.customer_sharding.sharded import LEASE, SETTINGS


@pytest.fixture
def two(two_in_mariadb):
    """The two databases, by name."""
    return two_in_mariadb.databases


@pytest.fixture
def store(two_in_mariadb):
    """The sharding service's storage, with both customers in the first database."""
    for customer in (SMALL, CAPITAL):
        two_in_mariadb.store.place(customer, "here")
    return two_in_mariadb.store


@pytest.mark.claim("shard-15")
def test_mariadb_customers_move_while_clients_write(two, store, two_in_mariadb, serve, tmp_path, evidence):
    """One of two customers moves, there and back; nothing is lost or in the wrong place."""
    store.place(OTHER, "here")
    meta = two_in_mariadb.meta
    sharding = serve(ShardingService, meta)
    settings = {**SETTINGS, **sharding.settings}
    application = "scenarios.customer_sharding.services.people:create_app()"

    def run(*words):
        done = CliRunner(env={"SHARDING_META": meta}).invoke(cli, words)
        return done.exit_code, done.output

    with (
        Journal(tmp_path / "journal") as journal,
        contextlib.closing(Served(application, tmp_path, settings)) as people,
        Clients(people.url, journal, (SMALL, OTHER)) as clients,
    ):
        clients.go_on()
        options = (f"--lease={LEASE}", "--drain=0.3", "--batch=20")
        ended = [run("move", SMALL, target, *options) for target in ("there", "here")]
        clients.go_on()

    evidence.text("the server", two["here"].execute("SELECT version()")[0][0])
    evidence.json("what the movers said", [text.splitlines() for _, text in ended])
    assert [code for code, _ in ended] == [0, 0], ended
    places = dict.fromkeys((SMALL, OTHER), "here")
    found = [
        Found([customer, name], address, place)
        for place, database in two.items()
        for customer, name, address in database.execute("SELECT customer_id, name, address FROM person")
    ]
    writes, reads = (
        check_writes(journal.entries(), found, place=lambda key: places[key[0]]),
        check_reads(journal.entries()),
    )
    evidence.text("findings", f"writes {writes}\nreads {reads}")
    writes.require()
    reads.require()
    assert not any(client.refusals for client in clients.of(OTHER))


@pytest.mark.claim("shard-15")
def test_mariadb_mover_may_die_after_each_step(two, store, evidence):
    """Each mover dies after the first step that none before it died after; rows are written between any two steps."""
    accepted, deaths, names = set(), [], itertools.count()

    def write():
        name = f"{next(names)}"
        for database in two.values():
            try:
                database.execute(PERSON, SMALL, name, "somewhere", user="app")
            except pymysql.err.MySQLError as error:
                if error.args[0] != REFUSED_NUMBER:
                    raise
            else:
                accepted.add(name)

    for _ in range(7):
        write()
    store.begin_move(SMALL, "there", lease=0.02, drain=0.0)
    while store.move(SMALL) is not None:
        with contextlib.closing(Mover(store, SMALL, batch=3, fence_limit=60)) as mover:
            for step in iter(mover.step, None):
                write()
                if step not in deaths:
                    deaths.append(step)
                    break
    write()

    evidence.json("steps after which a mover died", deaths)
    assert {"track", "copy", "fence", "compare", "switch", "retire", "open", "clean up", "finish"} <= set(deaths)
    rows = "SELECT name FROM person WHERE BINARY customer_id = %s"
    assert sorted(name for (name,) in two["there"].execute(rows, SMALL)) == sorted(accepted)
    assert two["here"].execute(rows, SMALL) == []


@pytest.mark.claim("shard-15")
def test_mariadb_identifiers_by_case_are_two_customers(two, store):
    """The server's collation equates them."""
    for customer in (SMALL, CAPITAL):
        for number in range(3):
            two["here"].execute(PERSON, customer, f"{number} of {customer}", "somewhere", user="app")

    move(store, SMALL)

    assert two["here"].customers() == {CAPITAL: 3}
    assert two["there"].customers() == {SMALL: 3}
    with pytest.raises(pymysql.err.MySQLError, match="takes no writes here"):
        two["here"].execute(PERSON, SMALL, "late", "somewhere", user="app")
    two["here"].execute(PERSON, CAPITAL, "on", "somewhere", user="app")
    move(store, CAPITAL)
    assert two["here"].customers() == {}
    assert two["there"].customers() == {SMALL: 3, CAPITAL: 4}


@pytest.mark.claim("shard-15")
def test_mariadb_rows_exchange_unique_values_in_a_move(two, store):
    """Two rows of the customer that were copied exchange their unique values; a third one changes its key."""
    for code, seat in (("1", "A1"), ("2", "B2"), ("3", "C3")):
        two["here"].execute(TICKET, code, seat, SMALL, user="app")
    store.begin_move(SMALL, "there", lease=0.0, drain=0.0)
    with contextlib.closing(Mover(store, SMALL)) as mover:
        before = list(iter(mover.step, "copy"))
        assert "track" in before
        for code, seat in (("1", None), ("2", "A1"), ("1", "B2")):
            two["here"].execute("UPDATE ticket SET seat = %s WHERE code = %s", seat, code, user="app")
        two["here"].execute("UPDATE ticket SET code = '4' WHERE code = '3'", user="app")
        mover.run(10)

    assert sorted(two["there"].execute("SELECT code, seat FROM ticket")) == [("1", "B2"), ("2", "A1"), ("4", "C3")]
    assert two["here"].execute("SELECT * FROM ticket") == []


@pytest.mark.claim("shard-15")
def test_mariadb_frozen_mover_loses_the_customers_lock(two, store, monkeypatch):
    """The server ends the mover's transaction, and the customer's write goes on."""
    assert store.whereabouts(SMALL)[0] == "here"
    monkeypatch.setattr(connection, "ABANDONED", 1)

    def lock_and_freeze(link):
        with link.transaction() as cursor:
            cursor.execute("SELECT state FROM sharding_customer WHERE customer = %s FOR UPDATE", [SMALL])
            two["here"].execute(PERSON, SMALL, "on", "somewhere", user="app")
            cursor.execute("SELECT 1")

    with contextlib.closing(Link("here", Credentials(**two["here"].owner))) as link:
        with pytest.raises(DatabaseUnavailable, match=r"here \(.*\) does not answer"):
            lock_and_freeze(link)
        assert two["here"].customers() == {SMALL: 1}
        with link.transaction() as cursor:
            cursor.execute("SELECT 1")


@pytest.mark.claim("shard-15")
def test_mariadb_mover_has_settings_of_its_own(two, store, monkeypatch):
    """The mover reads from one snapshot, although the server's isolation level has none, and without time limits."""
    assert store.whereabouts(SMALL)[0] == "here"
    for name in ("1", "2"):
        two["here"].execute(PERSON, SMALL, name, "somewhere", user="app")
    read = Rows.of

    def written_meanwhile(*arguments):
        two["here"].execute(PERSON, SMALL, "meanwhile", "somewhere", user="app")
        return read(*arguments)

    monkeypatch.setattr(Rows, "of", written_meanwhile)
    others = {"tx_isolation": "READ-COMMITTED", "sql_select_limit": 1, "sql_safe_updates": 1}
    side = Side("here", Credentials(**two["here"].owner), "customer_id")
    with two["here"].server_defaults(**others), contextlib.closing(side):
        batch = side.read(SMALL, {}, 10)

    assert [row[batch.columns["person"].index("name")] for row in batch.rows["person"]] == ["1", "2"]


@pytest.mark.claim("shard-15")
def test_mariadb_refused_write_waits_for_no_mover(two, store, monkeypatch):
    """A writer has locked its row, and the mover is about to delete it: each would wait for the other."""
    two["here"].execute(PERSON, SMALL, "1", "somewhere", user="app")
    two["here"].execute("SET innodb_lock_wait_timeout = 3", user="app")
    delete, refusals = Rows.delete, []

    def written_meanwhile(*arguments):
        with pytest.raises(pymysql.err.MySQLError) as refusal:
            two["here"].execute("UPDATE person SET name = 'late'", user="app")
        refusals.append(refusal.value.args[0])
        return delete(*arguments)

    store.begin_move(SMALL, "there", lease=0.0, drain=0.0)
    with contextlib.closing(Mover(store, SMALL)) as mover:
        assert "switch" in list(iter(mover.step, "open"))
        monkeypatch.setattr(Rows, "delete", written_meanwhile)
        mover.run(10)

    assert refusals == [REFUSED_NUMBER]
    assert two["here"].customers() == {}
    assert two["there"].customers() == {SMALL: 1}
