"""A row that names no customer is not saved, and a read returns the customer's own rows."""

import json
import os
import subprocess
import sys

import pytest

from fixtures.serving import ROOT
from scenarios.customer_sharding.published import CUSTOMERS
from scenarios.customer_sharding.services.processes import PersonService, ShardingService, standalone

INTERPRETERS = {"python": (), "python -O": ("-O",)}


@pytest.fixture
def save(databases):
    """Save rows without a customer in a process with these interpreter options, and return the outcome of each."""

    def save(way, interpreter):
        settings = {"SHARDING_IDENTIFIER_FIELD": "customer_id", **standalone(databases["first"].user)}
        words = [
            sys.executable,
            *INTERPRETERS[interpreter],
            "-m",
            "scenarios.customer_sharding.services.unowned_rows",
            way,
        ]
        done = subprocess.run(
            words, cwd=ROOT, env={**os.environ, **settings}, check=True, capture_output=True, text=True, timeout=60
        )
        return json.loads(done.stdout)

    return save


class TestARowWithoutACustomer:
    """A row whose identifier field is not set, or is empty."""

    @pytest.mark.claim("shard-5")
    @pytest.mark.parametrize("interpreter", INTERPRETERS)
    def test_row_without_customer_is_not_saved(self, save, databases, interpreter):
        assert save("corrected", interpreter) == {"not set": "WrongCustomer", "empty": "WrongCustomer"}

        assert databases["first"].customers() == {}

    @pytest.mark.claim("shard-5")
    def test_published_assertion_is_stripped(self, save, databases, evidence):
        found = {interpreter: save("published", interpreter) for interpreter in INTERPRETERS}

        evidence.json("what becomes of it as published", found)
        assert found["python"] == {"not set": "AssertionError", "empty": "AssertionError"}
        # A row whose field is not set is refused by the column's NOT NULL.
        assert found["python -O"] == {"not set": "IntegrityError", "empty": "saved"}
        assert databases["first"].customers() == {"": 1}


class TestARead:
    @pytest.mark.claim("shard-12")
    def test_read_returns_own_rows_in_one_database(self, serve, databases):
        self.of_three_who_have_one_two_and_three(serve(PersonService, "corrected", standalone(databases["first"].user)))

        assert databases["first"].customers() == {"1": 1, "2": 2, "3": 3}

    @pytest.mark.claim("shard-12")
    def test_read_returns_own_rows_in_two_databases(self, serve, meta, databases):
        sharding = serve(ShardingService, meta)
        for name in ("first", "second"):
            sharding.register(name, databases[name])
        for customer, name in zip(CUSTOMERS, ("first", "first", "second"), strict=True):
            sharding.place(customer, name)

        self.of_three_who_have_one_two_and_three(
            serve(PersonService, "corrected", {"SHARDING_MODE": "api", **sharding.settings})
        )

        assert databases["first"].customers() == {"1": 1, "2": 2}
        assert databases["second"].customers() == {"3": 3}

    def of_three_who_have_one_two_and_three(self, service):
        for customer in CUSTOMERS:
            for _ in range(int(customer)):
                assert service.save(customer).ok

        for customer in CUSTOMERS:
            assert [person["customer_id"] for person in service.people(customer)] == [customer] * int(customer)
