CREATE CATALOG iceberg USING iceberg
WITH (
  "iceberg.catalog.type" = 'hive_metastore',
  "hive.metastore.uri" = 'thrift://hive:9083',
  "iceberg.hive-catalog.locking-enabled" = 'false',
  "iceberg.expire-snapshots.min-retention" = '1h',
  "fs.native-s3.enabled" = 'true',
  "s3.endpoint" = 'http://s3:7070',
  "s3.region" = 'us-east-1',
  "s3.path-style-access" = 'true',
  "s3.aws-access-key" = 'executable',
  "s3.aws-secret-key" = '${ENV:S3_SECRET_KEY}'
)
