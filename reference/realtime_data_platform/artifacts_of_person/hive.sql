CREATE CATALOG hive USING hive
WITH (
  "hive.metastore" = 'thrift',
  "hive.metastore.uri" = 'thrift://hive:9083',
  "hive.recursive-directories" = 'true',
  "hive.storage-format" = 'PARQUET',
  "hive.insert-existing-partitions-behavior" = 'APPEND',
  "hive.timestamp-precision" = 'MICROSECONDS',
  "fs.native-s3.enabled" = 'true',
  "s3.endpoint" = 'http://s3:7070',
  "s3.region" = 'us-east-1',
  "s3.path-style-access" = 'true',
  "s3.aws-access-key" = 'executable',
  "s3.aws-secret-key" = '${ENV:S3_SECRET_KEY}'
)
