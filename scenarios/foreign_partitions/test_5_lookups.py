"""A row is looked up by its number, as applications do."""

import pytest

from scenarios.foreign_partitions.plans import nodes, remote_sql, visited
from scenarios.foreign_partitions.table import PERSON


@pytest.mark.claim("fdw-10", shows="published", fails_with=r"assert \['person_2'\] == \['person_0', ")
def test_lookup_by_id_visits_all_partitions(table, plan):
    found = plan("plan", table.first, *table.lookup(1, quarter=2))

    assert visited(found) == ["person_0", "person_1", "person_2", "person_3"]
    assert len(remote_sql(found)) == 2


@pytest.mark.claim("fdw-10", shows="corrected", fails_with="Left contains 3 more items")
@pytest.mark.parametrize(("quarter", "leaf", "foreign"), [(1, "person_0", 0), (2, "person_2", 1)])
def test_lookup_with_partition_key_visits_one(table, plan, quarter, leaf, foreign):
    row = {"id": 1, "quarter": quarter, **PERSON}
    table.insert_again(row)

    statement = table.lookup(1, quarter)
    found = plan("plan", table.first, *statement)

    assert visited(found) == [leaf]
    assert len(remote_sql(found)) == foreign
    assert [node["Node Type"] for node in nodes(found) if node["Node Type"] == "Append"] == []
    assert table.first.execute(*statement).fetchall() == [tuple(row.values())]
