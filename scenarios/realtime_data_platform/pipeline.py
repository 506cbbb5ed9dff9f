"""The pipeline of one table, from PostgreSQL to the Trino view, created as published or corrected."""

import json

import psycopg
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from fixtures.waiting import eventually
from reference.realtime_data_platform.source.description import in_pinot, quoted
from reference.realtime_data_platform.view.base import base
from scenarios.realtime_data_platform import published

VISIBLE_WITHIN = 60
HEARTBEATS = "__debezium-heartbeat"


class Pipeline:
    """A table with the document's columns, and how to change it and to read it at each stage of its pipeline.

    Args:
        platform: The platform's client.
        kafka: The running Kafka service.
        name: The table's name; a table of this name is replaced.
        more: Additional columns in SQL, beginning with a comma.
        ddl: CREATE TABLE statement with the fields `name` and `more`.
    """

    def __init__(self, platform, kafka, name, more="", ddl=published.DDL):
        self.platform = platform
        self.kafka = str(kafka.address())
        self.name = name
        self.quoted = quoted(name)
        if self.sql("SELECT to_regclass(%s)", self.quoted) != [(None,)]:  # from an earlier test, or a run with --keep
            self.remove()
        self.sql(ddl.format(name=self.quoted, more=more))

    def start(self, way, people=published.PEOPLE):
        """Insert people, create the pipeline the given way, and wait until Pinot has all rows of the table."""
        for person in people:
            self.insert(*person)
        if way == "corrected":
            self.platform.apply(self.described())
        else:
            connector = published.connector(self.platform.peers, self.name)
            self.platform.connectors.apply(connector)
            self.platform.connectors.wait_for_topic(connector["name"], self.name)
            self.platform.pinot.apply(
                published.schema(self.platform.peers, self.name), published.table(self.platform.peers, self.name)
            )
            self.platform.trino.apply_view(published.VIEW.format(name=self.quoted))
        [(rows,)] = self.sql(f"SELECT count(*) FROM {self.quoted}")
        self.until(lambda: len(set(self.pinot("id"))) == rows, "Pinot lacks rows of the snapshot")
        return self

    def insert(self, customer, name):
        """Insert a person and return the id."""
        statement = f"INSERT INTO {self.quoted} (customer_id, name) VALUES (%s, %s) RETURNING id"
        return self.sql(statement, customer, name)[0][0]

    def described(self):
        """Return the present definition of the table in PostgreSQL."""
        return self.platform.describe(self.name)

    def connection(self):
        """Return a PostgreSQL connection in autocommit mode."""
        return psycopg.connect(self.platform.addresses.postgres, autocommit=True)

    def sql(self, statement, *values):
        """Run a statement in PostgreSQL and return its rows, or None."""
        with self.connection() as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else None

    def pinot(self, columns="*", options=""):
        """Return rows from Pinot's broker: the newest row of each key if published, every change if corrected.

        `option(skipUpsert=true)` includes the changes that newer ones have replaced.
        """
        return self.platform.pinot.query(f"SELECT {columns} FROM {in_pinot(self.name)} LIMIT 10000 {options}")

    def view(self, columns="*", where=""):
        """Return the rows of the Trino view, sorted."""
        return sorted(self.platform.trino.query(f"SELECT {columns} FROM hive.views.{self.quoted} {where}"))

    def until(self, condition, message):
        """Wait until the condition is true; the message says what is missing, and Pinot's rows are added to it."""
        return eventually(condition, within=VISIBLE_WITHIN, every=0.2, message=lambda: f"{message}: {self.pinot()}")

    def until_equal(self, within=VISIBLE_WITHIN):
        """Wait until the view equals the table."""
        table = self.described()
        eventually(lambda: not self.platform.verify(table), within=within, message=lambda: self.platform.verify(table))

    def messages(self, topic=None, at_least=0):
        """Return all messages of a topic in order, after waiting until it has `at_least` that many."""
        partition = TopicPartition(topic or self.name, 0, OFFSET_BEGINNING)
        consumer = Consumer({"bootstrap.servers": self.kafka, "group.id": "reader", "enable.auto.commit": False})
        found = []
        try:
            consumer.assign([partition])

            def enough():
                found.extend(message for message in consumer.consume(1000, timeout=0.1) if message.error() is None)
                _, end = consumer.get_watermark_offsets(partition, timeout=10)
                return len(found) >= max(end, at_least)

            eventually(
                enough, within=VISIBLE_WITHIN, every=0.01, despite=KafkaException
            )  # the topic does not exist yet
        finally:
            consumer.close()
        return found

    def events(self, at_least=0):
        """Return the Debezium payload of each message in the table's topic, None for a null message."""
        raw = [message.value() for message in self.messages(at_least=at_least)]
        return [None if value is None else json.loads(value)["payload"] for value in raw]

    def messages_with_events(self):
        """Return pairs of a Kafka message and its Debezium payload, from the table's topic."""
        return [(message, json.loads(message.value())["payload"]) for message in self.messages()]

    def remove(self):
        """Remove pipeline, topics and table, so that a pipeline of the same name starts from nothing."""
        self.remove_parts()
        prefixes = {
            f"user_service_{self.name}",
            published.connector(self.platform.peers, self.name)["config"]["topic.prefix"],
        }
        self.delete_topics({self.name, *(f"{HEARTBEATS}.{prefix}" for prefix in prefixes)})
        self.sql(f"DROP TABLE IF EXISTS {self.quoted}")

    def remove_parts(self):
        """Remove every part with a name of the pipeline; the library would refuse to remove those made as published."""
        trino = self.platform.trino
        catalogs = {name for (name,) in trino.query("SHOW CATALOGS")}
        if "hive" in catalogs:
            trino.remove_view(f"hive.views.{self.quoted}")
        if "iceberg" in catalogs:
            trino.query(f"DROP TABLE IF EXISTS {base(self.name)}")
        self.platform.pinot.remove(in_pinot(self.name))
        self.platform.connectors.remove(self.name)
        slot = f"platform_{self.name}"
        self.sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s", slot)
        self.sql(f"DROP PUBLICATION IF EXISTS {slot}")

    def delete_topics(self, own):
        """Delete the topics of these names that exist, and wait until they are gone."""
        admin = AdminClient({"bootstrap.servers": self.kafka})
        if existing := own & admin.list_topics(timeout=10).topics.keys():
            for deleted in admin.delete_topics(list(existing)).values():
                deleted.result()
            eventually(lambda: not own & admin.list_topics(timeout=10).topics.keys(), within=VISIBLE_WITHIN)
