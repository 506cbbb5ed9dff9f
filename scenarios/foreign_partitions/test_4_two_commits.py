"""Each server commits by itself: rows of one transaction are lost when the first server crashes in between."""

import psycopg
import pytest

from reference.foreign_partitions.errors import PartitionUnavailable
from scenarios.foreign_partitions.table import INSERT, PERSON


def rows_of(quarters):
    return [{"quarter": quarter, **PERSON} for quarter in quarters]


@pytest.fixture
def crash(table, servers, gate, background):
    """Write, kill the first server between the second's commit and its own, restart it, and return each leaf's rows."""

    def crash(write, on="person_2"):
        connection = table.connect()
        gate.shut(on)
        writing = background(write, connection)
        gate.reached()
        servers.first.kill()
        gate.open()
        assert isinstance(writing.result(within=10), psycopg.OperationalError)
        connection.close()
        servers.first.restart()
        table.connect_again()
        return table.leaves()

    return crash


@pytest.mark.claim("fdw-9", shows="published", fails_with="^InTransaction: deliver commits each row by itself")
def test_prepare_transaction_is_refused(table, evidence):
    table.first.execute("BEGIN")
    table.write_together(table.first, rows_of([1, 2]))

    with pytest.raises(psycopg.errors.FeatureNotSupported) as refused:
        table.first.execute("PREPARE TRANSACTION 'both'")

    evidence.text("the server's answer", str(refused.value))
    assert refused.value.diag.message_primary == (
        "cannot PREPARE a transaction that has operated on postgres_fdw foreign tables"
    )


@pytest.mark.claim(
    "fdw-9", shows="published", fails_with=r"assert \{'person_0': 1, 'person_2': 1\} == \{'person_2': 1\}"
)
def test_crash_between_two_commits_leaves_half(table, crash, evidence):
    left = crash(lambda connection: table.write_together(connection, rows_of([1, 2])))

    evidence.json("a row for each server, in one transaction: what is left", left)
    assert left == {"person_2": 1}


@pytest.mark.claim("fdw-9", shows="corrected", fails_with="assert {'person_[24]': 1} == ")
@pytest.mark.parametrize(
    "quarters", [[1, 2], [2, 1]], ids=["last row of the outbox under way", "first row of the outbox under way"]
)
def test_outbox_recovers_from_a_crash_between_commits(table, crash, quarters, evidence):
    left = crash(lambda connection: table.write_together(connection, rows_of(quarters)))
    table.recover(table.first)
    recovered = table.leaves()
    table.recover(table.first)

    evidence.json("a row for each server: what is left, and what there is after delivery", [left, recovered])
    assert recovered == {"person_0": 1, "person_2": 1}
    assert table.leaves() == recovered
    assert table.rows("SELECT count(*) FROM person_outbox") == [(0,)]


@pytest.mark.claim("fdw-9", shows="corrected", fails_with="assert {} == ")
def test_outbox_recovers_from_a_crash_before_commit(table, servers, gate, background, evidence):
    """The second server crashes before its own commit, the first one stays up: neither has the row yet."""
    connection = table.connect()
    gate.shut("person_2")
    writing = background(lambda: table.write_together(connection, rows_of([2, 1])))
    gate.reached()

    servers.second.kill()
    error = writing.result(within=10)
    connection.close()
    servers.second.restart()
    table.recover(table.first)

    recovered = table.leaves()
    evidence.json("a row for each server: what there is after delivery", recovered)
    assert recovered == {"person_0": 1, "person_2": 1}
    assert isinstance(error, PartitionUnavailable)


@pytest.mark.claim("fdw-9", shows="corrected", fails_with=r"assert 2 in \(0, 3\)")
def test_one_partition_a_transaction_is_atomic(table, crash, evidence):
    def write(connection):
        with connection.transaction():
            for quarter in table.UNIT:
                connection.execute(INSERT.format("quarter, name, address, customer_id", "%s, '', '', ''"), [quarter])

    left = crash(write)

    evidence.json("three rows in one transaction: what is left", left)
    assert sum(left.values()) in (0, 3)
