"""Three loads at once, one for each customer: all rows are there, each in its customer's database."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import pytest

from scenarios.customer_sharding.published import AT_ONCE, CUSTOMERS, REQUESTS


@pytest.mark.claim("shard-4")
def test_three_thousand_requests_leave_a_thousand_rows_in_each_database(service, of_customer, load, evidence):
    def bench(customer):
        url, headers = f"{service.url}/person/{customer}", {"X-Customer-ID": customer}
        return load(url, requests=REQUESTS, at_once=AT_ONCE, headers=headers)

    with ThreadPoolExecutor(len(CUSTOMERS)) as pool:
        loads = dict(zip(CUSTOMERS, pool.map(bench, CUSTOMERS), strict=True))

    evidence.table("the loads", [{"customer": customer, **asdict(each)} for customer, each in loads.items()])
    for customer, each in loads.items():
        assert (each.complete, each.failed, each.refused) == (REQUESTS, 0, 0)
        database = of_customer[customer]
        assert database.rows("SELECT COUNT(*) FROM person") == [(1000,)]
        assert database.rows("SELECT DISTINCT customer_id FROM person") == [(customer,)]
