"""From four partitions to eight, and from two servers to three, while the table is written and read."""

import psycopg
import pytest

from reference.foreign_partitions import Conflict, Deployment, DirectRows, Rebalance, Rows
from scenarios.foreign_partitions.rebalancing import WITHIN_THE_SWITCH, run_until, state
from scenarios.foreign_partitions.table import PERSON

pytestmark = pytest.mark.claim("fdw-12")

# What somebody has added on a server, and how the reason of the refusal ends or begins.
ADDED = [
    ("third", "CREATE TABLE person_4_of_8 ()", "postgres_6: a table person_4_of_8 exists already"),
    ("first", "CREATE TABLE person_5_of_8 ()", "base: a table person_5_of_8 exists already"),
    ("first", "CREATE VIEW seen AS SELECT * FROM person_2", "person_2 on the base has the view seen"),
    ("first", "ALTER FOREIGN TABLE person_2 OPTIONS (fetch_size '7')", "has the option fetch_size=7"),
    ("first", "ALTER TABLE person_0 ADD CONSTRAINT named CHECK (name <> '')", "person_0 has the constraint named"),
    ("first", "CREATE PUBLICATION people FOR TABLE person_0", "person_0 has the publication people"),
    ("first", "CREATE STATISTICS pairs ON name, address FROM person_0", "person_0 has the statistics pairs"),
    ("first", "ALTER TABLE person_1 SET (fillfactor = 50)", "person_1 has the storage parameter fillfactor=50"),
    ("first", "CREATE TABLE person_1_changes ()", "base: person_1_changes exists"),
    ("second", "CREATE UNIQUE INDEX once ON person_2 (address)", "person_2 has the index once"),
    ("second", "ALTER TABLE person_2 ENABLE ROW LEVEL SECURITY", "person_2 has row security"),
    ("second", "ALTER TABLE person_2 REPLICA IDENTITY FULL", "person_2 has a replica identity of its own"),
    ("second", "GRANT SELECT (name) ON person_2 TO PUBLIC", "person_2 has privileges on the column name"),
    (
        "second",
        """CREATE TRIGGER rebalance_mine BEFORE UPDATE ON person_2 FOR EACH ROW
        EXECUTE FUNCTION suppress_redundant_updates_trigger()""",
        "person_2 has the trigger rebalance_mine",
    ),
    ("second", "ALTER TABLE person_2 ADD CONSTRAINT own UNIQUE (address)", "person_2 has the constraint own"),
    ("second", "CREATE ROLE keeper; GRANT SELECT ON person_2 TO keeper", "the role keeper, which may use person_2"),
    (
        "second",
        "ALTER TABLE person DETACH PARTITION person_3; ALTER TABLE person_3 ADD extra text",
        "person_3 and the description differ in the column extra",
    ),
]
# What makes a leaf another than the one that the base reads, and names that are taken.
UNLIKE = [
    ("second", "DROP TABLE person_3", "postgres_5: there is no table person_3"),
    ("second", "ALTER TABLE person DETACH PARTITION person_2; CREATE TABLE part () INHERITS (person_2)", "plain table"),
    ("third", "CREATE TABLE person_layout (layout text, mine text)", "is not the record of a table's layout"),
    ("first", "CREATE TABLE person_rebalance (mine text)", "is not the record of a rebalance"),
]


@pytest.fixture
def hosts(servers, third):
    """The addresses of the three servers."""
    return {"first": servers.first.url, "second": servers.second.url, "third": third.url}


@pytest.mark.usefixtures("filled")
def test_rebalance_plan_changes_nothing(larger, hosts, evidence):
    before = state(*hosts.values())

    with Rebalance(larger) as rebalance:
        found, conflicts = rebalance.plan()

    evidence.text("the plan", "\n".join(map(str, found)))
    assert conflicts == []
    assert [str(each) for each in found] == [
        "person_0 on the base -> person_0_of_8 on the base, person_4_of_8 on postgres_6",
        "person_1 on the base -> person_1_of_8 on the base, person_5_of_8 on postgres_6",
        "person_2 on postgres_5 -> person_2_of_8 on postgres_5, person_6_of_8 on postgres_6",
        "person_3 on postgres_5 -> person_3_of_8 on postgres_5, person_7_of_8 on postgres_5",
    ]
    assert state(*hosts.values()) == before


@pytest.mark.usefixtures("filled")
def test_rebalance_refuses_what_would_be_lost(larger, hosts):
    for on, statement, _ in ADDED:
        with psycopg.connect(hosts[on], autocommit=True) as connection:
            connection.execute(statement)
    before = state(*hosts.values())
    try:
        with Rebalance(larger) as rebalance:
            found = rebalance.plan()[1]
            with pytest.raises(Conflict):
                list(rebalance.run())
    finally:
        with psycopg.connect(hosts["second"], autocommit=True) as connection:
            connection.execute("DROP OWNED BY keeper; DROP ROLE keeper")

    assert [reason for *_, reason in ADDED if not any(reason in each for each in found)] == []
    assert state(*hosts.values()) == before


@pytest.mark.usefixtures("filled")
def test_rebalance_refuses_leaves_it_cannot_copy(larger, hosts):
    for on, statement, reason in UNLIKE:
        with psycopg.connect(hosts[on], autocommit=True) as connection:
            connection.execute(statement)
        before = state(*hosts.values())
        with Rebalance(larger) as rebalance, pytest.raises(Conflict, match=reason):
            list(rebalance.run())
        assert state(*hosts.values()) == before


def test_rebalance_while_writes_go_on(filled, larger, clients, sound, evidence):
    with DirectRows(filled.first, filled.description) as before, clients:
        before.find(quarter=2, id=0)
        with Rebalance(larger, hold=20) as rebalance:
            for step in rebalance.run():
                if not step.endswith(WITHIN_THE_SWITCH):
                    clients.work_on()
        clients.work_on()
        after = before.bypassed

    sound()
    evidence.json("the longest wait of a client, in seconds", round(clients.longest, 2))
    one_of_each_quarter = filled.rows("SELECT id, quarter FROM person ORDER BY id LIMIT 40")
    with DirectRows(filled.first, filled.description) as old, DirectRows(filled.first, larger) as new:
        for person, quarter in one_of_each_quarter:
            assert [each["id"] for each in old.find(id=person, quarter=quarter)] == [person]
            assert new.find(id=person, quarter=quarter) == Rows(filled.first, larger).find(id=person, quarter=quarter)
        assert old.bypassed == 0
        assert new.bypassed > 0
    assert after == 1
    with Rebalance(larger) as rebalance:
        assert list(rebalance.run()) == []


def test_rebalance_outwaits_what_reads_old_rows(filled, larger, servers):
    """Transactions that used another table of the server see it as it was before the copy, and cannot see the new leaf.

    One of them truncates the table, with a row that it does not see.
    """
    filled.second.execute("CREATE TABLE other ()")
    filled.first.execute("CREATE FOREIGN TABLE other () SERVER postgres_5")
    rows = Rows(filled.first, filled.description)
    with psycopg.connect(servers.first.url) as reader, Rebalance(larger, lock_timeout=0.2, patience=1) as rebalance:
        steps = rebalance.run()
        run_until(steps, "new leaves are created", "person_2")
        reader.execute("SELECT FROM other")
        rows.insert({**PERSON, "quarter": 2})
        run_until(steps, "rows are copied")
        reader.execute("TRUNCATE person")
        reader.commit()
        kept = [*rows.reserve(2), 1000]
        for person in kept:
            rows.insert({**PERSON, "quarter": 4 if person == 1000 else 2, "id": person})

        run_until(steps, "settled")
        assert filled.rows("SELECT id FROM person ORDER BY id") == [(person,) for person in kept]

        reader.execute("SELECT FROM other")
        with pytest.raises(Conflict, match="have used other tables of postgres_5: end the long transactions"):
            list(steps)
        assert reader.execute("SELECT count(*) FROM person").fetchone() == (3,)
        reader.commit()
    with Rebalance(larger) as rebalance:
        list(rebalance.run())
    with Deployment(larger) as deployment:
        assert deployment.verify().sound
