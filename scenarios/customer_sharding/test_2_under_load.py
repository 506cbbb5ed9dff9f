"""Three loads at once, one for each customer: all rows are there, each in its customer's database."""

from dataclasses import asdict

import pytest

from scenarios.customer_sharding.published import AT_ONCE, CUSTOMERS, REQUESTS


@pytest.mark.claim("shard-4")
def test_load_leaves_a_thousand_rows_each(service, of_customer, loads, evidence):
    done = loads(list(map(service.target, CUSTOMERS)), requests=REQUESTS, at_once=AT_ONCE)

    evidence.table(
        "the loads", [{"customer": customer, **asdict(each)} for customer, each in zip(CUSTOMERS, done, strict=True)]
    )
    for customer, each in zip(CUSTOMERS, done, strict=True):
        assert (each.complete, each.failed, each.refused) == (REQUESTS, 0, 0)
        database = of_customer[customer]
        assert database.rows("SELECT COUNT(*) FROM person") == [(1000,)]
        assert database.rows("SELECT DISTINCT customer_id FROM person") == [(customer,)]
