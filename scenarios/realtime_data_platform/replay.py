"""Send the change events of one table again, in parts and to chosen partitions, as if they arrived late."""

import json

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from fixtures.waiting import eventually
from reference.realtime_data_platform.stream import artifacts
from scenarios.realtime_data_platform.pipeline import VISIBLE_WITHIN, Pipeline


class Replay:
    """A pipeline without a connector: a table with the rows of another, whose events the test sends.

    Args:
        original: The pipeline of the table whose rows and events are taken.
        pipeline: The pipeline of an empty table with the same columns.
        partitions: Number of partitions of its topic; an event goes to that of its id.
    """

    def __init__(self, original: Pipeline, pipeline: Pipeline, partitions):
        self.pipeline, self.partitions, self.platform = pipeline, partitions, pipeline.platform
        pipeline.sql(f"INSERT INTO {pipeline.quoted} SELECT * FROM {original.quoted}")
        self.waiting = original.messages_with_events()
        self.sent = 0
        admin = AdminClient({"bootstrap.servers": pipeline.kafka})
        for created in admin.create_topics([NewTopic(pipeline.name, partitions, 1)]).values():
            created.result()
        self.producer = Producer({"bootstrap.servers": pipeline.kafka})
        table = pipeline.described()
        self.platform.pinot.apply(artifacts.schema(table), artifacts.table(table, self.platform.peers))
        self.platform.apply_catalogs()
        self.platform.trino.apply_view(self.platform.view_sql(table))

    def send(self, wanted):
        """Send the waiting events that are wanted, in their order, and wait until Pinot has them."""
        chosen = [pair for pair in self.waiting if wanted(pair[1])]
        self.waiting = [pair for pair in self.waiting if not wanted(pair[1])]
        for message, _ in chosen:
            partition = json.loads(message.key())["payload"]["id"] % self.partitions
            self.producer.produce(self.pipeline.name, message.value(), message.key(), partition)
        self.producer.flush()
        self.sent += len(chosen)
        eventually(lambda: len(self.pipeline.pinot("id")) == self.sent, within=VISIBLE_WITHIN)

    def compact(self):
        return self.platform.compact(self.pipeline.name)

    def difference(self):
        return self.platform.verify(self.pipeline.described())
