"""Delete topics in Kafka, and read the offsets at their ends.

Read this to see which requests go to Kafka itself; all others go through Kafka Connect and Pinot.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from functools import partial
from typing import TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from reference.realtime_data_platform.errors import PlatformError, Refused, Unreachable

from .retry import wait_until

T = TypeVar("T")

_NO_ANSWER = {
    KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001  # the client's own codes have no public names
    KafkaError._RESOLVE,  # noqa: SLF001
    KafkaError._TIMED_OUT,  # noqa: SLF001
    KafkaError._TRANSPORT,  # noqa: SLF001
}


class Topics:
    """The topics of a Kafka cluster.

    Args:
        brokers: Host and port of a broker, or of several, separated by commas.
        patience: Timeout in seconds for an answer.
    """

    def __init__(self, brokers: str, *, patience: float = 30) -> None:
        self.brokers, self.patience = brokers, patience
        # By default the client writes each refused connection to standard error; here the error is one sentence.
        self._admin = AdminClient({"bootstrap.servers": brokers}, logger=logging.getLogger(__name__))

    def ends(self, topic: str) -> dict[int, int]:
        """Return the offset after the last message, by partition; the result is empty if the topic does not exist.

        Raises:
            Unreachable: No broker answers.
        """
        numbers = self._partitions().get(topic, [])
        reader = Consumer({"bootstrap.servers": self.brokers, "group.id": "data-platform", "enable.auto.commit": False})
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
        """Return the numbers of each topic's partitions, by its name."""
        found = self._asked(lambda: self._admin.list_topics(timeout=self.patience)).topics
        return {name: list(topic.partitions) for name, topic in found.items()}

    def _asked(self, question: Callable[[], T]) -> T:
        try:
            return question()
        except KafkaException as error:
            reason: KafkaError = error.args[0]
            kind: type[PlatformError] = Unreachable if reason.code() in _NO_ANSWER else Refused
            raise kind(f"Kafka at {self.brokers}: {reason.str()}") from error


def _end(reader: Consumer, topic: str, number: int, within: float) -> int:
    _, end = reader.get_watermark_offsets(TopicPartition(topic, number), timeout=within)
    return end
