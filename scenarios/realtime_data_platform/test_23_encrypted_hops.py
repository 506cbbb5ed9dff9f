"""A view is as exact when all connections are encrypted and ask for passwords; a wrong connection is refused."""

import contextlib
import re
from dataclasses import replace

import pytest
import requests
import trustme

from scenarios.realtime_data_platform.command import data_platform
from scenarios.realtime_data_platform.encrypted_platform import (
    DELETE,
    DESCRIBE,
    READ,
    allow,
    clients_of,
    encrypted,
    forbid_all,
)
from scenarios.realtime_data_platform.parts import Parts

pytestmark = pytest.mark.claim("rdp-36")


@pytest.fixture(scope="module")
def secured(make_pipeline, platform, environment, kafka, tmp_path_factory):  # noqa: ARG001  # declared, so that all runs
    """Addresses of the same services that are encrypted and ask for a password."""
    forbid_all(kafka)
    with contextlib.closing(encrypted(platform, environment, tmp_path_factory.mktemp("gateway"))) as made:
        yield made


@pytest.fixture
def passwords(secured, monkeypatch):
    """The environment has every password."""
    for variable, password in secured.passwords.items():
        monkeypatch.setenv(variable, password)
    return secured.passwords


@pytest.fixture(scope="module")
def people(make_pipeline):
    """A table with rows, whose pipeline is not started."""
    pipeline = make_pipeline("encrypted")
    for customer, name in ((1, "Fasih"), (2, "Alice"), (3, "Bob")):
        pipeline.insert(customer, name)
    return pipeline


class TestPipeline:
    @pytest.fixture
    def followed(self, secured, passwords, people, kafka):  # the environment
        """The table, followed by the command at the encrypted addresses alone, with passwords of the environment."""
        if people.platform.status(people.name)["view"] == "absent":
            allow(kafka, kafka.service.user, people.name, DESCRIBE, DELETE)
            allow(kafka, kafka.service.user, "__debezium-heartbeat", DESCRIBE, DELETE)
            allow(kafka, "pinot", people.name, READ)
            code, _, errors = data_platform(secured, "apply", people.name)
            assert (code, errors) == (0, "")
        return people

    def test_pinot_reads_no_topic_without_permission(self, secured, passwords, people, platform):
        code, _, errors = data_platform(secured, "apply", people.name)

        assert code == 3
        assert "Not authorized to access topics: [encrypted]" in errors
        assert set(platform.status(people.name).values()) == {"absent"}

    def test_encrypted_pipeline_has_the_exact_view(self, followed, secured, evidence):
        followed.sql("UPDATE encrypted SET name = 'Alicia' WHERE id = 2")
        followed.sql("DELETE FROM encrypted WHERE id = 3")
        followed.insert(4, "Dana")
        followed.until_equal()

        own = secured.platform()
        assert sorted(own.trino.query("SELECT id, name FROM hive.views.encrypted")) == [
            (1, "Fasih"),
            (2, "Alicia"),
            (4, "Dana"),
        ]
        assert data_platform(secured, "verify", "encrypted")[0] == 0
        code, output, errors = data_platform(secured, "status", "encrypted")
        assert (code, errors) == (0, "")
        assert "Kafka to Pinot: 0 messages not read" in output
        assert data_platform(secured, "plan", "encrypted") == (0, "nothing to change\n", "")
        evidence.text("status of the encrypted pipeline", output)

    def test_servers_know_who_asks_encrypted(self, followed, secured, evidence):
        users = followed.platform.trino.query(
            "SELECT DISTINCT \"user\" FROM system.runtime.queries WHERE query LIKE 'CREATE OR REPLACE VIEW%encrypted%'"
        )
        found = followed.platform.pinot.config("encrypted")["tableIndexConfig"]["streamConfigs"]

        assert users == [("engineer",)]
        assert found["security.protocol"] == "SSL"
        assert found["stream.kafka.broker.list"] == secured.peers.kafka.removeprefix("SSL://")
        assert all(len(each.forwarded) > 3 for each in secured.gateways.values())
        evidence.json(
            "requests that each gateway forwarded", {name: len(it.forwarded) for name, it in secured.gateways.items()}
        )

    def test_connector_reads_postgresql_encrypted(self, followed, secured, environment, evidence):
        pooler = environment["pgbouncer"]
        config = followed.platform.connectors.config("encrypted")

        clients = clients_of(pooler)

        assert config["database.sslmode"] == "verify-full"
        assert clients
        assert all(each["tls"].startswith("TLSv1") for each in clients)
        evidence.table("clients of the pooler before PostgreSQL", clients)

    def test_no_password_of_a_connection_is_readable(self, followed, secured, environment):
        at = followed.platform.addresses
        shown = [
            requests.get(f"{url}/{path}", timeout=30).text
            for url, path in (
                (at.connect, "connectors/encrypted"),
                (at.controller, "tables/encrypted"),
                (at.controller, "schemas/encrypted"),
            )
        ]
        shown += ["".join(map(str, data_platform(secured, name, "encrypted"))) for name in ("status", "plan")]
        shown += [environment[name].log(100_000) for name in ("connect", "trino", "pinot-controller", "pinot-server")]

        secrets = {*secured.passwords.values()} - {secured.passwords["PGPASSWORD"]}  # that one is the user's name, too
        assert [secret for secret in secrets for text in shown if secret in text] == []
        assert '"database.password":"${env:POSTGRES_PASSWORD}"' in shown[0]

    def test_encrypted_pipeline_is_removed(self, followed, secured, platform):
        assert data_platform(secured, "compact", "encrypted")[0] == 0
        assert not platform.verify(followed.described())

        code, _, errors = data_platform(secured, "remove", "encrypted", "--yes", "--topic")

        assert (code, errors) == (0, "")
        assert set(platform.status("encrypted").values()) == {"absent"}
        assert "encrypted" not in platform.topics()._partitions()  # of all users


SERVERS = ("connect", "controller", "broker", "trino", "kafka", "postgres")
NAMES = {
    "connect": "Kafka Connect",
    "controller": "Pinot's controller",
    "broker": "Pinot's broker",
    "trino": "Trino",
    "kafka": "Kafka",
    "postgres": "PostgreSQL",
}
VARIABLES = {
    "connect": "CONNECT_REST_PASSWORD",
    "controller": "PINOT_PASSWORD",
    "broker": "PINOT_PASSWORD",
    "trino": "TRINO_PASSWORD",
    "kafka": "KAFKA_PASSWORD",
    "postgres": "PGPASSWORD",
}
# What the command says, by trouble; of Kafka and PostgreSQL in their own words.
SAYS = {
    "other authority": r"certificate of {} at .* is not trusted: .*; name the file of its authority by --ca",
    "wrong password": r"{} at .* does not accept user engineer with this password",
    "not encrypted": r"{} at http:.* speaks TLS: use https://",
    "encrypted where plain": r"{} at https:.* does not speak TLS: use http://",
}
OF_KAFKA = {
    "other authority": "certificate verify failed",
    "wrong password": "(?i)authentication failed",
    "not encrypted": "Kafka at .* speaks TLS: put SSL:// or SASL_SSL://USER@ before it",
    "encrypted where plain": "Kafka at .* does not speak TLS: leave SSL:// out",
}
OF_POSTGRESQL = {
    "other authority": "certificate verify failed",
    "wrong password": "(?i)authentication failed",
    "not encrypted": "(?i)SSL required",
    "encrypted where plain": "server does not support SSL, but SSL was required",
}


@pytest.fixture(scope="module")
def before(make_pipeline, platform):
    """A running pipeline, and all that there is of it."""
    pipeline = make_pipeline("unchanged").start("corrected")
    parts = Parts(platform, pipeline)
    return parts, parts.found()


@pytest.fixture(scope="module")
def other_authority(tmp_path_factory):
    """File of an authority that signed no certificate here."""
    path = tmp_path_factory.mktemp("other") / "authority.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    return str(path)


@pytest.mark.parametrize("trouble", SAYS)
@pytest.mark.parametrize("server", SERVERS)
def test_wrong_connection_is_one_sentence(
    server, trouble, before, secured, passwords, platform, environment, other_authority, monkeypatch
):
    if server == "postgres":
        assert environment["pgbouncer"]
    parts, found = before
    plain, address = platform.addresses, getattr(secured.addresses, server)
    ca = other_authority if trouble == "other authority" else secured.addresses.ca
    if trouble == "wrong password":
        monkeypatch.setenv(VARIABLES[server], "wrong")
    if trouble == "not encrypted":
        rest = address.partition("://")[2]
        address = {
            "kafka": rest.rpartition("@")[2],
            "postgres": address.replace("verify-full", "disable"),
        }.get(server, f"http://{rest.rpartition('@')[2]}")
    if trouble == "encrypted where plain":
        own = getattr(plain, server)
        address = {
            "kafka": f"SASL_SSL://engineer@{own}",
            "postgres": f"{own}?sslmode=require",
        }.get(server, own.replace("http://", "https://engineer@"))
    wrong = replace(secured, addresses=replace(plain, **{server: address, "ca": ca}), peers=platform.peers)
    command = ["remove", "unchanged", "--yes", "--topic"] if server == "kafka" else ["apply", "unchanged"]

    code, output, errors = data_platform(wrong, "--patience", "5", *command)

    said = {"kafka": OF_KAFKA, "postgres": OF_POSTGRESQL}.get(server, SAYS)[trouble]
    assert (code, output) == (3, "")
    assert len(errors.strip().splitlines()) == 1
    assert errors.startswith("data-platform: ")
    assert NAMES[server] in errors
    assert re.search(said.format(NAMES[server]), errors)
    assert server == "postgres" or passwords[VARIABLES[server]] not in errors  # PostgreSQL's is its user's name
    assert parts.found() == found
