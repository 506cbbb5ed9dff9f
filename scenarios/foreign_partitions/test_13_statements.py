"""What an application's statements do in a local partition and in a foreign one: the same, but for stated refusals."""

import psycopg
import pytest

from fixtures.waiting import eventually
from reference.foreign_partitions import Deployment, Secret
from reference.foreign_partitions.description import Login
from scenarios.foreign_partitions.published import SERVER
from scenarios.foreign_partitions.table import describe

COLUMNS = "quarter, name, address, customer_id"
INSERT = f"INSERT INTO person ({COLUMNS}) VALUES ({{}}, 'Ada', 'here', '4')"
MERGE = "MERGE INTO person USING (SELECT {} AS n) AS other ON quarter = n WHEN MATCHED THEN DELETE"
# A quarter of a local partition, and one of a foreign partition.
LOCAL, FOREIGN = 1, 2
UNMATCHED = "there is no unique or exclusion constraint matching the ON CONFLICT specification"
ADA, EVE = [("Ada",)], [("Eve",)]

# Each statement on a quarter of two rows, and its answer in a local partition and in a foreign one: the names that it
# returns, the number of rows that it changed, or its refusal.
STATEMENTS = {
    "INSERT ... RETURNING": (INSERT + " RETURNING name", ADA, ADA),
    "INSERT ... ON CONFLICT DO NOTHING": (INSERT + " ON CONFLICT DO NOTHING", 1, 1),
    "INSERT ... ON CONFLICT (id) DO NOTHING": (INSERT + " ON CONFLICT (id) DO NOTHING", UNMATCHED, UNMATCHED),
    "INSERT ... ON CONFLICT (id) DO UPDATE": (
        INSERT + " ON CONFLICT (id) DO UPDATE SET name = 'Eve'",
        UNMATCHED,
        UNMATCHED,
    ),
    "UPDATE ... RETURNING": ("UPDATE person SET name = 'Eve' WHERE quarter = {} RETURNING name", EVE * 2, EVE * 2),
    "DELETE ... RETURNING": ("DELETE FROM person WHERE quarter = {} RETURNING name", ADA * 2, ADA * 2),
    "SELECT ... FOR UPDATE": ("SELECT name FROM person WHERE quarter = {} FOR UPDATE", ADA * 2, ADA * 2),
    "MERGE": (MERGE, 2, 'cannot execute MERGE on relation "person_2"'),
}


@pytest.fixture
def filled(made):
    """The corrected table with two rows in each kind of partition."""
    table = made("corrected")
    for quarter in (LOCAL, FOREIGN):
        for _ in range(2):
            table.first.execute(INSERT.format(quarter))
    return table


def answer(connection, statement):
    """Return the rows of a statement, else the number of rows that it changed, else the reason of its refusal."""
    try:
        with connection.transaction(force_rollback=True):
            done = connection.execute(statement)
            return done.fetchall() if done.description is not None else done.rowcount
    except psycopg.Error as error:
        return error.diag.message_primary


@pytest.mark.claim("fdw-3")
def test_statements_answer_in_both_partitions(filled, evidence):
    """Those of which the base cannot know whether a foreign partition has the row are refused in either."""
    found = {
        name: tuple(answer(filled.first, statement.format(quarter)) for quarter in (LOCAL, FOREIGN))
        for name, (statement, *_) in STATEMENTS.items()
    }

    evidence.table(
        "what statements answer in a local partition and in a foreign one",
        [{"statement": name, "local": str(local), "foreign": str(foreign)} for name, (local, foreign) in found.items()],
    )
    assert found == {name: tuple(expected) for name, (_, *expected) in STATEMENTS.items()}
    assert filled.leaves() == {"person_0": 2, "person_2": 2}


@pytest.mark.claim("fdw-3")
def test_truncate_empties_both_partitions(filled):
    filled.first.execute("TRUNCATE person")

    assert filled.leaves() == {}
    assert filled.second.execute("SELECT count(*) FROM person_2").fetchall() == [(0,)]


@pytest.mark.claim("fdw-3")
def test_copy_takes_rows_in_and_a_query_out(filled):
    with filled.first.cursor() as cursor:
        with cursor.copy(f"COPY person ({COLUMNS}) FROM STDIN") as copy:
            for quarter in (1, 2, 3, 4):
                copy.write_row([quarter, "Eve", "there", "4"])
        with cursor.copy("COPY (SELECT quarter FROM person WHERE name = 'Eve' ORDER BY 1) TO STDOUT") as copy:
            copied = [int(bytes(line)) for line in copy]
        with (
            pytest.raises(psycopg.errors.WrongObjectType, match='cannot copy from partitioned table "person"'),
            cursor.copy("COPY person TO STDOUT") as copy,
        ):
            list(copy)

    assert copied == [1, 2, 3, 4]
    assert filled.leaves() == {"person_0": 3, "person_1": 1, "person_2": 3, "person_3": 1}
    assert not any(filled.misplaced().values())


@pytest.mark.claim("fdw-3")
def test_savepoint_undoes_both_partitions(filled):
    first = filled.first
    with first.transaction():
        with first.transaction(force_rollback=True):
            for quarter in (LOCAL, FOREIGN):
                first.execute(INSERT.format(quarter))
        first.execute(INSERT.format(FOREIGN))

    assert filled.leaves() == {"person_0": 2, "person_2": 3}


@pytest.mark.claim("fdw-3")
def test_estimates_count_foreign_rows(filled):
    first = filled.first

    def estimated():
        ((lines,),) = first.execute("EXPLAIN (FORMAT JSON) SELECT FROM person WHERE quarter = 2").fetchall()
        return lines[0]["Plan"]["Plan Rows"]

    first.execute("INSERT INTO person (quarter, name, address, customer_id) SELECT 2, 'Ada', n, '4' "
                  "FROM generate_series(1, 998) n")  # fmt: skip
    first.execute("ANALYZE person")
    query = "SELECT relname::text, reltuples FROM pg_class WHERE relname IN ('person', 'person_0', 'person_2')"
    assert dict(first.execute(query).fetchall()) == {"person": 1002, "person_0": 2, "person_2": 1000}
    assert estimated() == 1000

    filled.second.execute("DELETE FROM person_2 WHERE address::text ~ '^[0-9]+$' AND address::int > 98")
    filled.second.execute("ANALYZE person_2")
    assert estimated() == 1000
    first.execute(f"ALTER SERVER {SERVER} OPTIONS (ADD use_remote_estimate 'true')")
    assert estimated() == 100


@pytest.mark.claim("fdw-3")
def test_lost_connection_fails_once_and_is_renewed(filled):
    """A transaction that had begun on the server is lost; the next one has a new connection."""
    first, second = filled.first, filled.second
    sessions = "FROM pg_stat_activity WHERE application_name = 'postgres_fdw'"

    def lose():
        assert second.execute(f"SELECT pg_terminate_backend(pid) {sessions}").fetchall() == [(True,)]
        eventually(lambda: second.execute(f"SELECT count(*) {sessions}").fetchall() == [(0,)], within=10)

    def insert_around_a_loss():
        with first.transaction():
            first.execute(INSERT.format(FOREIGN))
            lose()
            first.execute(INSERT.format(FOREIGN))

    with pytest.raises(psycopg.OperationalError):
        insert_around_a_loss()
    assert filled.leaves() == {"person_0": 2, "person_2": 2}
    lose()
    first.execute(INSERT.format(FOREIGN))
    assert filled.leaves() == {"person_0": 2, "person_2": 3}


@pytest.mark.claim("fdw-3")
def test_each_role_has_its_user_mapping(filled, servers):
    """A role without one is refused in foreign partitions, and reads the local ones."""
    filled.second.execute("CREATE ROLE reader LOGIN PASSWORD 'reading'; GRANT USAGE ON SCHEMA public TO reader")
    filled.second.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    filled.first.execute("CREATE ROLE clerk; CREATE ROLE stranger; GRANT USAGE ON SCHEMA public TO clerk, stranger")
    filled.first.execute("GRANT SELECT, INSERT ON person TO clerk, stranger")
    try:
        described = describe(servers.first, servers.second, roles={"clerk": Login("reader", Secret("reading"))})
        with Deployment(described) as deployment:
            deployment.apply()
        count = "SELECT count(*) FROM person WHERE quarter = {}"
        found = {}
        for role in ("clerk", "stranger"):
            filled.first.execute(f"SET ROLE {role}")
            found[role] = [answer(filled.first, count.format(quarter)) for quarter in (LOCAL, FOREIGN)]
            found[role].append(answer(filled.first, INSERT.format(FOREIGN)))
            filled.first.execute("RESET ROLE")
    finally:
        filled.first.execute(f"DROP USER MAPPING IF EXISTS FOR clerk SERVER {SERVER}")
        filled.first.execute("DROP OWNED BY clerk, stranger; DROP ROLE clerk, stranger")
        filled.second.execute("DROP OWNED BY reader; DROP ROLE reader")

    unmapped = f'user mapping not found for user "stranger", server "{SERVER}"'
    assert found == {
        "clerk": [[(2,)], [(2,)], "permission denied for table person_2"],
        "stranger": [[(2,)], unmapped, unmapped],
    }


@pytest.mark.claim("fdw-3")
def test_column_of_the_base_alone_is_a_conflict(filled):
    filled.first.execute("ALTER TABLE person ADD COLUMN extra text")

    assert answer(filled.first, "SELECT extra FROM person WHERE quarter = 1") == [(None,), (None,)]
    assert answer(filled.first, "SELECT extra FROM person WHERE quarter = 2") == 'column "extra" does not exist'
    with Deployment(filled.description) as deployment:
        conflicts = deployment.verify().conflicts
    assert any("column extra of person is text, and should be missing" in each for each in conflicts)
