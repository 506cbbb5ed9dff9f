"""The artifacts that a table's description generates for REST interfaces: connector, Pinot's schema and table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .description import TYPES, Table, in_pinot

CONNECTOR = "io.debezium.connector.postgresql.PostgresConnector"


@dataclass(frozen=True)
class Peers:
    """Where the services find each other, in their own eyes; the defaults are the names in `environment.toml`.

    Attributes:
        postgres: Host and port of PostgreSQL.
        user: Its user, who may replicate.
        password: The user's password.
        database: The database.
        kafka: Host and port of a broker.
        pinot_controller: Host and port of Pinot's controller.
        metastore: URI of Hive's metastore.
        s3: Endpoint of the object store.
        s3_access_key: Its key.
        s3_secret_key: Its secret, or a reference that Trino resolves itself: a catalog is stored as it was written.
        bucket: The bucket of schemas and their tables.
    """

    postgres: str = "postgres:5432"
    user: str = "postgres"
    password: str = "postgres"  # noqa: S105  # what make up sets
    database: str = "postgres"
    kafka: str = "kafka:9092"
    pinot_controller: str = "pinot-controller:9000"
    metastore: str = "thrift://hive:9083"
    s3: str = "http://s3:7070"
    s3_access_key: str = "executable"
    s3_secret_key: str = "${ENV:S3_SECRET_KEY}"  # noqa: S105  # the reference, not the secret
    bucket: str = "lake"


def connector(table: Table, peers: Peers, *, poll_ms: int = 20) -> dict[str, Any]:
    """Return the connector of a table for `POST /connectors`.

    Against the document: the schema is named, a failure stops the connector, what the connector does not know is gone,
    each connector has a slot, a publication and a prefix of its own (a second one of a prefix waits a minute for the
    first one's name in JMX, and then goes without metrics), and it looks for changes every `poll_ms` milliseconds.
    """
    host, _, port = peers.postgres.rpartition(":")
    return {
        "name": table.name,
        "config": {
            "connector.class": CONNECTOR,
            "database.hostname": host,
            "database.port": port,
            "database.user": peers.user,
            "database.password": peers.password,
            "database.dbname": peers.database,
            "table.include.list": f"{table.schema}\\.{table.name}",
            "plugin.name": "pgoutput",
            "publication.autocreate.mode": "filtered",
            "time.precision.mode": "connect",
            "tombstones.on.delete": "false",
            "snapshot.mode": "initial",
            "heartbeat.interval.ms": "1000",
            "transforms": "route",
            "transforms.route.type": "org.apache.kafka.connect.transforms.RegexRouter",
            "transforms.route.regex": r"([^.]+)\.([^.]+)\.([^.]+)",
            "transforms.route.replacement": "$3",
            "event.processing.failure.handling.mode": "fail",
            "producer.override.compression.type": "snappy",
            "topic.prefix": f"user_service_{table.name}",
            "slot.name": f"platform_{table.name}",
            "publication.name": f"platform_{table.name}",
            "poll.interval.ms": str(poll_ms),
        },
    }


def schema(table: Table) -> dict[str, Any]:
    """Return Pinot's schema: the key's columns, the row as JSON, the operation, its time and its place in the log."""
    fields = [{"name": column.name, "dataType": TYPES[column.type][0]} for column in table.key_columns()]
    fields += [{"name": "source", "dataType": "JSON"}, {"name": "op", "dataType": "STRING"}]
    fields += [{"name": "lsn", "dataType": "LONG"}]
    time = {"name": "ts_ms", "dataType": "LONG", "format": "1:MILLISECONDS:EPOCH", "granularity": "1:MILLISECONDS"}
    return {
        "schemaName": in_pinot(table.name),
        "dimensionFieldSpecs": fields,
        "dateTimeFieldSpecs": [time],
        "primaryKeyColumns": [column.name for column in table.key_columns()],
        "metricFieldSpecs": [],
    }


def transforms(table: Table) -> list[dict[str, str]]:
    """Return the cuts out of Debezium's payload.

    A delete carries no `after`: the key is then that of `before`, so that the delete replaces the row it means.
    """
    cuts = []
    for column in table.key_columns():
        kind = {"LONG": "jsonPathLong", "INT": "jsonPathLong", "DOUBLE": "jsonPathDouble"}.get(
            TYPES[column.type][0], "jsonPathString"
        )
        nothing = "''" if kind == "jsonPathString" else "0"
        before = f"{kind}(payload, '$.before.{column.name}', {nothing})"
        cuts.append((column.name, f"{kind}(payload, '$.after.{column.name}', {before})"))
    cuts += [(name, f"jsonPath(payload, '{path}')") for name, path in ROW.items()]
    return [{"columnName": name, "transformFunction": function} for name, function in cuts]


# The log's sequence number orders the changes of a key; two of them may share a millisecond.
ROW = {"source": "$.after", "op": "$.op", "ts_ms": "$.ts_ms", "lsn": "$.source.lsn"}


def table(described: Table, peers: Peers) -> dict[str, Any]:
    """Return Pinot's realtime table: the newest row a key, read from the topic's beginning."""
    kafka = "org.apache.pinot.plugin.stream"
    return {
        "tableName": in_pinot(described.name),
        "tableType": "REALTIME",
        "tenants": {},
        "metadata": {},
        "routing": {"instanceSelectorType": "strictReplicaGroup"},
        "upsertConfig": {"mode": "FULL"},
        "segmentsConfig": {
            "timeColumnName": "ts_ms",
            "timeType": "MILLISECONDS",
            "schemaName": in_pinot(described.name),
            "replication": "1",
            "replicasPerPartition": "1",
            "retentionTimeUnit": "DAYS",
            "retentionTimeValue": "3650",
        },
        "tableIndexConfig": {
            "loadMode": "MMAP",
            "nullHandlingEnabled": True,
            "streamConfigs": {
                "streamType": "kafka",
                "stream.kafka.consumer.type": "lowlevel",
                "stream.kafka.topic.name": described.name,
                "stream.kafka.broker.list": peers.kafka,
                "stream.kafka.consumer.factory.class.name": f"{kafka}.kafka20.KafkaConsumerFactory",
                "stream.kafka.decoder.class.name": f"{kafka}.kafka.KafkaJSONMessageDecoder",
                "stream.kafka.consumer.prop.auto.offset.reset": "smallest",
                "realtime.segment.flush.threshold.rows": "10000",
                "realtime.segment.flush.threshold.time": "1h",
            },
        },
        "ingestionConfig": {"transformConfigs": transforms(described)},
    }
