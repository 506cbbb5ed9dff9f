"""What a request costs: a question to the sharding service and a new connection, or neither."""

import pytest

from fixtures.waiting import eventually
from scenarios.customer_sharding.published import CUSTOMERS

REQUESTS = 40  # of each customer


@pytest.fixture
def cost(service, sharding, of_customer, evidence):
    """What so many requests of each customer cost: questions of the sharding service, connections to the databases."""

    def connections():
        return sum(database.sessions() for database in of_customer.values())

    def cost():
        before = connections()
        for _ in range(REQUESTS):
            for customer in CUSTOMERS:
                assert service.save(customer).ok
        # A server counts a connection with the first transaction that ends in it.
        found = {
            "requests": REQUESTS * len(CUSTOMERS),
            "questions": len(sharding.asked_for()),
            "connections": connections() - before,
        }
        evidence.json("cost, as the sharding service and the databases counted", found)
        return found

    return cost


@pytest.mark.claim("shard-8", shows="published")
def test_each_request_costs_a_question_and_a_connection(cost):
    assert cost() == {"requests": 120, "questions": 120, "connections": 120}


@pytest.mark.claim("shard-8", shows="corrected")
def test_a_route_is_asked_for_once_and_connections_are_kept(cost):
    """One request at a time needs one connection to each database."""
    assert cost() == {"requests": 120, "questions": 3, "connections": 3}


@pytest.mark.claim("shard-8", shows="corrected")
def test_a_route_is_asked_for_again_when_it_has_expired(person_service, sharding, of_customer):
    service = person_service({"SHARDING_ROUTE_EXPIRY": "0.5"})
    before = of_customer["1"].sessions()
    saved = [service.save("1")]

    def asked_again():
        saved.append(service.save("1"))
        return sharding.asked_for().count("/write/1") == 3

    eventually(asked_again, within=30)

    assert all(answer.ok for answer in saved)
    assert len(saved) > 3
    assert of_customer["1"].sessions() - before == 1
