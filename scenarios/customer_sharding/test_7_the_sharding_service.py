"""The sharding service: timeout, authorization, encryption, credentials it gives out; and unknown settings."""

import psycopg
import pytest
import requests

from fixtures.serving import DidNotServe
from fixtures.waiting import eventually
from scenarios.customer_sharding.published import CUSTOMERS
from scenarios.customer_sharding.services.processes import ADMIN_TOKEN, PersonService, ShardingService, standalone

# Statements on the guard's tables that only their owner may execute, despite the schema's default privileges.
GUARD = (
    "UPDATE sharding_customer SET state = 'gone'",
    "DELETE FROM sharding_change",
    "INSERT INTO sharding_copied VALUES ('1', 'person', NULL, true)",
)
LIMIT = 10  # seconds; many times the timeout of the corrected way
HANGS = 2  # seconds without an answer: twice the timeout that the corrected client keeps


class TestHungService:
    @pytest.fixture
    def service(self, person_service):
        return person_service({"SHARDING_API_TIMEOUT": "1"})

    @pytest.mark.claim("shard-13", "timeout", shows="published", fails_with="DID NOT RAISE .*Timeout")
    def test_hung_service_hangs_every_request(self, service, sharding):
        assert service.save("1").ok
        sharding.pause()

        for customer in ("1", "2"):
            with pytest.raises(requests.Timeout):
                service.save(customer, within=HANGS)

    @pytest.mark.claim("shard-13", "timeout", shows="corrected", fails_with="^ReadTimeout: ")
    def test_hung_service_is_given_a_timeout(self, service, sharding):
        assert service.save("1").ok
        sharding.pause()

        unknown, known = service.save("2", within=LIMIT), service.save("1", within=LIMIT)

        assert (unknown.status_code, known.status_code) == (503, 200)
        assert int(unknown.headers["Retry-After"]) >= 1
        sharding.resume()


class TestAuthorization:
    @pytest.mark.claim("shard-13", "anyone", shows="published", fails_with="assert 401 == 200")
    def test_service_answers_anyone(self, sharding):
        answer = requests.get(f"{sharding.url}/write/1", timeout=LIMIT)

        assert answer.status_code == 200
        assert answer.json()["password"] == "my-secret-pw"

    @pytest.mark.claim("shard-13", "anyone", shows="corrected", fails_with=r"assert \(200, None\) == \(401, 'Bearer'\)")
    def test_service_answers_a_token_only(self, sharding):
        for headers in ({}, {"Authorization": "Bearer somebody-elses-token"}, {"Authorization": "Bearer "}):
            answer = requests.get(f"{sharding.url}/write/1", headers=headers, timeout=LIMIT)
            assert (answer.status_code, answer.headers.get("WWW-Authenticate")) == (401, "Bearer")
            assert "password" not in answer.text

        token = {"Authorization": f"Bearer {sharding.settings['SHARDING_API_TOKEN']}"}
        assert requests.get(f"{sharding.url}/write/1", headers=token, timeout=LIMIT).ok


class TestEncryption:
    """The bytes between the service and the sharding service, recorded by a proxy in between."""

    @pytest.fixture
    def sharding(self, way, request):
        return request.getfixturevalue({"published": "published_sharding_service", "corrected": "encrypting"}[way])

    @pytest.fixture
    def encrypting(self, serve, meta, databases, certificate):
        """The library's sharding service with a certificate."""
        service = serve(ShardingService, meta, certificate=certificate)
        for customer, (name, database) in zip(CUSTOMERS, databases.items(), strict=True):
            service.register(name, database)
            service.place(customer, name)
        return service

    @pytest.fixture
    def service(self, person_service, sharding, network):
        return person_service({"SHARDING_API_ENDPOINT": sharding.url.replace(str(sharding.port), str(network.port))})

    @pytest.fixture
    def network(self, eavesdropper, sharding):
        """Records all that passes between the service and the sharding service."""
        return eavesdropper(sharding.port)

    @pytest.mark.claim("shard-13", "in clear", shows="published", fails_with="assert b'/write/1' in ")
    def test_password_crosses_the_network_in_clear(self, service, network):
        assert service.save("1").ok

        assert b"/write/1" in network.heard
        assert b"my-secret-pw" in network.heard

    @pytest.mark.claim(
        "shard-13", "in clear", shows="corrected", fails_with=r"assert \['/write/1', 'my-secret-pw'\] == \[\]"
    )
    def test_encrypted_service_reveals_nothing(self, service, network, of_customer):
        assert service.save("1").ok

        secrets = ("/write/1", of_customer["1"].user["password"], of_customer["1"].owner["password"], "Bearer")
        assert [secret for secret in secrets if secret.encode() in network.heard] == []
        assert len(network.heard) > 1000


class TestAnEndpointInClear:
    """An `http://` endpoint on another host: whether the service sends its token there."""

    @pytest.fixture
    def start(self, way, serve):
        settings = {
            "SHARDING_MODE": "api",
            "SHARDING_API_ENDPOINT": "http://sharding.example",
            "SHARDING_API_TOKEN": "an-applications-token",
        }
        return lambda: serve(PersonService, way, settings)

    @pytest.mark.claim("shard-13", "in clear", shows="published", fails_with="would cross the network in clear")
    def test_endpoint_in_clear_is_accepted(self, start):
        assert start().log() == ""

    @pytest.mark.claim("shard-13", "in clear", shows="corrected", fails_with="DID NOT RAISE .*DidNotServe")
    def test_endpoint_in_clear_is_refused(self, start):
        with pytest.raises(DidNotServe, match=r"the token for sharding\.example would cross the network in clear"):
            start()


class TestCredentialsGivenOut:
    @pytest.fixture
    def handed_out(self, sharding):
        """A connection to the first customer's database with the credentials from the sharding service."""
        token = {"Authorization": f"Bearer {sharding.settings.get('SHARDING_API_TOKEN', '')}"}
        entry = requests.get(f"{sharding.url}/write/1", headers=token, timeout=LIMIT).json()
        names = {"port": entry["port"], "dbname": entry["database"]}
        with psycopg.connect(
            host="127.0.0.1", user=entry["user"], password=entry["password"], **names, autocommit=True
        ) as connection:
            yield connection

    SUPERUSER = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"

    @pytest.mark.claim("shard-13", "superuser", shows="published", fails_with=r"assert \(False,\) == \(True,\)")
    def test_credentials_are_a_superusers(self, handed_out):
        assert handed_out.execute(self.SUPERUSER).fetchone() == (True,)
        handed_out.execute("CREATE ROLE intruder SUPERUSER")
        handed_out.execute("DROP ROLE intruder")

    @pytest.mark.claim("shard-13", "superuser", shows="corrected", fails_with=r"assert \(True,\) == \(False,\)")
    def test_credentials_allow_rows_alone(self, handed_out, sharding, databases):
        """Nor is a database registered with a superuser's."""
        assert handed_out.execute(self.SUPERUSER).fetchone() == (False,)
        assert handed_out.execute("SELECT count(*) FROM person").fetchone() == (0,)
        for statement in ("DROP TABLE person", "CREATE ROLE intruder", *GUARD):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                handed_out.execute(statement)

        entry, token = databases["first"].owner, {"Authorization": f"Bearer {ADMIN_TOKEN}"}

        answer = requests.put(f"{sharding.url}/databases/fourth", json=entry, headers=token, timeout=LIMIT)

        assert answer.status_code == 400
        assert "postgres is a superuser, whose password no application should have" in answer.json()["detail"]


class TestAnUnknownSetting:
    @pytest.fixture
    def settings(self, databases):
        """Settings with an unknown mode or flavor."""
        known = standalone(databases["first"].user)
        return {
            "mode": {**known, "SHARDING_MODE": "cluster"},
            "flavor": {**known, "SHARDING_FLAVOR": "oracle"},
        }

    @pytest.fixture
    def start(self, way, serve, settings):
        return lambda what: serve(PersonService, way, settings[what])

    @pytest.mark.claim(
        "shard-13", "settings", shows="published", fails_with="is 'cluster': write one of|'oracle' is not a flavor"
    )
    @pytest.mark.parametrize(
        ("what", "says"),
        ids=["mode", "flavor"],
        argvalues=[
            ("mode", "AttributeError: 'NoneType' object has no attribute 'db'"),
            ("flavor", "AttributeError: 'NoneType' object has no attribute 'bind_ctx'"),
        ],
    )
    def test_unknown_setting_fails_at_first_request(self, start, what, says):
        service = start(what)

        assert service.save("1").status_code == 500
        assert says in service.log(200)

    @pytest.mark.claim("shard-13", "settings", shows="corrected", fails_with="DID NOT RAISE .*DidNotServe")
    @pytest.mark.parametrize(
        ("what", "says"),
        ids=["mode", "flavor"],
        argvalues=[
            ("mode", "SHARDING_MODE is 'cluster': write one of standalone, api"),
            ("flavor", "SHARDING_FLAVOR.*: 'oracle' is not a flavor of database: write one of postgres, mysql"),
        ],
    )
    def test_unknown_setting_is_named_at_the_start(self, start, what, says):
        with pytest.raises(DidNotServe, match=says):
            start(what)


class TestLoadScript:
    """The service is frozen when the script starts, and resumes when the loads have connected."""

    NUMBER = 50

    @pytest.fixture
    def script(self, service, bench):
        """The script in the test's way, with its loads connected to a service that is frozen."""
        service.pause()
        script = bench(service.url, number=self.NUMBER)
        script.arrived()
        return script

    @pytest.fixture
    def counted(self, of_customer):
        return lambda: [of_customer[customer].customers() for customer in CUSTOMERS]

    @pytest.mark.claim("shard-13", "script", shows="published", fails_with="^TimeoutExpired: ")
    def test_script_ends_before_its_loads(self, script, service, counted):
        script.wait(within=60)
        assert counted() == [{}, {}, {}]

        service.resume()
        eventually(lambda: counted() == [{customer: self.NUMBER} for customer in CUSTOMERS], within=60)

    @pytest.mark.claim(
        "shard-13", "script", shows="corrected", fails_with=r"assert \[\{\}, \{\}, \{\}\] == \[\{'1': 50\}"
    )
    def test_script_ends_with_its_loads(self, script, service, counted):
        service.resume()
        script.wait()

        assert counted() == [{customer: self.NUMBER} for customer in CUSTOMERS]
