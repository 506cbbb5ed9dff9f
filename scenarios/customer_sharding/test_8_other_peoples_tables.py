"""Tables that the document does not have: a move carries them whole, or refuses before it changes anything."""

from contextlib import closing

import psycopg
import pytest
from typer.testing import CliRunner

from reference.customer_sharding.cli import app as cli
from reference.customer_sharding.credentials import Credentials, Flavor
from reference.customer_sharding.move.moving import Mover
from reference.customer_sharding.service.store import Store

ONE, OTHER, FIELD = "17", "18", "customer_id"
OWNER = {"user": "owner", "password": "owner-password"}  # no superuser: row-level security applies to it
MAKE_OWNER = """
DO $$BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'owner') THEN
    CREATE ROLE owner LOGIN PASSWORD 'owner-password';
  END IF;
  EXECUTE format('GRANT CREATE ON DATABASE %I TO owner', current_database());
END$$;
GRANT ALL ON SCHEMA public TO owner;
ALTER TABLE person OWNER TO owner;
ALTER DEFAULT PRIVILEGES FOR ROLE owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO app;
ALTER DEFAULT PRIVILEGES FOR ROLE owner GRANT USAGE ON SEQUENCES TO app;
"""
PEOPLE = "INSERT INTO person (name, address, customer_id) SELECT n, 'here', %s FROM generate_series(1, 3) n"
AUDIT = """
CREATE TABLE audit (entry text);
CREATE FUNCTION audited() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN INSERT INTO audit VALUES (NEW.name); RETURN NULL; END';
CREATE TRIGGER audited AFTER INSERT ON person FOR EACH ROW EXECUTE FUNCTION audited()
"""

# By what stands in the way: what makes it in which databases, what the refusal says, and the remedy that it names.
BOTH = ("first", "second")
OBSTACLES = {
    "children without the column": (
        BOTH,
        "CREATE TABLE item (id bigserial PRIMARY KEY, person bigint REFERENCES person ON DELETE CASCADE)",
        "table item refers to person and has no column customer_id",
        "ALTER TABLE item ADD COLUMN customer_id text",
    ),
    "row security": (
        BOTH,
        "ALTER TABLE person ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
        "row-level security hides rows of table person from the mover",
        "ALTER TABLE person NO FORCE ROW LEVEL SECURITY",
    ),
    "another schema": (
        ("first",),
        "CREATE SCHEMA billing; CREATE TABLE billing.invoice (id bigint PRIMARY KEY, customer_id text)",
        "table billing.invoice has the column customer_id and is outside the schema",
        "ALTER TABLE billing.invoice RENAME COLUMN customer_id TO payer",
    ),
    "large objects": (
        BOTH,
        "ALTER TABLE person ADD COLUMN photo oid",
        "column person.photo is of type oid, a large object's number",
        "ALTER TABLE person ALTER COLUMN photo TYPE bytea USING lo_get(photo)",
    ),
    "a trigger that fires on the mover's rows": (
        ("second",),
        AUDIT,
        "trigger audited on table person would fire for rows that the mover writes",
        "DROP TRIGGER audited ON person",
    ),
    "a column on one side": (
        ("first",),
        "ALTER TABLE person ADD COLUMN age integer",
        "column person.age is integer in first and missing in second",
        "ALTER TABLE person DROP COLUMN age",
    ),
    "a generated key": (
        BOTH,
        "CREATE TABLE doubled (id int, customer_id text, twice int GENERATED ALWAYS AS (2 * id) STORED PRIMARY KEY)",
        "key column doubled.twice is generated",
        "ALTER TABLE doubled DROP CONSTRAINT doubled_pkey, ADD PRIMARY KEY (id)",
    ),
    "a table without the guard": (
        BOTH,
        "CREATE TABLE note (id bigserial PRIMARY KEY, customer_id text NOT NULL)",
        "table note has no guard",
        "SELECT 1",
    ),
}


@pytest.fixture
def store(meta, databases):
    """The sharding service's store, with both databases registered by an owner who is no superuser."""
    with closing(Store(meta)) as store:
        for name in BOTH:
            database = databases[name]
            database.connection.execute(MAKE_OWNER)
            user, owner = ({**database.owner, **each} for each in (database.user, OWNER))
            store.register(name, credentials(user), admin=credentials(owner), identifier_field=FIELD)
        for customer in (ONE, OTHER):
            store.place(customer, "first")
        yield store


def credentials(entry):
    names = ("host", "port", "user", "password", "database")
    return Credentials(*(entry[name] for name in names), Flavor(entry["flavor"]))


@pytest.fixture
def run(meta):
    """Return a function that runs the command `customer-sharding` to its end, and returns its exit code and output."""

    def run(*words):
        done = CliRunner(env={"SHARDING_META": meta}).invoke(cli, words)
        return done.exit_code, done.output

    return run


def as_owner(database, *statements):
    """Execute statements as the tables' owner, and return the rows of the last one."""
    entry = {name: database.owner[name] for name in ("host", "port")}
    with psycopg.connect(**entry, dbname=database.owner["database"], **OWNER, autocommit=True) as connection:
        for statement, *parameters in statements:
            cursor = connection.execute(statement, *parameters)
        return cursor.fetchall() if cursor.description else []


def contents(database):
    """Return the rows of `person`, and each customer's state, as a superuser sees them."""
    return database.rows("SELECT * FROM person ORDER BY id"), database.rows(
        "SELECT customer, state, epoch, until FROM sharding_customer ORDER BY customer"
    )


class TestWhatAMoveCannotCarry:
    @pytest.mark.claim("shard-14")
    @pytest.mark.parametrize("obstacle", OBSTACLES)
    def test_obstacle_is_refused_before_anything_changes(self, obstacle, store, databases, run):
        """The check and the move both refuse it; after the remedy that they name, the customer moves."""
        where, makes, refusal, remedy = OBSTACLES[obstacle]
        for customer in (ONE, OTHER):
            as_owner(databases["first"], (PEOPLE, [customer]))
        for name in where:
            as_owner(databases[name], (makes,))
        before = {name: contents(databases[name]) for name in BOTH}

        answers = [run("check", ONE, "second"), run("move", ONE, "second", "--lease=0.1", "--drain=0")]

        assert [code for code, _ in answers] == [1, 1]
        assert all(refusal in text for _, text in answers)
        assert {name: contents(databases[name]) for name in BOTH} == before
        assert store.moves() == []
        for name in where:
            as_owner(databases[name], (remedy,))
        for name in BOTH:
            store.prepare(name)
        assert run("check", ONE, "second") == (0, f"customer {ONE} can be moved to second\n")
        assert run("move", ONE, "second", "--lease=0.1", "--drain=0")[0] == 0
        assert {name: databases[name].customers() for name in BOTH} == {"first": {OTHER: 3}, "second": {ONE: 3}}

    @pytest.mark.claim("shard-14")
    @pytest.mark.claim("shard-16")
    def test_customer_keeps_its_row_security(self, store, databases, run):
        """Where the source restricts sessions to their customer's rows, so must the target."""
        for customer in (ONE, OTHER):
            as_owner(databases["first"], (PEOPLE, [customer]))
        store.prepare("first", row_security=True)

        code, output = run("check", ONE, "second")

        assert code == 1
        assert "table person restricts sessions to their customer's rows in first and not in second" in output
        assert run("prepare", "second", "--row-security")[0] == 0
        assert run("move", ONE, "second", "--lease=0.1", "--drain=0")[0] == 0
        assert {name: databases[name].customers() for name in BOTH} == {"first": {OTHER: 3}, "second": {ONE: 3}}
        assert [each.row_security for each in store.databases()] == [True, True]
        user = {name: databases["second"].user[name] for name in ("host", "port", "user", "password")}
        with psycopg.connect(**user, dbname=databases["second"].user["database"]) as connection:
            assert connection.execute("SELECT * FROM person").fetchall() == []
            connection.execute("SELECT set_config('sharding.customer', %s, false)", [ONE])
            assert len(connection.execute("SELECT * FROM person").fetchall()) == 3


READINGS = """
CREATE TABLE reading (
    at timestamptz, day date, lasted interval, value float8, payload bytea, note text, customer_id text NOT NULL,
    PRIMARY KEY (at, day, lasted, value, payload))
"""
READING = """INSERT INTO reading SELECT '2026-11-27 12:00+00'::timestamptz + n * interval '1 hour', '2026-11-27',
    interval '1 day 2 hours', 0.1::float8 + n / 3.0, decode('00ff27', 'hex'), 'before', %s
    FROM generate_series(1, 3) n"""
# Each changes how the text of a key column reads.
SETTINGS = """SET datestyle = 'German'; SET intervalstyle = 'iso_8601'; SET timezone = 'Asia/Kathmandu';
    SET extra_float_digits = -10; SET bytea_output = 'escape'"""


class TestWhatAMoveCarries:
    @pytest.fixture
    def mover(self, store):
        """Begin to move the customer, and return what carries the move out step by step."""
        store.begin_move(ONE, "second", lease=0.0, drain=0.0)
        with closing(Mover(store, ONE)) as mover:
            yield mover

    @pytest.fixture
    def written_under(self, databases):
        """Execute statements as the applications' user, in a session with settings of its own."""

        def written_under(session, *statements):
            user = {name: databases["first"].user[name] for name in ("host", "port", "user", "password")}
            with psycopg.connect(**user, dbname=databases["first"].user["database"], autocommit=True) as connection:
                connection.execute(session)
                for statement in statements:
                    connection.execute(statement)

        return written_under

    @pytest.mark.claim("shard-9")
    def test_any_sessions_writes_are_captured(self, store, databases, mover, written_under):
        """A row changed, one deleted and one added while the customer is copied, by keys that settings spell."""
        for name in BOTH:
            as_owner(databases[name], (READINGS,))
            store.prepare(name)
        as_owner(databases["first"], (READING, [ONE]))
        steps = iter(mover.step, "fence")
        assert "copy" in [next(steps) for _ in range(6)]

        written_under(
            SETTINGS,
            "UPDATE reading SET note = 'changed' WHERE at = '27.11.2026 18:45:00'",
            "DELETE FROM reading WHERE at = '27.11.2026 19:45:00'",
            f"INSERT INTO reading VALUES (now(), now(), 'P1M', 1 / 3.0, '\\001', 'added', '{ONE}')",
        )
        expected = databases["first"].rows("SELECT * FROM reading ORDER BY at")
        list(steps)
        mover.run()

        assert sorted(note for *_, note, _ in expected) == ["added", "before", "changed"]
        assert databases["second"].rows("SELECT * FROM reading ORDER BY at") == expected
        assert databases["first"].rows("SELECT * FROM reading") == []


class TestSeveralMoves:
    @pytest.mark.claim("shard-9")
    def test_resume_goes_on_past_a_failed_move(self, store, databases, run):
        """The first customer's rows do not fit the target: the other customer moves, the first may write on."""
        store.place("19", "second")
        for customer in (ONE, OTHER):
            as_owner(databases["first"], (PEOPLE, [customer]))
            store.begin_move(customer, "second", lease=0.1, drain=0.0)
        taken = databases["first"].rows("SELECT min(id) FROM person WHERE customer_id = %s", ONE)[0][0]
        as_owner(databases["second"], ("INSERT INTO person VALUES (%s, 'of another', 'there', '19')", [taken]))

        code, output = run("resume")

        assert code == 1
        assert f"{ONE}\tfailed: " in output
        assert "another customer" in output
        assert [move.customer for move in store.moves()] == [ONE]
        assert databases["second"].customers() == {OTHER: 3, "19": 1}
        as_owner(databases["first"], (PEOPLE, [ONE]))
        assert databases["first"].customers() == {ONE: 6}


@pytest.mark.claim("shard-14")
def test_preparing_again_locks_no_guarded_table(store, databases):
    """A transaction has written one table: `prepare` ends nevertheless, and replaces a trigger that is another one."""
    first = databases["first"]
    with psycopg.connect(first.url) as connection:
        connection.execute(PEOPLE, [ONE])
        assert store.prepare("first") == ["person"]
    for change in ("DISABLE TRIGGER sharding_guard", 'DISABLE TRIGGER "~sharding_restore"'):
        first.connection.execute(f"ALTER TABLE person {change}")
    assert store.check_move(ONE, "second")

    store.prepare("first")

    assert not store.check_move(ONE, "second")
