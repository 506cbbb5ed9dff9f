"""A row is somebody's, or it is not saved; and whoever reads sees their own."""

import json
import os
import subprocess
import sys

import pytest

from fixtures.serving import ROOT
from scenarios.customer_sharding.processes import PersonService, ShardingService, standalone
from scenarios.customer_sharding.published import CUSTOMERS

INTERPRETERS = {"python": (), "python -O": ("-O",)}


@pytest.fixture
def save(databases):
    """Save what is nobody's in a process of its own, by an interpreter with these options; what became of it."""

    def save(way, interpreter):
        settings = {"SHARDING_IDENTIFIER_FIELD": "customer_id", **standalone(databases["first"].user)}
        words = [sys.executable, *INTERPRETERS[interpreter], "-m", "scenarios.customer_sharding.nobodys", way]
        done = subprocess.run(
            words, cwd=ROOT, env={**os.environ, **settings}, check=True, capture_output=True, text=True, timeout=60
        )
        return json.loads(done.stdout)

    return save


class TestARowThatIsNobodys:
    """Its identifier field is not set, or empty."""

    @pytest.mark.claim("shard-5")
    @pytest.mark.parametrize("interpreter", INTERPRETERS)
    def test_is_not_saved(self, save, databases, interpreter):
        assert save("corrected", interpreter) == {"not set": "WrongCustomer", "empty": "WrongCustomer"}

        assert databases["first"].customers() == {}

    @pytest.mark.claim("shard-5")
    def test_was_kept_out_by_an_assertion_that_is_stripped(self, save, databases, evidence):
        found = {interpreter: save("published", interpreter) for interpreter in INTERPRETERS}

        evidence.json("what becomes of it as published", found)
        assert found["python"] == {"not set": "AssertionError", "empty": "AssertionError"}
        # What is not set, is kept out by the column's NOT NULL.
        assert found["python -O"] == {"not set": "IntegrityError", "empty": "saved"}
        assert databases["first"].customers() == {"": 1}


class TestARead:
    @pytest.mark.claim("shard-12")
    def test_returns_ones_own_rows_where_all_share_a_database(self, serve, databases):
        self.of_three_who_have_one_two_and_three(serve(PersonService, "corrected", standalone(databases["first"].user)))

        assert databases["first"].customers() == {"1": 1, "2": 2, "3": 3}

    @pytest.mark.claim("shard-12")
    def test_returns_ones_own_rows_where_two_share_a_database_and_a_third_has_another(self, serve, meta, databases):
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
