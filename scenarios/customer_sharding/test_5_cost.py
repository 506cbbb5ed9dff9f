"""The cost of a request: a query of the sharding service and a new connection, or neither."""

import pytest

from fixtures.waiting import eventually
from scenarios.customer_sharding.published import CUSTOMERS

REQUESTS = 40  # of each customer


@pytest.fixture
def connections(of_customer):
    """Return a function that ends the service and returns the number of connections that the databases counted."""

    def counted():
        return sum(database.sessions() for database in of_customer.values())

    before = counted()

    def connections(service):
        service.close()  # a server counts a connection for certain when it has ended
        eventually(lambda: not any(database.clients() for database in of_customer.values()), within=30)
        return counted() - before

    return connections


@pytest.fixture
def cost(service, sharding, connections, evidence):
    """Return a function for the cost of some requests of each customer: route queries, and database connections."""

    def cost():
        for _ in range(REQUESTS):
            for customer in CUSTOMERS:
                assert service.save(customer).ok
        found = {
            "requests": REQUESTS * len(CUSTOMERS),
            "questions": len(sharding.asked_for()),
            "connections": connections(service),
        }
        evidence.json("cost, as the sharding service and the databases counted", found)
        return found

    return cost


@pytest.mark.claim("shard-8", shows="published", fails_with=r"'questions': 3\} != \{'questions': 120\}")
def test_request_costs_question_and_connection(cost):
    assert cost() == {"requests": 120, "questions": 120, "connections": 120}


@pytest.mark.claim("shard-8", shows="corrected", fails_with=r"'questions': 120\} != \{'questions': 3\}")
def test_routes_and_connections_are_kept(cost):
    """Sequential requests need one connection to each database."""
    assert cost() == {"requests": 120, "questions": 3, "connections": 3}


@pytest.mark.claim("shard-8", shows="corrected", fails_with="assert 200 == 1")
def test_concurrent_requests_stay_within_the_pool(person_service, sharding, connections, load, of_customer, evidence):
    service = person_service({"SHARDING_POOL_SIZE": "4"})

    done = load(f"{service.url}/person/1", requests=200, at_once=50, headers={"X-Customer-ID": "1"})

    found = {"questions": len(sharding.asked_for()), "connections": connections(service)}
    evidence.json("cost of 200 requests, 50 at once", found)
    assert (done.complete, done.failed, done.refused) == (200, 0, 0)
    assert of_customer["1"].customers() == {"1": 200}
    assert found["questions"] == 1
    assert 1 <= found["connections"] <= 4


@pytest.mark.claim("shard-8", shows="corrected", fails_with="assert 3 > 3")
def test_expired_route_is_asked_for_again(person_service, sharding, connections):
    service = person_service({"SHARDING_ROUTE_EXPIRY": "0.5"})
    saved = [service.save("1")]

    def asked_again():
        saved.append(service.save("1"))
        return sharding.asked_for().count("/write/1") == 3

    eventually(asked_again, within=30)

    assert all(answer.ok for answer in saved)
    assert len(saved) > 3
    assert connections(service) == 1
