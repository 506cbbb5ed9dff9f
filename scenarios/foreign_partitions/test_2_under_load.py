"""5000 requests, 100 at once: the rows of all partitions are found through the base table."""

from dataclasses import asdict

import pytest

from scenarios.foreign_partitions import published
from scenarios.foreign_partitions.table import BELONGS


@pytest.mark.claim("fdw-2")
def test_5000_inserts_reach_the_right_partitions(made, service, load, evidence):
    table = made("published")

    done = load(
        f"{service}/person",
        requests=published.REQUESTS,
        at_once=published.AT_ONCE,
        headers={"X-Customer-ID": published.CUSTOMER_ID},
    )

    evidence.json("the load", asdict(done))
    assert (done.complete, done.failed, done.refused) == (published.REQUESTS, 0, 0)
    assert table.rows(published.COUNT) == [(5000,)]
    assert table.rows("SELECT DISTINCT customer_id FROM person") == [("4",)]
    share = dict.fromkeys(sorted(BELONGS.values()), 1250)
    evidence.table("rows", [{"partition": leaf, "rows": rows} for leaf, rows in table.leaves().items()])
    assert table.leaves() == share
    assert table.misplaced() == dict.fromkeys(share, 0)
    for leaf in ("person_2", "person_3"):
        assert table.second.execute(f"SELECT count(*) FROM {leaf}").fetchone() == (1250,)


@pytest.mark.claim("fdw-2")
def test_quarters_one_to_four_reach_all_partitions(made):
    table = made("published")

    def leaves(quarters):
        table.first.execute("DELETE FROM person")
        insert = "INSERT INTO person (quarter, name, address, customer_id) SELECT unnest(%s::int[]), '', '', ''"
        table.first.execute(insert, [list(quarters)])
        return dict(table.rows("SELECT quarter, tableoid::regclass::text FROM person"))

    assert leaves(range(1, 5)) == BELONGS
    assert "person_3" not in leaves(range(4)).values()
