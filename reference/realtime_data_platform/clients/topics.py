"""Delete topics in Kafka, and read the offsets at their ends.

Read this to see which requests go to Kafka itself; all others go through Kafka Connect and Pinot.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection
from functools import partial
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from reference.realtime_data_platform.endpoints import PLAIN, KafkaAddress
from reference.realtime_data_platform.errors import BadInput, NotSecure, PlatformError, Refused, Unreachable

from .encryption import speaks_tls
from .retry import retry, wait_until

T = TypeVar("T")

_TIMING = re.compile(r" \(after [^()]*\)$")
_NO_ANSWER = {
    KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001  # the client's own codes have no public names
    KafkaError._RESOLVE,  # noqa: SLF001
    KafkaError._TIMED_OUT,  # noqa: SLF001
    KafkaError._TRANSPORT,  # noqa: SLF001
}
# What the client knows of a connection that failed, which its calls report as a missing answer alone.
_FINAL: dict[int, type[PlatformError]] = {
    KafkaError._SSL: NotSecure,  # noqa: SLF001
    KafkaError._AUTHENTICATION: Refused,  # noqa: SLF001
}
_NO_TLS = "connecting to a PLAINTEXT broker listener"
_ATTEMPT = 2
"""Seconds after which a missing answer is asked for again, unless the connection cannot succeed."""


class Topics:
    """The topics of a Kafka cluster.

    Args:
        address: Host and port of a broker, or of several, separated by commas; `SSL://` or `SASL_SSL://USER:PASSWORD@`
            before them for an encrypted listener (`endpoints.KafkaAddress`).
        patience: Timeout in seconds for an answer.
        ca: File of the authorities whose certificates are trusted; empty for those of OpenSSL.

    Raises:
        BadInput: The address has another form, or lacks a password.
    """

    def __init__(self, address: str, *, patience: float = 30, ca: str = "") -> None:
        where = KafkaAddress.of(address)
        self.brokers, self.patience = where.brokers, patience
        self._settings = _settings(where, ca)
        self._failures: list[KafkaError] = []
        # By default the client writes each refused connection to standard error; here the error is one sentence.
        own: dict[str, Any] = {**self._settings, "error_cb": self._failures.append}
        self._admin = AdminClient(own, logger=logging.getLogger(__name__))

    def check(self) -> None:
        """Check that a broker answers, and accepts the user.

        Raises:
            NotSecure: The connection cannot be encrypted as the address says.
            Refused: Kafka does not accept the user.
            Unreachable: No broker answers.
        """
        self._partitions()

    def ends(self, topic: str) -> dict[int, int]:
        """Return the offset after the last message, by partition; the result is empty if the topic does not exist.

        Raises:
            NotSecure: The connection cannot be encrypted as the address says.
            Refused: Kafka does not accept the user.
            Unreachable: No broker answers.
        """
        numbers = self._partitions().get(topic, [])
        reader = Consumer({**self._settings, "group.id": "data-platform", "enable.auto.commit": False})
        try:
            return {number: self._asked(partial(_end, reader, topic, number, self.patience)) for number in numbers}
        finally:
            reader.close()

    def delete(self, names: Collection[str]) -> None:
        """Delete the topics of these names, and wait until they are gone; idempotent.

        Raises:
            NotInTime: A topic still exists, because something writes to it and the brokers create it again.
            Refused: Kafka rejects the deletion, for instance because its brokers are configured to delete no topics.
            Unreachable: No broker answers.
        """
        if found := self._among(names):
            for deleted in self._admin.delete_topics(sorted(found), request_timeout=self.patience).values():
                self._asked(deleted.result)
        wait_until(
            lambda: not self._among(names), f"a topic among {', '.join(names)} still exists", within=self.patience
        )

    def _among(self, names: Collection[str]) -> set[str]:
        return set(names) & self._partitions().keys()

    def _partitions(self) -> dict[str, list[int]]:
        """Return the numbers of each topic's partitions, by its name, of those topics that the user may see."""
        attempt = min(_ATTEMPT, self.patience)
        found = retry(
            lambda: self._asked(lambda: self._admin.list_topics(timeout=attempt)), Unreachable, within=self.patience
        )
        return {name: list(topic.partitions) for name, topic in found.topics.items()}

    def _asked(self, question: Callable[[], T]) -> T:
        try:
            return question()
        except KafkaException as error:
            reason: KafkaError = error.args[0]
            kind: type[PlatformError] = Unreachable if reason.code() in _NO_ANSWER else Refused
            if kind is Unreachable and (final := self._why()):
                raise final from error
            raise kind(f"Kafka at {self.brokers}: {reason.str()}") from error

    def _why(self) -> PlatformError | None:
        """Return why no further attempt can succeed, of which the client's calls report a missing answer alone."""
        self._admin.poll(0)  # which reports failures
        failures, self._failures[:] = self._failures[:], []
        for each in reversed(failures):
            if each.code() in _FINAL:
                return _FINAL[each.code()](f"Kafka at {self.brokers}: {_TIMING.sub('', each.str())}")
        if failures and _NO_TLS in failures[-1].str():
            return NotSecure(f"Kafka at {self.brokers} does not speak TLS: leave SSL:// out")
        host, _, port = self.brokers.partition(",")[0].rpartition(":")
        if "security.protocol" not in self._settings and speaks_tls(host, int(port)):
            return NotSecure(f"Kafka at {self.brokers} speaks TLS: put SSL:// or SASL_SSL://USER@ before it")
        return None


def _end(reader: Consumer, topic: str, number: int, within: float) -> int:
    _, end = reader.get_watermark_offsets(TopicPartition(topic, number), timeout=within)
    return end


def _settings(address: KafkaAddress, ca: str) -> dict[str, Any]:
    settings: dict[str, Any] = {"bootstrap.servers": address.brokers}
    if address.protocol == PLAIN:
        return settings
    settings |= {"security.protocol": address.protocol} | ({"ssl.ca.location": ca} if ca else {})
    if not address.mechanism:
        return settings
    if not address.user or not address.password:
        raise BadInput("give the user of Kafka in its address, SASL_SSL://USER@HOST:PORT, and the password")
    return settings | {
        "sasl.mechanism": address.mechanism,
        "sasl.username": address.user,
        "sasl.password": address.password,
    }
