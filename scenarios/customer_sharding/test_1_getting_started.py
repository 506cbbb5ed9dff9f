"""One database for everyone, or the one that the sharding service names: the environment chooses."""

import pytest

from fixtures.waiting import eventually
from reference.customer_sharding.credentials import Credentials
from reference.customer_sharding.requests.client import Client
from reference.customer_sharding.requests.routes import Route
from reference.customer_sharding.settings import Api
from scenarios.customer_sharding.published import CUSTOMERS
from scenarios.customer_sharding.services.processes import (
    PersonService,
    PublishedShardingService,
    ShardingService,
    standalone,
)

EACH_ITS_OWN = {customer: {customer: 1} for customer in CUSTOMERS}
ALL_IN_ONE = dict.fromkeys(CUSTOMERS, 1)


def save_for_all(service):
    for customer in CUSTOMERS:
        answer = service.save(customer)
        assert (answer.status_code, answer.json()) == (200, {"success": True}), answer.text


def rows(of_customer):
    return {customer: database.customers() for customer, database in of_customer.items()}


class TestStandaloneMode:
    @pytest.mark.claim("shard-1")
    def test_standalone_uses_one_database_for_all(self, serve, databases):
        service = serve(PersonService, "corrected", standalone(databases["first"].user))

        save_for_all(service)

        assert [database.customers() for database in databases.values()] == [ALL_IN_ONE, {}, {}]

    @pytest.mark.claim("shard-1")
    def test_api_mode_asks_the_sharding_service(self, service, sharding_service, of_customer):
        save_for_all(service)

        assert sharding_service.asked_for() == [f"/write/{customer}" for customer in CUSTOMERS]
        assert rows(of_customer) == EACH_ITS_OWN

    @pytest.mark.claim("shard-1")
    def test_client_understands_the_published_service(self, serve, published_sharding_service, of_customer, evidence):
        settings = {"SHARDING_MODE": "api", **published_sharding_service.settings}
        service = serve(PersonService, "corrected", settings)

        save_for_all(service)

        evidence.json("the applications' settings", settings)
        assert published_sharding_service.asked_for() == [f"/write/{customer}" for customer in CUSTOMERS]
        assert rows(of_customer) == EACH_ITS_OWN

    @pytest.mark.claim("shard-1")
    def test_client_reads_the_published_answer(self, serve, evidence):
        published = serve(PublishedShardingService, {})

        route = Client(Api(published.url)).route("3")

        evidence.text("the route", str(route))
        credentials = Credentials("postgres_3", 5432, "postgres", "my-secret-pw", "postgres", "postgres")
        assert route == Route("3", credentials)

    @pytest.mark.claim("shard-6")
    def test_mode_changes_by_environment_alone(self, serve, meta, databases):
        first = databases["first"]
        service = serve(PersonService, "corrected", standalone(first.user))
        save_for_all(service)
        sharding = serve(ShardingService, meta)
        for name, database in databases.items():
            sharding.register(name, database)
        for customer in CUSTOMERS:
            sharding.place(customer, "first")

        service.kill()
        service.environment = {
            "SHARDING_MODE": "api",
            "SHARDING_IDENTIFIER_FIELD": "customer_id",
            **sharding.settings,
        }
        service.restart()

        save_for_all(service)
        assert first.customers() == dict.fromkeys(CUSTOMERS, 2)
        assert [len(service.people(customer)) for customer in CUSTOMERS] == [2, 2, 2]
        assert sharding.place("4") == "second"
        unknown = sharding.ask("PUT", "/customers/5", database="nowhere")
        assert (unknown.status_code, unknown.json()["detail"]) == (404, "no database nowhere is registered and ready")
        assert service.save("4").ok
        assert databases["second"].customers() == {"4": 1}


class TestARequest:
    @pytest.mark.claim("shard-3")
    def test_request_saves_in_the_headers_database(self, service, of_customer):
        save_for_all(service)

        assert rows(of_customer) == EACH_ITS_OWN

    @pytest.mark.claim("shard-3")
    def test_request_returns_its_connection(self, person_service, of_customer):
        """There is but one, and after many requests it is idle, with no transaction open."""
        service = person_service({"SHARDING_POOL_SIZE": "1"})

        for _ in range(20):
            save_for_all(service)

        assert rows(of_customer) == {customer: {customer: 20} for customer in CUSTOMERS}
        for database in of_customer.values():
            eventually(
                lambda database=database: [row[:2] for row in database.clients()] == [("customer-sharding", "idle")],
                within=10,
            )


class TestTheFlavor:
    @pytest.mark.claim("shard-2")
    def test_customers_are_on_postgres_and_mysql(self, serve, meta, databases, mysql, evidence):
        sharding = serve(ShardingService, meta)
        theirs = {"1": databases["first"], "2": mysql}
        for customer, database in theirs.items():
            sharding.register(database.flavor, database)
            sharding.place(customer, database.flavor)
        service = serve(PersonService, "corrected", {"SHARDING_MODE": "api", **sharding.settings})

        for customer, database in theirs.items():
            for _ in range(3):
                assert service.save(customer).json() == {"success": True}
            assert database.customers() == {customer: 3}
            assert [person["customer_id"] for person in service.people(customer)] == [customer] * 3

        evidence.table(
            "the servers",
            [
                {"customer": customer, "flavor": database.flavor, "server": database.version()}
                for customer, database in theirs.items()
            ],
        )
        assert theirs["1"].version().startswith("PostgreSQL")
        assert "MariaDB" in theirs["2"].version()

    @pytest.mark.claim("shard-2")
    @pytest.mark.parametrize("flavor", ["postgres", "mysql"])
    def test_standalone_database_has_either_flavor(self, serve, flavor, request, evidence):
        database = (
            request.getfixturevalue("databases")["first"] if flavor == "postgres" else request.getfixturevalue("mysql")
        )
        service = serve(PersonService, "corrected", standalone(database.user))

        save_for_all(service)

        evidence.text("the server", database.version())
        assert database.customers() == ALL_IN_ONE
        assert [len(service.people(customer)) for customer in CUSTOMERS] == [1, 1, 1]
