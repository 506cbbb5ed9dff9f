"""The JSON that a table's definition generates for REST APIs: the Debezium connector, Pinot's schema and table.

Read this to see what is configured and why; `artifacts_of_person` holds the result for the document's table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .description import PUBLIC, TYPES, Table, in_pinot, slot

CONNECTOR = "io.debezium.connector.postgresql.PostgresConnector"


@dataclass(frozen=True)
class Peers:
    """Addresses under which the services reach each other (`platform.Addresses`: this process reaches them).

    The defaults are the host names of the document's `environment.toml`.

    Attributes:
        postgres: Host and port of PostgreSQL.
        user: A PostgreSQL user with the REPLICATION privilege.
        password: The user's password.
        database: The database.
        kafka: Host and port of a broker.
        pinot_controller: Host and port of Pinot's controller.
        pinot_grpc_port: The gRPC port of Pinot's servers, one for all of them: Trino reads segments there.
        metastore: URI of Hive's metastore.
        s3: Endpoint of the object store.
        s3_access_key: Access key of the object store.
        s3_secret_key: Its secret key, or better a reference that Trino resolves: Trino stores a catalog's properties in
            clear text.
        bucket: Bucket of the Hive schemas and their tables.
    """

    postgres: str = "postgres:5432"
    user: str = "postgres"
    password: str = "postgres"  # noqa: S105  # the test environment's
    database: str = "postgres"
    kafka: str = "kafka:9092"
    pinot_controller: str = "pinot-controller:9000"
    pinot_grpc_port: int = 8090
    metastore: str = "thrift://hive:9083"
    s3: str = "http://s3:7070"
    s3_access_key: str = "executable"
    s3_secret_key: str = "${ENV:S3_SECRET_KEY}"  # noqa: S105  # the reference, not the secret
    bucket: str = "lake"


def connector(table: Table, peers: Peers, *, poll_ms: int = 20) -> dict[str, Any]:
    """Return the Debezium connector of a table, for `POST /connectors`.

    It differs from the document's: it includes one table of one schema; a failure stops it; keys that Debezium ignores
    are left out; it has its own replication slot, publication and topic prefix (a second connector with the same prefix
    waits a minute for the JMX name of the first and then has no metrics); and it polls every `poll_ms` milliseconds.

    Args:
        table: The table.
        peers: Addresses of the services.
        poll_ms: Milliseconds between two polls for changes.
    """
    host, _, port = peers.postgres.rpartition(":")
    return {
        "name": table.pipeline,
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
            "transforms.route.replacement": "$3" if table.schema == PUBLIC else table.pipeline,
            "event.processing.failure.handling.mode": "fail",
            "producer.override.compression.type": "snappy",
            "topic.prefix": f"user_service_{table.pipeline}",
            "slot.name": slot(table.pipeline),
            "publication.name": slot(table.pipeline),
            "poll.interval.ms": str(poll_ms),
        },
    }


def schema(table: Table) -> dict[str, Any]:
    """Return Pinot's schema: the key columns, the row as JSON, the operation, its time and log sequence number."""
    fields = [{"name": column.name, "dataType": TYPES[column.type][0]} for column in table.key_columns()]
    fields += [{"name": "source", "dataType": "JSON"}, {"name": "op", "dataType": "STRING"}]
    fields += [{"name": "lsn", "dataType": "LONG"}]
    time = {"name": "ts_ms", "dataType": "LONG", "format": "1:MILLISECONDS:EPOCH", "granularity": "1:MILLISECONDS"}
    return {
        "schemaName": in_pinot(table.pipeline),
        "dimensionFieldSpecs": fields,
        "dateTimeFieldSpecs": [time],
        "primaryKeyColumns": [column.name for column in table.key_columns()],
        "metricFieldSpecs": [],
    }


def transforms(table: Table) -> list[dict[str, str]]:
    """Return the ingestion transforms that extract Pinot's columns from a Debezium event.

    A DELETE event has no `after`: its key is read from `before`, so that it replaces the row of that key.
    """
    functions = []
    for column in table.key_columns():
        kind = {"LONG": "jsonPathLong", "INT": "jsonPathLong", "DOUBLE": "jsonPathDouble"}.get(
            TYPES[column.type][0], "jsonPathString"
        )
        default = "''" if kind == "jsonPathString" else "0"
        before = f"{kind}(payload, '$.before.{column.name}', {default})"
        functions.append((column.name, f"{kind}(payload, '$.after.{column.name}', {before})"))
    functions += [(name, f"jsonPath(payload, '{path}')") for name, path in ROW_COLUMNS.items()]
    return [{"columnName": name, "transformFunction": function} for name, function in functions]


# The log sequence number orders the changes of a key, since two of them may have the same millisecond.
ROW_COLUMNS = {"source": "$.after", "op": "$.op", "ts_ms": "$.ts_ms", "lsn": "$.source.lsn"}


def table(described: Table, peers: Peers) -> dict[str, Any]:
    """Return Pinot's realtime table: upsert keeps the newest row of each key, from the beginning of the topic."""
    kafka = "org.apache.pinot.plugin.stream"
    return {
        "tableName": in_pinot(described.pipeline),
        "tableType": "REALTIME",
        "tenants": {},
        "metadata": {},
        "routing": {"instanceSelectorType": "strictReplicaGroup"},
        "upsertConfig": {"mode": "FULL"},
        "segmentsConfig": {
            "timeColumnName": "ts_ms",
            "timeType": "MILLISECONDS",
            "schemaName": in_pinot(described.pipeline),
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
                "stream.kafka.topic.name": described.pipeline,
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
