"""Tables and values that a server of MySQL's kind compares or stores in its own way: a move carries or refuses them."""

import contextlib
import hashlib
import itertools

import pymysql
import pytest

from reference.customer_sharding.credentials import Credentials
from reference.customer_sharding.errors import Conflict
from reference.customer_sharding.move.moving import Mover
from reference.customer_sharding.move.side import Side
from scenarios.customer_sharding.moves.mariadb_moves import (
    CAPITAL,
    PERSON,
    READ,
    READING,
    READINGS,
    SMALL,
    TICKET,
    move,
)


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
def test_mariadb_values_of_any_type_are_carried(two, store):
    two["here"].execute(READINGS, SMALL)
    before = two["here"].execute(READ)

    move(store, SMALL, batch=3)

    assert len(before) == 20
    assert two["there"].execute(READ) == before
    assert two["here"].execute(READ) == []


@pytest.mark.claim("shard-15")
@pytest.mark.parametrize(("code", "seat"), [("1", "B2"), ("2", "A1")], ids=["primary key", "unique key"])
def test_mariadb_key_of_another_customer_is_kept(two, store, code, seat):
    store.place("other", "there")
    two["there"].execute(TICKET, "1", "A1", "other", user="app")
    two["here"].execute(TICKET, code, seat, SMALL, user="app")

    with pytest.raises(Conflict):
        move(store, SMALL)

    assert two["there"].execute("SELECT * FROM ticket") == [("1", "A1", "other")]
    assert two["here"].execute("SELECT * FROM ticket") == [(code, seat, SMALL)]
    two["here"].execute(PERSON, SMALL, "on", "somewhere", user="app")  # no fence stays up
    store.abort_move(SMALL)
    with contextlib.closing(Mover(store, SMALL)) as mover:
        mover.run(10)
    assert store.whereabouts(SMALL)[0] == "here"


@pytest.mark.claim("shard-15")
def test_mariadb_neighbours_of_a_changed_key_stay(two, store):
    """Numbers that are one number in floating point, in which the server compares them with a list of texts."""
    numbers = [2**53, 2**53 + 1, 3, 4]
    for number in numbers:
        two["here"].execute(READING, SMALL, number, user="app")
    store.begin_move(SMALL, "there", lease=0.0, drain=0.0)
    with contextlib.closing(Mover(store, SMALL)) as mover:
        assert "track" in list(itertools.takewhile(lambda step: step != "copy", iter(mover.step, None)))
        for number in (2**53, 3):
            two["here"].execute("UPDATE reading SET note = 'new' WHERE number = %s", number, user="app")
        mover.run(10)

    found = two["there"].execute("SELECT number, note FROM reading ORDER BY number")
    assert found == [(3, "new"), (4, None), (2**53, "new"), (2**53 + 1, None)]
    assert two["here"].execute("SELECT * FROM reading") == []


@pytest.mark.claim("shard-15")
def test_mariadb_values_beyond_a_packet_are_compared(two, store):
    """A row's hexadecimal digits are longer than a packet of the server: a changed byte is noticed nevertheless."""
    assert store.whereabouts(SMALL)[0] == "here"
    two["here"].execute(READING, SMALL, 1, user="app")
    two["here"].execute("UPDATE reading SET content = REPEAT('x', 9000000)", user="app")
    with contextlib.closing(Side("here", Credentials(**two["here"].owner), "customer_id")) as side:
        before = side.summary(SMALL)
        two["here"].execute("UPDATE reading SET content = INSERT(content, 7, 1, 'y')", user="app")
        assert side.summary(SMALL) != before


@pytest.mark.claim("shard-15")
def test_mariadb_rows_beyond_a_packet_in_sum_move(two, store):
    for number in (1, 2):
        two["here"].execute(READING, SMALL, number, user="app")
    two["here"].execute("UPDATE reading SET content = REPEAT(CHAR(64 + number), 5000000)", user="app")

    move(store, SMALL)

    digests = two["there"].execute("SELECT MD5(content) FROM reading ORDER BY number")
    assert digests == [(hashlib.md5(each * 5_000_000).hexdigest(),) for each in (b"A", b"B")]


@pytest.mark.claim("shard-15")
def test_mariadb_table_that_cannot_move_is_refused(two, store):
    two["here"].execute("CREATE TABLE kept (customer_id varchar(64) PRIMARY KEY) WITH SYSTEM VERSIONING")
    for database in two.values():
        database.execute("CREATE TABLE shout (CUSTOMER_ID varchar(64), id int, PRIMARY KEY (CUSTOMER_ID, id))")

    problems = store.check_move(SMALL, "there")

    assert [each.partition(" and is")[0] for each in problems] == [
        "here: table kept has the column customer_id",
        "here: table shout has no guard: run `customer-sharding prepare`",
        "there: table shout has no guard: run `customer-sharding prepare`",
    ]
    two["here"].execute("DROP TABLE kept")
    for name, database in two.items():
        store.prepare(name)
        with pytest.raises(pymysql.err.MySQLError, match="takes no writes here"):
            database.execute("INSERT INTO shout VALUES ('nobody', 1)", user="app")
    two["here"].execute("INSERT INTO shout VALUES (%s, 1)", SMALL, user="app")
    move(store, SMALL)
    assert two["there"].execute("SELECT * FROM shout") == [(SMALL, 1)]
    assert two["here"].execute("SELECT * FROM shout") == []
