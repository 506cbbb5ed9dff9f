"""What a connector and Pinot's table say of encrypted connections: anyone who reaches Connect or Pinot can read it.

Read this to see where the secrets of these connections are instead: PostgreSQL's password in a config provider of
Connect's worker, the key of Pinot's certificate in a file on Pinot's machines, or its password for Kafka in a JAAS file
of Pinot's JVMs. The worker's own settings are those of the connection between Connect and Kafka, in both directions.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from reference.realtime_data_platform.endpoints import PLAIN, KafkaAddress
from reference.realtime_data_platform.errors import BadInput

if TYPE_CHECKING:
    from .artifacts import Peers

_PROVIDERS = "org.apache.kafka.common.config.provider"


def of_database(peers: Peers) -> dict[str, str]:
    """Return the settings of a connector's connection to PostgreSQL; none by default."""
    found = {"database.sslmode": peers.sslmode} if peers.sslmode else {}
    return found | ({"database.sslrootcert": peers.ca} if peers.ca and peers.sslmode.startswith("verify") else {})


def of_consumer(peers: Peers) -> dict[str, str]:
    """Return the settings of the connection of Pinot's consumer to an encrypted listener of Kafka; else none.

    Raises:
        BadInput: The address of Kafka names a user, whose password would be readable.
    """
    address = KafkaAddress.of(peers.kafka)
    if address.user:
        raise BadInput(
            "who logs in at Kafka is readable in Pinot's table: leave the user out of the address, and give user and "
            "password in a JAAS file of Pinot's JVMs"
        )
    if address.protocol == PLAIN:
        return {}
    found = {"security.protocol": address.protocol}
    if address.mechanism:
        found["sasl.mechanism"] = address.mechanism
    if peers.ca:
        found |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": peers.ca}
    return found | (_certificate(PurePosixPath(peers.certificate)) if peers.certificate else {})


def _certificate(path: PurePosixPath) -> dict[str, str]:
    """Return the settings of a key and certificate in one file, which Kafka's client reads on Pinot's machines.

    It takes a key without a password only as a value, not as the path of its file. Pinot would take a value that
    begins with a reference for one of its own; Kafka's client strips the space before it.
    """
    value = f" ${{directory:{path.parent}:{path.name}}}"
    return {
        "config.providers": "directory",
        "config.providers.directory.class": f"{_PROVIDERS}.DirectoryConfigProvider",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.key": value,
        "ssl.keystore.certificate.chain": value,
    }
