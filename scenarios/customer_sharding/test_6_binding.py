"""Which database a model is bound to: one of another thread's request, or that of its own request."""

from concurrent.futures import ThreadPoolExecutor

import pytest

TWO = ("1", "2")


@pytest.fixture
def save_at_once(person_service, of_customer):
    """Save a person for two customers at once, both bound before either saves; return each database's customers."""

    def save_at_once(path):
        service = person_service({"SAVE_BARRIER": "2"})
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda customer: service.ask("POST", f"{path}/{customer}", customer), TWO))
        assert all(answer.ok for answer in answers)
        return [of_customer[customer].customers() for customer in TWO]

    return save_at_once


class TestTwoRequestsAtOnce:
    @pytest.mark.claim("shard-11", "threads", shows="published", fails_with=r"assert \[\{'1': 2\}, \{'2': 2\}\] in ")
    def test_plain_model_mixes_concurrent_requests(self, save_at_once, evidence):
        # The control: the document's own model, with thread-safe metadata, keeps the same two requests apart.
        assert save_at_once("/person") == [{"1": 1}, {"2": 1}]

        found = save_at_once("/plain")

        evidence.json("customers in each database", dict(zip(TWO, found, strict=True)))
        assert found in ([{"1": 2, "2": 1}, {"2": 1}], [{"1": 1}, {"1": 1, "2": 2}])

    @pytest.mark.claim(
        "shard-11", "threads", shows="corrected", fails_with=r"assert \[\{.* == \[\{'1': 1\}, \{'2': 1\}\]"
    )
    def test_sharded_model_keeps_rows_apart(self, save_at_once):
        assert save_at_once("/plain") == [{"1": 1}, {"2": 1}]


class TestAQueryThatForgetsToBind:
    @pytest.mark.claim("shard-11", "unbound", shows="published", fails_with="assert 500 == 200")
    def test_unbound_query_reads_first_customers_rows(self, service):
        for customer in ("1", "2"):
            assert service.save(customer).ok

        answer = service.ask("GET", "/people", "2")

        assert answer.status_code == 200
        assert answer.json() == ["1"]

    @pytest.mark.claim("shard-11", "unbound", shows="corrected", fails_with="assert 200 == 500")
    def test_unbound_query_is_refused(self, service):
        for customer in ("1", "2"):
            assert service.save(customer).ok

        answer = service.ask("GET", "/people", "2")

        assert answer.status_code == 500
        assert "Unbound: no customer's database is bound here" in service.log(200)
