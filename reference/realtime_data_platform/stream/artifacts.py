"""The JSON that is generated from a table's definition: the Debezium connector, and Pinot's schema and table.

Read this to see what is configured and why; the folder `artifacts_of_person` holds the result for the document's table.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reference.realtime_data_platform.endpoints import KafkaAddress
from reference.realtime_data_platform.source.column_types import DAYS, ENCODING
from reference.realtime_data_platform.source.description import (
    AFTER_COMMIT,
    NAME,
    PUBLIC,
    ROW_COLUMNS,
    Column,
    Table,
    in_pinot,
    is_plain,
    quoted,
    slot,
)
from reference.realtime_data_platform.source.publication import MADE_BY

from . import security

LONGEST = 2**31 - 1
LARGEST = 20 << 20
"""Bytes of the largest message. The message of an update has the whole row twice, before and after the change."""
PREFIX = "user_service_"
CONNECTOR = "io.debezium.connector.postgresql.PostgresConnector"
ROUTER = "org.apache.kafka.connect.transforms.RegexRouter"
CLIENT = "producer.override.client.id"
"""The key of a connector's configuration whose value marks the connector as the platform's; Connect knows this key."""


@dataclass(frozen=True)
class Peers:
    """Addresses at which the services reach each other; `platform.Addresses` has those for this process.

    The defaults are the host names of the document's `environment.toml`.

    Attributes:
        postgres: Host and port of PostgreSQL.
        user: A PostgreSQL user with the REPLICATION privilege.
        password: A reference to the user's password, which a config provider of Connect's worker resolves. The password
            itself could be read by anyone who reaches Connect.
        database: Name of the database.
        sslmode: Whether Connect encrypts its connection to PostgreSQL and checks the certificate, with the values of
            libpq, such as `verify-full`; by default it encrypts if the server supports that.
        kafka: Host and port of a broker; `SSL://` or `SASL_SSL://` before them for an encrypted listener.
        ca: Path of the file of trusted certificate authorities, in PEM, on the machines of Connect and of Pinot.
        certificate: Path of the file with key and certificate, in PEM, with which Pinot's machines authenticate
            themselves to Kafka.
        pinot_controller: Host and port of Pinot's controller.
        pinot_grpc_port: The gRPC port at which Trino reads segments from Pinot's servers; the same on all servers.
        metastore: URI of Hive's metastore.
        s3: Endpoint of the object store.
        s3_access_key: Access key of the object store.
        s3_secret_key: Secret key of the object store, or better a reference that Trino resolves, since Trino stores a
            catalog's properties in clear text.
        bucket: Bucket of the Hive schemas and their tables.
    """

    postgres: str = "postgres:5432"
    user: str = "postgres"
    password: str = "${env:POSTGRES_PASSWORD}"  # noqa: S105  # the reference, not the password
    database: str = "postgres"
    sslmode: str = ""
    kafka: str = "kafka:9092"
    ca: str = ""
    certificate: str = ""
    pinot_controller: str = "pinot-controller:9000"
    pinot_grpc_port: int = 8090
    metastore: str = "thrift://hive:9083"
    s3: str = "http://s3:7070"
    s3_access_key: str = "executable"
    s3_secret_key: str = "${ENV:S3_SECRET_KEY}"  # noqa: S105  # the reference, not the secret
    bucket: str = "lake"


def connector(table: Table, peers: Peers, *, poll_ms: int = 20) -> dict[str, Any]:
    """Return the Debezium connector of a table, for `POST /connectors`.

    It differs from the document's connector: it includes one table of one schema; a failure stops it; keys that
    Debezium ignores are left out; it has its own replication slot, publication and topic prefix (a second connector
    with the same prefix waits a minute for the JMX name of the first one, and then has no metrics); and it polls every
    `poll_ms` milliseconds.

    Args:
        table: The table.
        peers: Addresses of the services.
        poll_ms: Milliseconds between two polls for changes.
    """
    return {
        "name": table.pipeline,
        "config": {
            **source(peers),
            "table.include.list": pattern(table.schema, table.name),
            "publication.autocreate.mode": "filtered",
            "snapshot.mode": "initial",
            "transforms": "route",
            "transforms.route.type": ROUTER,
            **_route(table),
            CLIENT: f"{MADE_BY}.{table.pipeline}",
            "topic.prefix": f"{PREFIX}{table.pipeline}",
            "slot.name": slot(table.pipeline),
            "publication.name": slot(table.pipeline),
            "poll.interval.ms": str(poll_ms),
            **left_out([table]),
            **snapshot([table]),
        },
    }


def source(peers: Peers) -> dict[str, str]:
    """Return the settings that are the same for all connectors of a database."""
    host, _, port = peers.postgres.rpartition(":")
    return {
        "connector.class": CONNECTOR,
        "database.hostname": host,
        "database.port": port,
        "database.user": peers.user,
        "database.password": peers.password,
        "database.dbname": peers.database,
        **security.of_database(peers),
        "plugin.name": "pgoutput",
        **ENCODING,
        "tombstones.on.delete": "false",
        "skipped.operations": "none",  # by default Debezium leaves out TRUNCATE
        "heartbeat.interval.ms": "1000",
        "event.processing.failure.handling.mode": "fail",
        "producer.override.compression.type": "snappy",
        # Kafka's default of a megabyte is too low: an update's event has the row twice, and a larger event stops the
        # connector.
        "producer.override.max.request.size": str(LARGEST),
        "producer.override.buffer.memory": str(2 * LARGEST),
        "topic.creation.default.max.message.bytes": str(LARGEST),
        "topic.creation.default.partitions": "-1",  # the brokers' own default
        "topic.creation.default.replication.factor": "-1",
    }


def heartbeats(connector_name: str) -> str:
    """Return the name of the topic that a connector writes its heartbeats to."""
    return f"__debezium-heartbeat.{PREFIX}{connector_name}"


def mark(name: str, schema: str, peers: Peers, shared: str = "") -> dict[str, str]:
    """Return the mark of Pinot's table: who made it, for which table of which database, and the set's name, if any."""
    followed = f"{peers.database}: {quoted(schema)}.{quoted(name)}"
    own = {"made by": MADE_BY, "table": followed.encode("unicode_escape").decode()}  # in ASCII, whatever stores it
    return own | ({"set": shared} if shared else {})


def pattern(*names: str) -> str:
    """Return a regular expression that matches exactly one table or column in Debezium's lists.

    Debezium ignores case unless the expression turns that off, and splits a list of expressions at commas.
    """
    return "(?-i)" + "\\.".join(
        re.sub(r"[^A-Za-z0-9_]", lambda found: f"\\x{{{ord(found[0]):x}}}", name) for name in names
    )


def _route(table: Table) -> dict[str, str]:
    """Return the route of a table's events to the topic of its pipeline."""
    if is_plain(table.name, table.schema):
        regex, topic = r"([^.]+)\.([^.]+)\.([^.]+)", "$3" if table.schema == PUBLIC else table.pipeline
    else:  # in Debezium's name of the topic, characters that Kafka does not allow are replaced
        regex, topic = rf"{PREFIX}{table.pipeline}\..*", table.pipeline
    return {"transforms.route.regex": regex, "transforms.route.replacement": topic}


def left_out(tables: Sequence[Table]) -> dict[str, str]:
    """Return the setting by which Debezium leaves out the columns that are not carried."""
    patterns = [pattern(table.schema, table.name, column) for table in tables for column in table.left_out]
    return {"column.exclude.list": ",".join(patterns)} if patterns else {}


def snapshot(tables: Sequence[Table]) -> dict[str, str]:
    """Return the queries by which a snapshot reads tables with dates: each date as a number of days since 1970.

    Debezium's snapshot reads a date by Java's old calendar, in which a date before 1582 is another day, and one before
    the year 1 loses its era. It passes a number of days on unchanged, and that is also how its stream sends dates. It
    does not find the query of a table whose name has a comma.
    """
    key = "snapshot.select.statement.overrides"
    queries = {
        ".".join(map(_parsed, (table.schema, table.name))): f"SELECT {', '.join(map(_selected, table.columns))} "  # noqa: S608  # quoted
        f"FROM {table.quoted}"
        for table in tables
        if any(column.type == "date" for column in table.columns)
    }
    if not queries:
        return {}
    return {key: ",".join(queries)} | {f"{key}.{name}": query for name, query in queries.items()}


def _parsed(name: str) -> str:
    """Return a name in the form that Debezium parses: it splits a name without quotes at spaces and dots."""
    return name if NAME.fullmatch(name) else quoted(name)


def _selected(column: Column) -> str:
    name = quoted(column.name)
    if column.type != "date":
        return name
    later, earlier = DAYS
    return (
        f"CASE {name} WHEN 'infinity' THEN {later} WHEN '-infinity' THEN {earlier} ELSE {name} - DATE '1970-01-01' END "
        f"AS {name}"
    )


def schema(table: Table) -> dict[str, Any]:
    """Return Pinot's schema: the key columns, the row as JSON, the operation, and its time and position in the log."""
    fields: list[dict[str, Any]] = [_key_field(column) for column in table.key_columns()]
    fields += [{"name": "source", "dataType": "JSON"}, {"name": "op", "dataType": "STRING"}]
    fields += [{"name": name, "dataType": "LONG"} for name in ("lsn", AFTER_COMMIT)]
    time = {"name": "ts_ms", "dataType": "LONG", "format": "1:MILLISECONDS:EPOCH", "granularity": "1:MILLISECONDS"}
    return {
        "schemaName": in_pinot(table.pipeline),
        "dimensionFieldSpecs": fields,
        "dateTimeFieldSpecs": [time],
        "metricFieldSpecs": [],
    }


def transforms(table: Table) -> list[dict[str, str]]:
    """Return the ingestion transforms that extract Pinot's columns from a Debezium event.

    A DELETE event has no `after`: its key is read from `before`, so that the change belongs to the row of that key.
    """
    functions = []
    for column in table.key_columns():
        kind = {"LONG": "jsonPathLong", "INT": "jsonPathLong"}.get(column.carried.pinot, "jsonPathString")
        default = "''" if kind == "jsonPathString" else "0"
        before = f"{kind}(payload, '{_path('before', column)}', {default})"
        functions.append((column.in_pinot, f"{kind}(payload, '{_path('after', column)}', {before})"))
    functions += [(name, f"jsonPath(payload, '{path}')") for name, path in ROW_COLUMNS.items()]
    sequence = "jsonPathString(payload, '$.source.sequence', '[]')"
    own = "jsonPathLong(payload, '$.source.lsn', 0)"
    functions.append((AFTER_COMMIT, f"jsonPathLong({sequence}, '$[0]', {own})"))
    return [{"columnName": name, "transformFunction": function} for name, function in functions]


def _key_field(column: Column) -> dict[str, Any]:
    """Return Pinot's column of a key column; by default, Pinot would cut a text at 512 characters."""
    field: dict[str, Any] = {"name": column.in_pinot, "dataType": column.carried.pinot}
    return field | ({"maxLength": LONGEST} if column.carried.pinot == "STRING" else {})


def _path(part: str, column: Column) -> str:
    """Return the JSON path of a column's value; in a name that is not plain, every character is escaped."""
    if column.in_pinot == column.name:
        return f"$.{part}.{column.name}"
    units = column.name.encode("utf-16-be")
    escaped = "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
    return f'$.{part}["{escaped}"]'


def table(described: Table, peers: Peers) -> dict[str, Any]:
    """Return Pinot's realtime table of all changes, which it reads from the beginning of the topic.

    In a set, Pinot's table is created before the snapshot is taken, and reads from the end of the topic.

    The table has no upsert and only appends: with upsert, a server would keep all keys in memory, and a read during
    updates would see a key twice or not at all.
    """
    kafka = "org.apache.pinot.plugin.stream"
    return {
        "tableName": in_pinot(described.pipeline),
        "tableType": "REALTIME",
        "tenants": {},
        "metadata": {"customConfigs": mark(described.name, described.schema, peers, described.shared)},
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
            "rangeIndexColumns": [AFTER_COMMIT],
            "streamConfigs": {
                "streamType": "kafka",
                "stream.kafka.consumer.type": "lowlevel",
                "stream.kafka.topic.name": described.pipeline,
                "stream.kafka.broker.list": KafkaAddress.of(peers.kafka).brokers,
                **security.of_consumer(peers),
                "stream.kafka.consumer.factory.class.name": f"{kafka}.kafka20.KafkaConsumerFactory",
                "stream.kafka.decoder.class.name": f"{kafka}.kafka.KafkaJSONMessageDecoder",
                "stream.kafka.consumer.prop.auto.offset.reset": "largest" if described.shared else "smallest",
                "realtime.segment.flush.threshold.rows": "50000",
                "realtime.segment.flush.threshold.time": "1h",
            },
        },
        "ingestionConfig": {"transformConfigs": transforms(described)},
    }
