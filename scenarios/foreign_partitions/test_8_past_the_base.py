"""Many rows looked up one by one: each asked of the server that has it, by the description that made the table."""

import pytest

from reference.foreign_partitions.direct import DirectRows
from reference.foreign_partitions.errors import PartitionUnavailable, WithoutPartitionKey
from reference.foreign_partitions.rows import Rows
from scenarios.foreign_partitions.table import BELONGS, PERSON

pytestmark = pytest.mark.claim("fdw-7")

FILL = """
INSERT INTO person (quarter, name, address, customer_id)
SELECT 1 + n %% 4, 'Ada ' || n, '12 St James''s Square', '4' FROM generate_series(1, %s) n
"""
LOCAL, FOREIGN = 1, 2  # quarters


@pytest.fixture
def filled(made):
    """The corrected table with twenty thousand rows, which its planner knows of."""
    table = made("corrected")
    table.first.execute(FILL, [20_000])
    for connection in (table.first, table.second):
        connection.execute("ANALYZE person")
    return table


@pytest.fixture
def direct(filled):
    with DirectRows(filled.first, filled.description) as direct:
        yield direct


class TestALookup:
    @pytest.mark.parametrize("quarter", BELONGS)
    def test_finds_what_the_base_finds_where_the_base_has_put_it(self, filled, direct, quarter):
        ((person,),) = filled.rows("SELECT id FROM person WHERE quarter = %s LIMIT 1", quarter)

        assert direct.partition(quarter).name == BELONGS[quarter]
        assert direct.find(quarter=quarter, id=person) == Rows(filled.first, filled.description).find(
            quarter=quarter, id=person
        )
        assert direct.find(quarter=quarter, id=0) == []

    def test_needs_the_partition_key(self, direct):
        with pytest.raises(WithoutPartitionKey, match="a lookup by id visits every partition: add quarter"):
            direct.find(id=1)

    def test_sees_what_is_committed(self, filled, direct):
        row = {"id": 70_000, "quarter": FOREIGN, **PERSON}
        with filled.first.transaction():
            filled.insert_again(row)
            assert direct.find(id=70_000, quarter=FOREIGN) == []

        assert direct.find(id=70_000, quarter=FOREIGN) == [row]

    def test_says_which_server_does_not_answer_and_goes_on_when_it_does(self, filled, servers, direct):
        ((person,),) = filled.rows("SELECT id FROM person WHERE quarter = %s LIMIT 1", FOREIGN)
        (found,) = direct.find(id=person, quarter=FOREIGN)

        servers.second.kill()
        with pytest.raises(PartitionUnavailable, match=r"^postgres_5 .*does not let us in"):
            direct.find(id=person, quarter=FOREIGN)
        assert direct.find(quarter=LOCAL, id=0) == []
        servers.second.restart()

        assert direct.find(id=person, quarter=FOREIGN) == [found]


def test_costs_what_asking_the_server_costs(filled, direct, versus):
    """Through the base the same row takes five round trips more."""
    ((person,),) = filled.rows("SELECT id FROM person WHERE quarter = %s LIMIT 1", FOREIGN)
    query = "SELECT * FROM person_2 WHERE quarter = %s AND id = %s"
    # By one connection: how soon a server's process wakes up is another matter for each, and neither way's doing.
    server = direct.connection(direct.partition(FOREIGN).server)

    def past_the_base():
        return len(direct.find(quarter=FOREIGN, id=person))

    def asked_directly():
        return len(server.execute(query, [FOREIGN, person]).fetchall())

    versus(past_the_base, asked_directly, slower=1.5)


def test_the_base_is_asked_once_where_the_rows_of_a_value_are(filled, direct):
    with filled.connect() as base, DirectRows(base, filled.description) as alone:
        alone.find(quarter=FOREIGN, id=1)
        base.close()

        assert alone.find(quarter=FOREIGN, id=1) == direct.find(quarter=FOREIGN, id=1)
