"""A database or the sharding service is down: who notices, how they are answered, and how it recovers."""

import time
from statistics import median

import pytest
import requests

from fixtures.measure import Timed
from fixtures.waiting import eventually
from scenarios.customer_sharding.sharded import EXPIRY

ANSWER_TIMEOUT = 2.0  # seconds, of the service
PAUSE = 0.002  # seconds: these clients keep the service busy
ANSWERS = 20  # of each client, to a write, that a round takes
ROUNDS_OF_AN_OUTAGE = 4  # an outage and its end cost more than a round


@pytest.fixture(scope="module")
def people_options():
    """One process, so that all clients share its route cache."""
    return {"workers": 1, "settings": {"SHARDING_ANSWER_TIMEOUT": str(ANSWER_TIMEOUT)}}


@pytest.fixture
def stranger(standing):
    """Request a person of a customer, and return the answer."""

    def ask(customer):
        url = f"{standing.people.url}/person/{customer}/0"
        return requests.get(url, headers={"X-Customer-ID": customer}, timeout=30)

    return ask


class Answers:
    """The latency of each write of some clients, from now on, in seconds."""

    def __init__(self, clients):
        self._since = {client: len(client.answers) for client in clients}

    def __call__(self):
        """Wait until each client has enough, and return those of all."""
        return eventually(self._enough, within=60, every=0.02)

    def _enough(self):
        writes = [[a.seconds for a in each.answers[n:] if a.op == "write"] for each, n in self._since.items()]
        return all(len(some) >= ANSWERS for some in writes) and [seconds for some in writes for seconds in some]


class TestADatabaseThatIsDown:
    @pytest.mark.claim("shard-10")
    @pytest.mark.parametrize("fault", ["kill", "pause"])
    def test_database_down_leaves_other_customers_alone(self, fault, environment, sharded, versus, evidence):
        """Their latency grows by half at most, none is refused, and none waits for the database that is down."""
        one, down, other = sharded.place("first", "second", "third")
        nemesis = sharded.nemesis(second=environment["second"])
        seconds = {"with all up": [], "with one down": []}

        servers = {one: "first", down: "second", other: "third"}
        with sharded.clients(one, down, other, certain=False, pause=PAUSE, servers=servers) as clients:
            others = clients.of(one, other)

            def timed(state):
                found = Answers(others)()
                seconds[state] += found
                return Timed(median(found), sum(len(client.refusals) for client in others))

            def outages():
                """Yield the rounds of one outage after the other."""
                while True:
                    with nemesis.breaking("second", fault):
                        since = Answers(others)
                        clients.go_on(down, what=["refused"])
                        seconds["with one down"] += since()
                        rounds = [timed("with one down") for _ in range(ROUNDS_OF_AN_OUTAGE)]
                    clients.go_on()
                    yield from rounds

            clients.go_on()
            with_one_down = outages()
            versus(lambda: next(with_one_down), lambda: timed("with all up"), slower=1.5, rounds=8, warmup=0)
            answered = [each.seconds for client in clients.of(down) for each in client.refusals]

        findings = sharded.judged()
        evidence.json("seconds to an answer, at most", {state: max(each) for state, each in seconds.items()})
        evidence.json("seconds until a client of the one that is down is refused, at most", max(answered))
        evidence.json("the answer it gets", clients.of(down)[0].problem)
        evidence.text("findings", str(findings))
        assert not any(client.refusals for client in others)
        assert max(seconds["with one down"]) < ANSWER_TIMEOUT / 2
        findings.require()


class TestTheShardingService:
    @pytest.mark.claim("shard-10")
    @pytest.mark.parametrize(("what", "fault"), [("service", "kill"), ("service", "pause"), ("meta", "kill")])
    def test_known_routes_outlive_the_service(self, what, fault, environment, standing, sharded, stranger, evidence):
        """Expired routes are used, too. A customer without a known route gets 503, and succeeds after a retry."""
        one, other, unseen = sharded.place("first", "second", "third")
        nemesis = sharded.nemesis(service=standing.sharding_service, meta=environment["meta"])

        with sharded.clients(one, other) as clients:
            clients.go_on()
            with nemesis.breaking(what, fault):
                since = time.monotonic()
                answered = stranger(unseen)
                while time.monotonic() < since + 2 * EXPIRY:
                    clients.go_on()
            eventually(lambda: stranger(unseen).status_code == 200, within=10)

        evidence.json("the answer to a customer without a known route", answered.json())
        assert answered.status_code == 503
        assert answered.headers["Content-Type"] == "application/problem+json"
        assert int(answered.headers["Retry-After"]) >= 1
        assert not any(client.refusals for client in clients.of())
        sharded.judged().require()
