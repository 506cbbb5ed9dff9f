"""Trino's catalogs: their properties, and the statement that creates one.

Read this to see which settings of Trino the views rely on.
"""

from __future__ import annotations

from collections.abc import Mapping

from reference.realtime_data_platform.source.description import escaped
from reference.realtime_data_platform.stream.artifacts import Peers

MOST_ROWS_OF_A_SEGMENT = 1_000_000_000
"""Limit on the rows of a segment in Pinot; Trino fails a query that reads a larger one. Its default is 50,000."""


def pinot_catalog(peers: Peers, *, most_rows: int = MOST_ROWS_OF_A_SEGMENT) -> dict[str, str]:
    """Return the properties of the Pinot catalog.

    Args:
        peers: Addresses of the services.
        most_rows: Limit on the rows of a segment; Trino fails a query that reads a larger one.
    """
    return {
        "pinot.controller-urls": peers.pinot_controller,
        "pinot.grpc.port": str(peers.pinot_grpc_port),
        "pinot.metadata-expiry": "1s",
        "pinot.max-rows-per-split-for-segment-queries": str(most_rows),
    }


def hive_catalog(peers: Peers) -> dict[str, str]:
    """Return the properties of the Hive catalog, which stores views and subsets; timestamps have microseconds."""
    return {
        "hive.metastore": "thrift",
        "hive.metastore.uri": peers.metastore,
        "hive.recursive-directories": "true",
        "hive.storage-format": "PARQUET",
        "hive.insert-existing-partitions-behavior": "APPEND",
        "hive.timestamp-precision": "MICROSECONDS",
        **_store(peers),
    }


def iceberg_catalog(peers: Peers) -> dict[str, str]:
    """Return the properties of the Iceberg catalog, which stores the bases of views in the same metastore.

    A commit replaces the table's metadata in the metastore only if it is unchanged (compare and swap), so that Hive's
    own locks are not needed.
    """
    return {
        "iceberg.catalog.type": "hive_metastore",
        "hive.metastore.uri": peers.metastore,
        "iceberg.hive-catalog.locking-enabled": "false",
        "iceberg.expire-snapshots.min-retention": "1h",
        **_store(peers),
    }


def all_catalogs(peers: Peers) -> dict[str, dict[str, str]]:
    """Return the properties of every catalog, by its name, which is also the name of its connector."""
    return {"pinot": pinot_catalog(peers), "hive": hive_catalog(peers), "iceberg": iceberg_catalog(peers)}


def _store(peers: Peers) -> dict[str, str]:
    return {
        "fs.native-s3.enabled": "true",
        "s3.endpoint": peers.s3,
        "s3.region": "us-east-1",
        "s3.path-style-access": "true",
        "s3.aws-access-key": peers.s3_access_key,
        "s3.aws-secret-key": peers.s3_secret_key,
    }


def catalog_sql(name: str, connector_name: str, properties: Mapping[str, str]) -> str:
    """Return the CREATE CATALOG statement."""
    lines = ",\n".join(f"  \"{key}\" = '{escaped(value)}'" for key, value in properties.items())
    return f"CREATE CATALOG {name} USING {connector_name}\nWITH (\n{lines}\n)"
