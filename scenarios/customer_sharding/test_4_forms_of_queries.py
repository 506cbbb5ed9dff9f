"""In a database that customers share, no form of query reads or writes another customer's row."""

import contextlib

import peewee
import pytest

from reference.customer_sharding.credentials import Credentials
from reference.customer_sharding.errors import BadInput, Unbound, WrongCustomer
from reference.customer_sharding.move.side import Side
from reference.customer_sharding.requests.shard import Shard
from reference.customer_sharding.settings import Settings, Standalone
from scenarios.customer_sharding.query_forms import OTHER, OWN, RAW, READS, ROWS, TABLES, WRITES, seen

FIELD = "customer_id"
ALL = "SELECT * FROM shop ORDER BY id", "SELECT * FROM sale ORDER BY id"
# How a form may be refused: by the library, by a policy of the database, or since another customer has the key.
REFUSALS = (BadInput, WrongCustomer, peewee.IntegrityError)
POLICY = "violates row-level security policy"


class SharedDatabase:
    """Two customers' rows in one database, and sessions of one of them.

    Args:
        database: The server's database, queried as the tables' owner.
        row_security: Whether the database itself restricts sessions to their customer's rows.
    """

    def __init__(self, database, *, row_security):
        self._database = database
        owner, user = Credentials(**database.owner), Credentials(**database.user)
        self.execute(TABLES[database.flavor])
        with contextlib.closing(Side("shared", owner, FIELD)) as side:
            side.prepare(1, user.user, row_security=row_security)
            for customer in (OWN, OTHER):
                side.admit(customer, 1)
        self.shard = Shard(Settings(Standalone(user), FIELD, row_security=row_security))

    def execute(self, statements):
        """Execute as the owner, whom the guard allows to write rows of both customers."""
        with self._database.connection.cursor() as cursor:
            for statement in statements.split(";"):
                cursor.execute(statement)

    def fill(self):
        """Restore the rows of both customers."""
        self.execute(f"DELETE FROM sale; DELETE FROM shop; {ROWS}")

    def rows_of(self, customer):
        """Return the rows of a customer, as the owner sees them."""
        found = []
        with self._database.connection.cursor() as cursor:
            for query in ALL:
                cursor.execute(query)
                found.append([row for row in cursor.fetchall() if row[-1] == customer])
        return found

    def outcome(self, form):
        """Execute a form of query in a session of the customer, and return its result, or how it was refused."""
        with self.shard.session(OWN) as session:
            try:
                return seen(form(session.database))
            except peewee.DoesNotExist:
                return "no such row"
            except REFUSALS as error:
                return f"refused: {type(error).__name__}"
            except peewee.DatabaseError as error:
                if POLICY in str(error):
                    return "refused: by the policy"
                return f"not understood by the server: {type(error).__name__}"


def forms(*kinds):
    """Return the forms of queries by name, as functions of the database; forms of models ignore it."""
    return {
        name: form if kind is RAW else (lambda _, form=form: form()) for kind in kinds for name, form in kind.items()
    }


@pytest.fixture
def shared(databases):
    """`shared(row_security=...)`: the first database with both customers' rows."""
    with contextlib.ExitStack() as stack:

        def make(database=databases["first"], *, row_security=False):
            made = SharedDatabase(database, row_security=row_security)
            stack.callback(made.shard.close)
            return made

        yield make


def check_reads(shared, some):
    """Each form returns what it would return in a database with the customer's rows alone."""
    shared.fill()
    beside_others = {name: shared.outcome(form) for name, form in some.items()}
    shared.execute(f"DELETE FROM sale WHERE customer_id = '{OTHER}'; DELETE FROM shop WHERE customer_id = '{OTHER}'")
    alone = {name: shared.outcome(form) for name, form in some.items()}
    assert beside_others == alone
    return beside_others


def check_writes(shared, some):
    """No form changes, deletes or adds a row of the other customer."""
    shared.fill()
    theirs, own = shared.rows_of(OTHER), shared.rows_of(OWN)
    outcomes = {}
    for name, form in some.items():
        outcomes[name] = shared.outcome(form)
        assert shared.rows_of(OTHER) == theirs, name
        if shared.rows_of(OWN) != own:
            outcomes[name] = f"changed own rows: {outcomes[name]}"
            shared.fill()
    return outcomes


def required(outcomes, *changing):
    """The table means something: forms were executed, and of the writes some did change the customer's own rows."""
    not_understood = {name: outcome for name, outcome in outcomes.items() if "not understood" in outcome}
    assert not not_understood
    for name in changing:
        assert outcomes[name].startswith("changed own rows"), (name, outcomes[name])


def table(outcomes):
    return [{"form": name, "outcome": outcome} for name, outcome in outcomes.items()]


CHANGING = ("insert", "update", "update orwhere", "delete", "bulk_create", "update from")


@pytest.mark.claim("shard-16")
def test_models_reach_own_rows_alone(shared, evidence):
    """The library restricts the queries of sharded models, and refuses the forms that it cannot restrict."""
    one = shared()

    outcomes = check_reads(one, forms(READS)) | check_writes(one, forms(WRITES))

    evidence.table("forms of queries of a sharded model", table(outcomes))
    required(outcomes, *CHANGING)
    assert "own 1" in outcomes["select"]


@pytest.mark.claim("shard-16")
def test_raw_queries_are_refused_in_a_session(shared, evidence):
    one = shared()

    outcomes = check_writes(one, forms(RAW))

    evidence.table("forms of queries past a sharded model", table(outcomes))
    assert set(outcomes.values()) == {"refused: BadInput"}


@pytest.mark.claim("shard-16")
def test_row_security_restricts_every_form(shared, evidence):
    """PostgreSQL itself restricts the session, raw SQL included."""
    one = shared(row_security=True)
    reading = {name: form for name, form in forms(RAW).items() if "updates" not in name and "deletes" not in name}

    outcomes = check_reads(one, forms(READS) | reading) | check_writes(one, forms(WRITES, RAW))

    evidence.table("forms of queries where row-level security restricts them", table(outcomes))
    required(outcomes, *CHANGING, "execute_sql that updates", "execute_sql that deletes", "table that updates")


@pytest.mark.claim("shard-16")
def test_session_without_row_security_is_refused(databases, shared):
    """An application that relies on the database must not go on where the database does not restrict it."""
    one = shared()
    relying = Shard(Settings(Standalone(Credentials(**databases["first"].user)), FIELD, row_security=True))

    with contextlib.closing(relying), pytest.raises(BadInput, match=r"table person in .* does not restrict user app"):
        relying.open(OWN)

    with pytest.raises(Unbound):
        next(iter(READS.values()))()
    assert one.rows_of(OWN) == [[], []]


@pytest.mark.claim("shard-16")
def test_session_within_a_session_sees_its_own_rows(shared):
    """The inner session uses the connection of the outer one, whose customer is bound again afterwards."""
    one = shared(row_security=True)
    one.fill()
    read = forms(RAW)["execute_sql"]

    def names(session):
        return [row[1] for row in read(session.database).fetchall()]

    with one.shard.session(OWN) as outer:
        with one.shard.session(OTHER) as inner:
            assert names(inner) == ["other 3", "other 4"]
        assert names(outer) == ["own 1", "own 2"]
    with contextlib.closing(one.shard), one.shard.session("nobody") as session:
        assert names(session) == []


@pytest.mark.claim("shard-15")
def test_models_reach_own_rows_alone_on_mariadb(shared, mysql, evidence):
    one = shared(mysql)

    outcomes = check_reads(one, forms(READS)) | check_writes(one, forms(WRITES, RAW))

    evidence.table("forms of queries on MariaDB", table(outcomes))
    understood = [name for name in CHANGING if name != "update from"]  # which is PostgreSQL's
    assert [name for name in understood if not outcomes[name].startswith("changed own rows")] == []
    assert all(outcomes[name] == "refused: BadInput" for name in RAW)
