"""The same services by addresses that are encrypted and ask for a password, and what is wrong when one of them is."""

from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
)
from confluent_kafka.admin import ResourceType as Resource

from fixtures.services import tls
from fixtures.services.kinds import trino
from fixtures.services.service import NotAvailable
from reference.realtime_data_platform.endpoints import with_password
from reference.realtime_data_platform.platform import Addresses, Platform
from scenarios.realtime_data_platform.gateway import Gateway

USER, PASSWORD = "engineer", "documents-at-the-gateway"
BEHIND_A_GATEWAY = {"connect": "connect", "controller": "pinot-controller", "broker": "pinot-broker"}
READ, DESCRIBE, DELETE = AclOperation.READ, AclOperation.DESCRIBE, AclOperation.DELETE


@dataclass(frozen=True)
class Encrypted:
    """Addresses without passwords, the passwords by the variable of the environment, and the gateways.

    Attributes:
        addresses: As the command line takes them.
        peers: Under which the services reach each other.
        passwords: By the environment variable that the command reads.
        gateways: By the name of the option.
    """

    addresses: Addresses
    peers: object
    passwords: dict
    gateways: dict

    def platform(self):
        """Return the client with all passwords."""
        by_option = {
            "connect": "CONNECT_REST_PASSWORD",
            "controller": "PINOT_PASSWORD",
            "broker": "PINOT_PASSWORD",
            "trino": "TRINO_PASSWORD",
            "kafka": "KAFKA_PASSWORD",
            "postgres": "PGPASSWORD",
        }
        urls = {
            option: with_password(getattr(self.addresses, option), self.passwords[variable])
            for option, variable in by_option.items()
        }
        return Platform(replace(self.addresses, **urls), self.peers)

    def close(self):
        """End the gateways."""
        for gateway in self.gateways.values():
            gateway.close()


def encrypted(plain, environment, folder):
    """Return the encrypted addresses of the services of a platform; PostgreSQL's where there is a pooler that encrypts.

    Args:
        plain: The platform.
        environment: The services.
        folder: For the key of the gateways.
    """
    identity = Path(folder) / "identity.pem"
    identity.write_text(tls.files(name="gateway")[tls.IDENTITY])
    gateways = {
        option: Gateway(environment[name].url, identity, USER, PASSWORD) for option, name in BEHIND_A_GATEWAY.items()
    }
    kafka, query, server = environment["kafka"], environment["trino"], environment["pinot-server"]
    urls = {option: f"https://{USER}@127.0.0.1:{each.server_port}" for option, each in gateways.items()}
    urls["trino"] = f"https://{trino.USER}@{query.address('https')}"
    urls["kafka"] = f"SASL_SSL://{kafka.service.user}@{kafka.address('sasl')}"
    postgres, peers = plain.addresses.postgres, plain.peers
    try:
        pooler = environment["pgbouncer"]
    except NotAvailable:
        pass
    else:
        postgres = f"postgresql://{pooler.service.user}@{pooler.address()}/{peers.database}?sslmode=verify-full"
        peers = replace(peers, postgres=str(pooler.peer_address()), sslmode="verify-full")
    places = {name: environment[name].place.configuration for name in ("connect", "pinot-server")}
    peers = replace(
        peers,
        kafka=f"SSL://{kafka.peer_address('mutual')}",
        # As processes the services read each other's files; in containers each has its own of the same name.
        ca=str(places["connect"] / tls.AUTHORITY),
        certificate=str(server.place.configuration / tls.IDENTITY),
    )
    passwords = {
        "CONNECT_REST_PASSWORD": PASSWORD,
        "PINOT_PASSWORD": PASSWORD,
        "TRINO_PASSWORD": trino.PASSWORD,
        "KAFKA_PASSWORD": kafka.service.password,
        "PGPASSWORD": environment["postgres"].service.password,
    }
    addresses = Addresses(postgres=postgres, **urls, ca=str(tls.authority()))
    return Encrypted(addresses, peers, passwords, gateways)


def allow(kafka, user, topics, *operations):
    """Let a user of Kafka's encrypted listeners do something with the topics whose names begin so."""
    pattern, allowed = ResourcePatternType.PREFIXED, AclPermissionType.ALLOW
    rules = [AclBinding(Resource.TOPIC, topics, pattern, f"User:{user}", "*", each, allowed) for each in operations]
    admin = _admin(kafka)  # which must outlive its answers
    for created in admin.create_acls(rules).values():
        created.result()


def forbid_all(kafka):
    """Take back what users of Kafka's encrypted listeners may do."""
    everything = AclBindingFilter(
        Resource.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ANY
    )
    admin = _admin(kafka)
    for deleted in admin.delete_acls([everything]).values():
        deleted.result()


def _admin(kafka):
    return AdminClient({"bootstrap.servers": str(kafka.address())})


def clients_of(pooler):
    """Return what the pooler says of each of its clients, by the names of its columns."""
    console = f"postgresql://{pooler.service.user}:{pooler.service.password}@{pooler.address()}/pgbouncer"
    ca = f"?sslmode=verify-full&sslrootcert={tls.authority()}"
    with (
        closing(psycopg.connect(f"{console}{ca}", autocommit=True)) as connection,
        psycopg.ClientCursor(connection) as cursor,
    ):
        cursor.execute("SHOW CLIENTS")
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
