"""Every refusal of the service and of the sharding service is a problem detail (RFC 9457), and none is a 500."""

import contextlib
import http.client
import json
import re
from collections import Counter
from urllib.parse import quote, urlencode

import pytest
import schemathesis
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from fixtures.services.runtimes.ports import free_ports
from scenarios.customer_sharding.services.processes import ADMIN_TOKEN, WITHIN

DEAD, UNKNOWN, FIELD = "3", "unplaced", "customer_id"
POSSIBLE = re.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
IMPOSSIBLE = ["", "../1", "1?role=admin", "1#2", "1%2f2", "1, 1", "1.example", "-1", "1" * 65, "é"]
EXAMPLES = max(settings().max_examples, 100)
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
FORM = "application/x-www-form-urlencoded"

# What HTTP takes as a header's value.
texts = st.text(st.characters(codec="latin-1", exclude_categories=["Cc", "Cf", "Zs"]), min_size=1, max_size=80)
headers = st.sampled_from(["1", "2", DEAD, UNKNOWN]) | st.sampled_from(IMPOSSIBLE) | texts | st.none()
names = st.sampled_from(["1", "1", "2", DEAD, UNKNOWN, "..", ".", "1?", "%"]) | st.text(min_size=1, max_size=80).filter(
    lambda name: "/" not in name
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
)
bodies = (
    st.just(("", b""))
    | st.tuples(st.just("application/json"), st.binary() | anything)
    | st.tuples(st.just("application/json"), st.fixed_dictionaries({FIELD: names | anything}))
    | st.tuples(st.just(FORM), st.fixed_dictionaries({FIELD: names}))
)


def expected(header, path, query, body):
    """Return the expected status of a request, from the customers in its header, path, query and body."""
    if header is None or not POSSIBLE.fullmatch(header):
        return 400
    named = [path, *query]
    if isinstance(body, dict) and FIELD in body:
        named.append(body[FIELD])
    if any(str(name) != header for name in named):
        return 403
    return {"1": 200, "2": 200, DEAD: 503}.get(header, 404)


@pytest.fixture
def post(service):
    """Send a POST request, and return status, content type and content of the answer."""

    def post(header, path, query, kind, body):
        headers = {"Content-Type": kind} if kind else {}
        headers |= {} if header is None else {"X-Customer-ID": header.encode("latin-1")}
        if not isinstance(body, bytes):
            body = urlencode(body).encode() if kind == FORM else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=WITHIN)
        with contextlib.closing(connection):
            parameters = f"?{urlencode([(FIELD, each) for each in query])}" if query else ""
            connection.request("POST", f"/person/{quote(path, safe='')}{parameters}", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    return post


@pytest.mark.claim("shard-7", "customer", shows="corrected", fails_with="assert 200 == 403")
def test_any_request_gets_the_expected_status(post, of_customer):
    """One customer's database is down all the time."""
    statuses = Counter()

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=EXAMPLES)
    @given(headers, names, st.lists(names, max_size=2), bodies)
    @example("1", "1", [], ("", b""))
    @example(None, "1", [], ("", b""))
    @example(UNKNOWN, UNKNOWN, [], ("", b""))
    @example(DEAD, DEAD, [], ("", b""))
    @example("1", "2", [], ("", b""))
    @example("1", "1", ["2"], ("", b""))
    @example("1", "1", [], ("application/json", {FIELD: "2"}))
    @example("1", "1", [], (FORM, {FIELD: "2"}))
    def ask(header, path, query, body):
        status, headers, content = post(header, path, query, *body)
        statuses[status] += 1
        assert status == expected(header, path, query, body[1])
        if status == 200:
            assert json.loads(content) == {"success": True}
            return
        assert headers["Content-Type"] == "application/problem+json"
        assert json.loads(content)["status"] == status
        assert status != 503 or int(headers["Retry-After"]) >= 1

    of_customer[DEAD].running.kill()
    try:
        ask()
    finally:
        of_customer[DEAD].running.restart()

    assert set(statuses) == {200, 400, 403, 404, 503}
    assert set(of_customer["1"].customers()) == {"1"}


@pytest.mark.claim("shard-1")
def test_service_conforms_to_its_description(sharding_service):
    """Requests generated from its description, valid and invalid."""
    description = schemathesis.openapi.from_url(f"{sharding_service.url}/openapi.json")
    operations = [each.ok() for each in description.get_all_operations()]
    closed_port = free_ports(["sql"])["sql"]

    @settings(suppress_health_check=list(HealthCheck), max_examples=EXAMPLES)
    @given(st.data(), st.sampled_from(operations), st.sampled_from(GenerationMode))
    def ask(data, operation, mode):
        case = data.draw(operation.as_strategy(mode))
        if isinstance(case.body, dict) and "host" in case.body:
            case.body |= {"host": "127.0.0.1", "port": closed_port}  # the service connects there, and no server listens
        answer = case.call(headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}, timeout=WITHIN)
        case.validate_response(answer, checks=CHECKS)
        if answer.status_code >= 400:
            assert answer.json()["status"] == answer.status_code != 500

    ask()
