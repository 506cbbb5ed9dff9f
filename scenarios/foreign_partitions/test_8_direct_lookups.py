"""Rows looked up one by one, each on the server that has it, by the description that created the table."""

import pytest

from reference.foreign_partitions.access.direct import DirectRows
from reference.foreign_partitions.access.rows import Rows
from reference.foreign_partitions.errors import PartitionUnavailable, WithoutPartitionKey
from scenarios.foreign_partitions.table import BELONGS, PERSON

pytestmark = pytest.mark.claim("fdw-7")

FILL = """
INSERT INTO person (quarter, name, address, customer_id)
SELECT 1 + n %% 4, 'Ada ' || n, '12 St James''s Square', '4' FROM generate_series(1, %s) n
"""
LOCAL, FOREIGN = 1, 2  # quarters


@pytest.fixture
def filled(made):
    """The corrected table with twenty thousand rows, analyzed."""
    table = made("corrected")
    table.first.execute(FILL, [20_000])
    for connection in (table.first, table.second):
        connection.execute("ANALYZE person")
    return table


@pytest.fixture
def direct(filled):
    with DirectRows(filled.first, filled.description) as direct:
        yield direct


class TestDirectLookup:
    @pytest.mark.parametrize("quarter", BELONGS)
    def test_direct_lookup_equals_lookup_through_the_base(self, filled, direct, quarter):
        ((person,),) = filled.rows("SELECT id FROM person WHERE quarter = %s LIMIT 1", quarter)

        assert direct.partition(quarter).name == BELONGS[quarter]
        assert direct.find(quarter=quarter, id=person) == Rows(filled.first, filled.description).find(
            quarter=quarter, id=person
        )
        assert direct.find(quarter=quarter, id=0) == []

    def test_direct_lookup_needs_the_partition_key(self, direct):
        with pytest.raises(WithoutPartitionKey, match="a lookup by id visits every partition: add quarter"):
            direct.find(id=1)

    def test_direct_lookup_sees_committed_rows_only(self, filled, direct):
        row = {"id": 70_000, "quarter": FOREIGN, **PERSON}
        with filled.first.transaction():
            filled.insert_again(row)
            assert direct.find(id=70_000, quarter=FOREIGN) == []

        assert direct.find(id=70_000, quarter=FOREIGN) == [row]

    def test_direct_lookup_survives_a_server_restart(self, filled, servers, direct):
        ((person,),) = filled.rows("SELECT id FROM person WHERE quarter = %s LIMIT 1", FOREIGN)
        (found,) = direct.find(id=person, quarter=FOREIGN)

        servers.second.kill()
        with pytest.raises(PartitionUnavailable, match=r"^postgres_5 .*refuses the connection"):
            direct.find(id=person, quarter=FOREIGN)
        assert direct.find(quarter=LOCAL, id=0) == []
        servers.second.restart()

        assert direct.find(id=person, quarter=FOREIGN) == [found]


def test_direct_lookup_against_the_remote_server(filled, direct, versus):
    """Through the base the same lookup takes five more round trips."""
    ((person,),) = filled.rows("SELECT id FROM person WHERE quarter = %s LIMIT 1", FOREIGN)
    query = "SELECT * FROM person_2 WHERE quarter = %s AND id = %s"
    # Both ways use one connection: the wake-up time of another backend process would disturb the comparison.
    server = direct.connection(direct.partition(FOREIGN).server)

    def past_the_base():
        return len(direct.find(quarter=FOREIGN, id=person))

    def asked_directly():
        return len(server.execute(query, [FOREIGN, person]).fetchall())

    versus(past_the_base, asked_directly, slower=1.5)


def test_partition_of_a_value_is_cached(filled, direct):
    with filled.connect() as base, DirectRows(base, filled.description) as alone:
        alone.find(quarter=FOREIGN, id=1)
        base.close()

        assert alone.find(quarter=FOREIGN, id=1) == direct.find(quarter=FOREIGN, id=1)
