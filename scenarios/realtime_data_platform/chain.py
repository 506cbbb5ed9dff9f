"""One table's chain, laid the published or the corrected way."""

import json

import psycopg
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from fixtures.waiting import eventually
from reference.realtime_data_platform import artifacts
from scenarios.realtime_data_platform import published

SEEN_WITHIN = 60


class Chain:
    """A table with the document's columns, in PostgreSQL and on its way to Trino.

    Args:
        platform: The platform's client.
        kafka: The broker, running.
        name: The table's name.
        more: More columns of the table, in SQL.
    """

    def __init__(self, platform, kafka, name, more=""):
        self.platform = platform
        self.kafka = str(kafka.address())
        self.name = name
        self.remove()
        self.sql(published.DDL.format(name=name, more=more))

    def lay(self, way, people=published.PEOPLE):
        """Insert people, have the chain, and wait until Pinot has them."""
        for customer, name in people:
            self.sql(f"INSERT INTO {self.name} (customer_id, name) VALUES (%s, %s)", customer, name)
        if way == "corrected":
            self.platform.apply(self.described())
        else:
            connector = published.connector(self.name)
            self.platform.connectors.apply(connector)
            self.platform.connectors.wait_for_topic(connector["name"], self.name)
            self.platform.pinot.apply(published.schema(self.name), self.published_table())
            self.platform.trino.apply_view(published.VIEW.format(name=self.name))
        self.until(lambda: len(self.pinot("id")) >= len(people), "the snapshot is in Pinot")
        return self

    def published_table(self):
        table = artifacts.table(self.described(), self.platform.peers)
        return {**table, "ingestionConfig": {"transformConfigs": published.TRANSFORMS}}

    def described(self):
        return self.platform.describe(self.name)

    def sql(self, statement, *values):
        with psycopg.connect(self.platform.addresses.postgres, autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else None

    def pinot(self, columns="*"):
        return self.platform.pinot.query(f"SELECT {columns} FROM {self.name} LIMIT 10000")

    def view(self, columns="*"):
        return sorted(self.platform.trino.query(f"SELECT {columns} FROM hive.views.{self.name}"))

    def until(self, condition, message):
        return eventually(condition, within=SEEN_WITHIN, every=0.2, message=lambda: f"{message}: {self.pinot()}")

    def messages(self, topic=None, at_least=0):
        """Return every message of a topic, in order, as soon as there are `at_least` so many."""
        partition = TopicPartition(topic or self.name, 0, OFFSET_BEGINNING)
        consumer = Consumer({"bootstrap.servers": self.kafka, "group.id": "reader", "enable.auto.commit": False})
        found = []
        try:
            consumer.assign([partition])

            def enough():
                found.extend(message for message in consumer.consume(1000, timeout=0.1) if message.error() is None)
                _, end = consumer.get_watermark_offsets(partition, timeout=10)
                return len(found) >= max(end, at_least)

            eventually(enough, within=SEEN_WITHIN, every=0.01, despite=KafkaException)  # no such topic yet
        finally:
            consumer.close()
        return found

    def events(self, at_least=0):
        """Return the payloads in the table's topic, None for a null message."""
        raw = [message.value() for message in self.messages(at_least=at_least)]
        return [None if value is None else json.loads(value)["payload"] for value in raw]

    def remove(self):
        """Have nothing of it, its topic included: a chain of the same name must start anew."""
        self.platform.remove(self.name)
        self.sql(f"DROP TABLE IF EXISTS {self.name}")
        admin = AdminClient({"bootstrap.servers": self.kafka})
        if self.name in admin.list_topics(timeout=10).topics:
            admin.delete_topics([self.name])[self.name].result()
            eventually(lambda: self.name not in admin.list_topics(timeout=10).topics, within=SEEN_WITHIN)
