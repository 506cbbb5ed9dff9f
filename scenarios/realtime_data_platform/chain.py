"""One table's chain, laid the published or the corrected way."""

import json

import psycopg
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from fixtures.waiting import eventually
from reference.realtime_data_platform.description import in_pinot, quoted
from scenarios.realtime_data_platform import published

SEEN_WITHIN = 60
HEARTBEATS = "__debezium-heartbeat"


class Chain:
    """A table with the document's columns, in PostgreSQL and on its way to Trino.

    Args:
        platform: The platform's client.
        kafka: The broker, running.
        name: The table's name.
        more: More columns of the table, in SQL.
        ddl: The statement that makes the table, of `name` and `more`.
    """

    def __init__(self, platform, kafka, name, more="", ddl=published.DDL):
        self.platform = platform
        self.kafka = str(kafka.address())
        self.name = name
        self.quoted = quoted(name)
        self.remove()
        self.sql(ddl.format(name=self.quoted, more=more))

    def lay(self, way, people=published.PEOPLE):
        """Insert people, have the chain, and wait until Pinot has what the table has."""
        for person in people:
            self.insert(*person)
        if way == "corrected":
            self.platform.apply(self.described())
        else:
            connector = published.connector(self.name)
            self.platform.connectors.apply(connector)
            self.platform.connectors.wait_for_topic(connector["name"], self.name)
            self.platform.pinot.apply(published.schema(self.name), published.table(self.name))
            self.platform.trino.apply_view(published.VIEW.format(name=self.quoted))
        [(rows,)] = self.sql(f"SELECT count(*) FROM {self.quoted}")
        self.until(lambda: len(self.pinot("id")) == rows, "the snapshot is in Pinot")
        return self

    def insert(self, customer, name):
        """Insert a person, and return their id."""
        statement = f"INSERT INTO {self.quoted} (customer_id, name) VALUES (%s, %s) RETURNING id"
        return self.sql(statement, customer, name)[0][0]

    def described(self):
        return self.platform.describe(self.name)

    def connection(self):
        """Return a connection to PostgreSQL that commits each statement."""
        return psycopg.connect(self.platform.addresses.postgres, autocommit=True)

    def sql(self, statement, *values):
        with self.connection() as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else None

    def pinot(self, columns="*", options=""):
        """Return rows of Pinot; `option(skipUpsert=true)` also those that newer ones have replaced."""
        return self.platform.pinot.query(f"SELECT {columns} FROM {in_pinot(self.name)} LIMIT 10000 {options}")

    def view(self, columns="*"):
        return sorted(self.platform.trino.query(f"SELECT {columns} FROM hive.views.{self.quoted}"))

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

    def told(self):
        """Return each message of the table's topic with its payload."""
        return [(message, json.loads(message.value())["payload"]) for message in self.messages()]

    def remove(self):
        """Have nothing of it, its topic included: a chain of the same name must start anew."""
        self.platform.remove(self.name)
        self.sql(f"DROP TABLE IF EXISTS {self.quoted}")
        prefixes = {f"user_service_{self.name}", published.connector(self.name)["config"]["topic.prefix"]}
        own = {self.name, *(f"{HEARTBEATS}.{prefix}" for prefix in prefixes)}
        admin = AdminClient({"bootstrap.servers": self.kafka})
        if there := own & admin.list_topics(timeout=10).topics.keys():
            for deleted in admin.delete_topics(list(there)).values():
                deleted.result()
            eventually(lambda: not own & admin.list_topics(timeout=10).topics.keys(), within=SEEN_WITHIN)
