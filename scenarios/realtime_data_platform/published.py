"""What the document publishes, by its own keys and values; addresses are those of `environment.toml`."""

DDL = """
CREATE TABLE {name} (
    id bigserial NOT NULL, customer_id bigint NOT NULL, name text NOT NULL{more}, PRIMARY KEY (id, customer_id)
)
"""

PEOPLE = [(1, "Fasih"), (2, "Alice"), (3, "Bob")]

VIEW_ROWS = [(1, 1, "Fasih", "r"), (2, 2, "Alice", "r"), (3, 3, "Bob", "r")]


def connector(name="person"):
    """The connector; `name` lets errata have tables of their own."""
    return {
        "name": name,
        "config": {
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "database.hostname": "postgres",
            "database.user": "postgres",
            "database.password": "postgres",
            "database.dbname": "postgres",
            "database.server.name": "postgres",
            "table.include.list": rf".*\.{name}",
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
            "event.processing.failure.handling.mode": "skip",
            "producer.override.compression.type": "snappy",
            "topic.prefix": "user_service",
            # Two connectors at one database need a slot and a publication each: the document has one.
            "slot.name": f"platform_{name}",
            "publication.name": f"platform_{name}",
        },
    }


def schema(name="person"):
    return {
        "schemaName": name,
        "dimensionFieldSpecs": [
            {"name": "id", "dataType": "LONG"},
            {"name": "customer_id", "dataType": "LONG"},
            {"name": "source", "dataType": "JSON"},
            {"name": "op", "dataType": "STRING"},
        ],
        "dateTimeFieldSpecs": [
            {
                "name": "ts_ms",
                "dataType": "LONG",
                "format": "1:MILLISECONDS:EPOCH",
                "granularity": "1:MILLISECONDS",
            }
        ],
        "primaryKeyColumns": ["id", "customer_id"],
        "metricFieldSpecs": [],
    }


TRANSFORMS = [
    {"columnName": "id", "transformFunction": "jsonPath(payload, '$.after.id')"},
    {"columnName": "customer_id", "transformFunction": "jsonPath(payload, '$.after.customer_id')"},
    {"columnName": "source", "transformFunction": "jsonPath(payload, '$.after')"},
    {"columnName": "op", "transformFunction": "jsonPath(payload, '$.op')"},
]

PINOT_CATALOG = """CREATE CATALOG {name} USING pinot WITH ("pinot.controller-urls" = 'pinot-controller:9000')"""

# The document stores its views in AWS Glue and S3, and says to change that.
HIVE_CATALOG = """
CREATE CATALOG {name} USING hive WITH (
    "hive.metastore" = 'thrift',
    "hive.metastore.uri" = 'thrift://hive:9083',
    "hive.recursive-directories" = 'true',
    "hive.storage-format" = 'PARQUET',
    "hive.insert-existing-partitions-behavior" = 'APPEND',
    "fs.native-s3.enabled" = 'true',
    "s3.endpoint" = 'http://s3:7070',
    "s3.path-style-access" = 'true',
    "s3.region" = 'us-east-1',
    "s3.aws-access-key" = 'executable',
    "s3.aws-secret-key" = 'documents'
)
"""

VIEW = """
CREATE OR REPLACE VIEW hive.views.{name} AS
SELECT id, customer_id, JSON_EXTRACT_SCALAR(source, '$.name') AS name, op FROM pinot.default.{name}
"""
